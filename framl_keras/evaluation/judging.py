"""How pairs are judged, as one value."""

from dataclasses import dataclass

from framl_keras.evaluation.intervals import REPEATS
from framl_keras.evaluation.protocol import PROTOCOLS, check_protocol


@dataclass(frozen=True)
class Judging:
    """Protocol, folds and resampling of a verification.

    Attributes:
        protocol: how thresholds are chosen: `exact`, `framl` or `both`.
        folds: into how many consecutive folds pairs are cut whose set has none of its own;
            None for ten. FRAML's are always of its own making.
        bootstrap: how often to choose thresholds anew for intervals; 0 for no intervals.
        seed: of the resampling.

    Raises:
        UserError: if the protocol is unknown.

    Example:
    >>> Judging("both", bootstrap=0).protocols
    ('exact', 'framl')
    """

    protocol: str = "exact"
    folds: int | None = None
    bootstrap: int = REPEATS
    seed: int = 0

    def __post_init__(self) -> None:
        if self.protocol != "both":
            check_protocol(self.protocol)

    @property
    def protocols(self) -> tuple[str, ...]:
        """The protocols that the name stands for."""
        return PROTOCOLS if self.protocol == "both" else (self.protocol,)


BY_DEFAULT, POINTS_ALONE = Judging(), Judging(bootstrap=0)
