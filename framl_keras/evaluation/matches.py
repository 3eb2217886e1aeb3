"""Who is on each image: the nearest identities of a gallery, with scores and a verdict."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import check_finite
from framl_keras.evaluation.identification import Identification
from framl_keras.results import Tabular
from framl_keras.similarities import Similarity, get

SCORES = 1 << 24  # that are in memory at a time
GALLERY_BLOCK = 8192
UNKNOWN = "unknown"


class Match(NamedTuple):
    """One of the identities nearest to a probe.

    Attributes:
        identity: its name in the gallery.
        value: the similarity to its nearest gallery image.
        distance: the same as a distance; lower is more alike.
        same: whether the distance is below the threshold; None without one.
    """

    identity: str
    value: float
    distance: float
    same: bool | None


class Matches(Tabular):
    """The nearest identities of each probe.

    Args:
        probes: the probes' names.
        nearest: the best matches of each probe, best first.
        similarity: what they were compared with.
        threshold: smaller distances mean same, or None.
        rates: how often probes of known identity were found, or None.

    Example:
    >>> matches = Matches(["a.png"], [[Match("ada", 0.9, 0.1, True)]], "cos", threshold=0.3)
    >>> matches
    probe  rank  identity   value  distance  verdict
    a.png     1  ada       0.9000    0.1000  same
    >>> matches.who
    ['ada']
    """

    FORMATS: ClassVar[Mapping[str, str]] = {"value": ".4f", "distance": ".4f"}

    def __init__(
        self,
        probes: Sequence[str],
        nearest: Sequence[Sequence[Match]],
        similarity: str,
        threshold: float | None = None,
        rates: Identification | None = None,
    ):
        self.probes, self.nearest = list(probes), [list(matches) for matches in nearest]
        self.similarity, self.threshold, self.rates = similarity, threshold, rates

    def __len__(self) -> int:
        return len(self.probes)

    def __getitem__(self, probe: int) -> list[Match]:
        return self.nearest[probe]

    @property
    def who(self) -> list[str | None]:
        """The identity of each probe; None for a stranger, as far as there is a threshold."""
        return [
            None if matches[0].same is False else matches[0].identity for matches in self.nearest
        ]

    def rows(self) -> list[dict[str, Any]]:
        """One row for each probe and each of its nearest identities."""
        return [
            {
                "probe": probe,
                "rank": rank,
                "identity": match.identity,
                "value": match.value,
                "distance": match.distance,
                "verdict": _verdict(match.same),
            }
            for probe, matches in zip(self.probes, self.nearest, strict=True)
            for rank, match in enumerate(matches, 1)
        ]

    def to_dict(self) -> dict[str, Any]:
        """The rows, what they were compared with, and the rates if they are known."""
        rates = self.rates
        known = {"similarity": self.similarity, "threshold": self.threshold, **super().to_dict()}
        if rates is None:
            return known
        return {**known, "rates": rates_of(rates)}

    def summary(self, shown: int = 20) -> str:
        """The rates, if they are known, and the first matches."""
        text = [rates_text(self.rates)] if self.rates is not None else []
        lines = str(self).splitlines()
        if shown:
            text.append("\n".join(lines[: shown + 1]))
            if len(lines) > shown + 1:
                text.append(
                    f"… and {len(lines) - shown - 1:,} more; --out FILE.csv writes them all"
                )
        return "\n\n".join(text)

    def write(self, path: Path) -> list[Path]:
        """Writes the rows as CSV; into a folder, also the CMC as a picture.

        Args:
            path: a name that ends with `.csv`, or a folder.

        Returns:
            The files.
        """
        if path.suffix.lower() == ".csv":
            self.to_csv(path)
            return [path]
        self.to_csv(path / "matches.csv")
        files = [path / "matches.csv"]
        if self.rates is not None:
            from framl_keras.evaluation.report.cmc import write_cmc  # noqa: PLC0415 - Matplotlib

            write_cmc(self.rates, self.similarity, path)
            files += [path / "cmc.png", path / "cmc.svg"]
        return files


def rates_text(rates: Identification) -> str:
    """Identification rates for people to read."""
    lines = [
        f"{rates.num_gallery:,} in the gallery, {rates.num_mated:,} probes of theirs, "
        f"{rates.num_strangers:,} of strangers",
        "",
        *(f"rank-{k:<3} {100 * rates.rank(k):6.2f} %" for k in (1, 5, 10) if k <= len(rates.cmc)),
    ]
    for point in rates.open_set:
        best = f"  (strangers tell {1 / rates.num_strangers:.1e} at best)"
        lines.append(
            f"TPIR {100 * point.tpir:6.2f} % at FPIR {point.fpir:g}, score from "
            f"{point.threshold:.4f}{'' if point.is_resolved else best}"
        )
    return "\n".join(lines)


def rates_of(rates: Identification) -> dict[str, Any]:
    """Identification rates as plain numbers."""
    return {
        "gallery": rates.num_gallery,
        "mated_probes": rates.num_mated,
        "strangers": rates.num_strangers,
        "cmc": [float(rate) for rate in rates.cmc],
        "open_set": [point._asdict() for point in rates.open_set],
    }


def _verdict(same: bool | None) -> str:
    return UNKNOWN if same is None else "same" if same else "stranger"


def nearest_identities(
    gallery: np.ndarray,
    identities: Sequence[str],
    probes: np.ndarray,
    similarity: str = "cos",
    top: int = 5,
    threshold: float | None = None,
) -> list[list[Match]]:
    """The identities nearest to each probe, each by its nearest gallery vector.

    Only blocks of the scores are in memory at a time.

    Args:
        gallery: `(num_gallery, dim)`.
        identities: the name of each gallery vector's identity.
        probes: `(num_probes, dim)`.
        similarity: one of `SIMILARITIES`.
        top: how many identities a probe gets at most.
        threshold: smaller distances mean same; None gives no verdicts.

    Raises:
        UserError: if the vectors do not fit together or one is not finite.
    """
    _check(gallery, identities, probes)
    names, numbers = np.unique(np.asarray(identities, dtype=object), return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    gallery, numbers = gallery[order], numbers[order]
    measure = get(similarity)
    rows = max(1, SCORES // (GALLERY_BLOCK + len(names)))
    matches: list[list[Match]] = []
    for first in range(0, len(probes), rows):
        best = _best_of_each(gallery, numbers, len(names), probes[first : first + rows], measure)
        matches += [_matches(scores, names, measure, top, threshold) for scores in best]
    return matches


def _check(gallery: np.ndarray, identities: Sequence[str], probes: np.ndarray) -> None:
    if not len(gallery) or len(identities) != len(gallery):
        raise UserError(
            f"A gallery of {len(gallery)} vectors and {len(identities)} identities. Expected one "
            "identity for each vector, and one vector at least."
        )
    if gallery.ndim != 2 or probes.ndim != 2 or gallery.shape[1] != probes.shape[1]:
        raise UserError(
            f"Gallery vectors of shape {gallery.shape} and probes of shape {probes.shape}. "
            "Expected (n, dim) of one model."
        )
    check_finite(gallery)
    check_finite(probes)


def _best_of_each(
    gallery: np.ndarray, numbers: np.ndarray, count: int, probes: np.ndarray, score: Similarity
) -> np.ndarray:
    """Each probe's best score with each identity; the gallery is sorted by identity."""
    prepared = score.probes(np.asarray(probes, np.float32))
    best = np.full((len(probes), count), -np.inf, np.float32)
    for first in range(0, len(gallery), GALLERY_BLOCK):
        rows = slice(first, first + GALLERY_BLOCK)
        scores = score.score(prepared, score.gallery(np.asarray(gallery[rows], np.float32)))
        present, starts = np.unique(numbers[rows], return_index=True)
        highest = np.maximum.reduceat(scores, starts, axis=1)
        best[:, present] = np.maximum(best[:, present], highest)
    return best


def _matches(
    scores: np.ndarray, names: np.ndarray, measure: Similarity, top: int, threshold: float | None
) -> list[Match]:
    """The best identities by their scores; equal scores keep the order of the names."""
    matches = []
    for at in np.argsort(-scores, kind="stable")[:top]:
        distance = -scores[at] if measure.lower_is_alike else 1 - scores[at]
        value = measure.value_of(distance)
        same = None if threshold is None else bool(distance < threshold)
        matches.append(Match(str(names[at]), float(value), float(distance), same))
    return matches
