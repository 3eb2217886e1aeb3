"""DynamicMargin: classes with few images get a wider margin."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from framl_keras.margins.margin import Margin
from framl_keras.margins.registry import register
from framl_keras.ops.arguments import real
from framl_keras.ops.margins import additive_angular_margin

Tensor = Any


@register
class DynamicMargin(Margin):
    """cos(θ + m), m = narrowest + (widest - narrowest) · n^(-decay), n the class's images.

    Args:
        widest: the margin of a class of one image, in radians, below pi.
        decay: how fast it falls with n, within [0, 4).
        narrowest: the margin that endlessly many images would have, not above `widest`.
        class_sizes: how many images each class has, at least one; training knows it.

    Raises:
        ValueError: if an argument is out of range, or there is not one size for each class.

    Example:
    >>> margin = DynamicMargin(class_sizes=[1, 16, 256])
    >>> [round(m, 3) for m in margin.by_class.tolist()]
    [0.55, 0.3, 0.175]

    Reference:
        Ha et al., "Google Landmark Recognition 2020 Competition Third Place Solution",
        https://arxiv.org/abs/2010.05350
    """

    def __init__(
        self,
        widest: float = 0.55,
        decay: float = 0.25,
        narrowest: float = 0.05,
        class_sizes: Sequence[int] = (),
    ):
        self.widest = real("widest", widest, 0.0, math.pi, "within [0, pi)")
        self.decay = real("decay", decay, 0.0, 4.0)
        above = math.nextafter(self.widest, 4.0)
        self.narrowest = real("narrowest", narrowest, 0.0, above, "within [0, widest]")
        self.class_sizes = _sizes(class_sizes)
        room = self.widest - self.narrowest
        self.by_class = self.narrowest + room * self.class_sizes**-self.decay

    def check(self, num_classes: int) -> None:
        if len(self.class_sizes) != num_classes:
            raise ValueError(
                "`class_sizes` must have the number of images of each class; training from a "
                f"recipe gives them. Received: {len(self.class_sizes)} sizes for {num_classes} "
                "classes"
            )

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        by_class = ops.convert_to_tensor(self.by_class, dtype=cosine.dtype)
        margin = ops.take(by_class, ops.maximum(ops.reshape(labels, (-1,)), 0))
        return additive_angular_margin(cosine, margin)

    def get_config(self) -> dict[str, Any]:
        return {
            "widest": self.widest,
            "decay": self.decay,
            "narrowest": self.narrowest,
            "class_sizes": [int(size) for size in self.class_sizes],
        }


def _sizes(class_sizes: Sequence[int]) -> np.ndarray:
    """Sizes as float64, for powers."""
    try:
        sizes = np.asarray(class_sizes, dtype=np.float64)
    except (TypeError, ValueError):
        sizes = np.zeros(1)
    if sizes.ndim != 1 or not np.all((sizes >= 1) & (sizes == np.floor(sizes)) & (sizes < 2**53)):
        raise ValueError(
            "`class_sizes` must be whole numbers of at least 1, one for each class. "
            f"Received: class_sizes={str(class_sizes)[:80]}"
        )
    return sizes
