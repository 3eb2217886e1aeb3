"""Checks of what an `ArcMarginLayer` is made with."""

import math


def check_arguments(
    num_classes: int,
    scale: float,
    sub_centers: int,
    backward: str,
    interclass_filter: float | None,
) -> None:
    """Raises a ValueError that names the argument which is out of range."""
    for name, count in (("num_classes", num_classes), ("sub_centers", sub_centers)):
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={count!r}")
    if not 0.0 < scale < math.inf:
        raise ValueError(f"`scale` must be positive and finite. Received: scale={scale}")
    if backward not in ("exact", "straight_through"):
        raise ValueError(
            "`backward` must be one of ['exact', 'straight_through']. "
            f"Received: backward={backward!r}"
        )
    if interclass_filter is not None and not -1.0 < interclass_filter <= 1.0:
        raise ValueError(
            "`interclass_filter` must be a cosine within (-1, 1], or None. "
            f"Received: interclass_filter={interclass_filter}"
        )
