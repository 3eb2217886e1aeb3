"""Which test images and identities are in the training data: the leak that flatters a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from framl_keras.data.auditing.fingerprints import Fingerprints, fingerprints
from framl_keras.data.auditing.perceptual_hash import distances, thumbnail
from framl_keras.data.auditing.tested import TestImages
from framl_keras.data.decode import decode
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.source import Images, Sample, Source

BANDS = 16
MOST_BITS = BANDS - 1

SAME_PICTURE = 0.99  # correlation of thumbnails: JPEG at quality 30 keeps 0.998, other shots of
# the same face stay below 0.987 (ORL)


class Match(NamedTuple):
    """A test image that is in the training data.

    Attributes:
        test: the test image's key.
        train: the training image's key.
        kind: `equal` pixels, `near` (encoded or scaled anew), or `mirrored`.
        bits: of the 256 of the perceptual hash, how many differ.
        correlation: of 32x32 grays.
    """

    test: str
    train: str
    kind: str
    bits: int
    correlation: float


@dataclass(frozen=True)
class AuditReport:
    """What was found.

    Attributes:
        train_images: images of the training data.
        test_images: images tested on.
        leaked: how many of these are in the training data.
        matches: each pair of images.
        identities: names that are in both.
        names_known: whether the test data name identities otherwise than by numbers.
        unreadable: images that could not be compared.
        test_unreadable: how many of these are test images.
    """

    train_images: int
    test_images: int
    leaked: int
    matches: list[Match]
    identities: list[str]
    names_known: bool
    unreadable: list[str]
    test_unreadable: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing is shared, as far as all could be compared."""
        return not (self.matches or self.identities or self.unreadable)


class _Joined(Images):
    """Several parts' images as one."""

    def __init__(self, parts: Sequence[Images]):
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, index: int, /) -> Sample:
        part = int(np.searchsorted(self._ends, index, side="right"))
        return self._parts[part][index - int(self._ends[part]) + len(self._parts[part])]


class Compared(NamedTuple):
    """What comparing some of the training images has found.

    Attributes:
        matches: each pair of images.
        unreadable: those of the training images that could not be compared.
        test_unreadable: the test images that could not be.
    """

    matches: list[Match]
    unreadable: list[str]
    test_unreadable: list[str]


def audit(train: Source, test: TestImages, threads: int = 4) -> AuditReport:
    """Compares every training image with every test image, and the names.

    Equal pixels are found by digest; near ones by a perceptual hash of the
    picture and its mirror image, confirmed on the pixels.

    Args:
        train: the training data.
        test: what is tested on.
        threads: readers.
    """
    return report_of(train, test, [compare(train, test, range(len(train)), threads)])


def compare(train: Source, test: TestImages, positions: range, threads: int) -> Compared:
    """Compares the training images at some positions with every test image."""
    tested = _Joined(test.parts)
    known = _concatenated(list(fingerprints(tested, "Test images", threads, mirror=True)))
    search = _Search(known)
    matches: list[Match] = []
    unreadable: list[str] = []
    for part in fingerprints(train, "Training images", threads, positions=positions):
        unreadable += part.unreadable
        matches += _confirmed(search.candidates(part), train, tested)
    return Compared(matches, unreadable, known.unreadable)


def report_of(train: Source, test: TestImages, parts: Sequence[Compared]) -> AuditReport:
    """The report on training data all of whose parts were compared, and on the names.

    Args:
        train: the training data.
        test: what is tested on.
        parts: at least one.
    """
    matches = [match for part in parts for match in part.matches]
    of_test = [*_lost(test.left_out), *parts[0].test_unreadable]
    of_train = [*_lost(train.left_out), *(line for part in parts for line in part.unreadable)]
    return AuditReport(
        train_images=len(train) + len(_lost(train.left_out)),
        test_images=len(_Joined(test.parts)) + len(_lost(test.left_out)),
        leaked=len({match.test for match in matches}),
        matches=matches,
        identities=_shared_names(train.class_names, test.names),
        names_known=any(not name.isdigit() for name in test.names),
        unreadable=of_test + of_train,
        test_unreadable=len(of_test),
    )


def _lost(left_out: Sequence[LeftOut]) -> list[str]:
    """The images among what is left out."""
    return [str(item) for item in left_out if item.unreadable]


class _Search:
    """Finds candidates among the test images."""

    def __init__(self, known: Fingerprints):
        self._positions = known.positions
        self._by_digest: dict[int, list[int]] = {}
        for at, digest in zip(known.positions.tolist(), known.digests.tolist(), strict=True):
            self._by_digest.setdefault(digest, []).append(at)
        self._near, self._mirrored = NearSearch(known.hashes), NearSearch(known.mirrored)

    def candidates(self, part: Fingerprints) -> list[tuple[int, int, str, int]]:
        """Training position, test position, kind and differing bits; each pair once."""
        pairs: dict[tuple[int, int], tuple[str, int]] = {}
        for kind, search in (("mirrored", self._mirrored), ("near", self._near)):
            for row, at, bits in search.near(part.hashes).tolist():
                pairs[int(part.positions[row]), int(self._positions[at])] = (kind, bits)
        for position, digest in zip(part.positions.tolist(), part.digests.tolist(), strict=True):
            for at in self._by_digest.get(digest, ()):
                pairs[position, at] = ("equal", 0)
        return [(*pair, *seen) for pair, seen in sorted(pairs.items())]


def _confirmed(
    candidates: list[tuple[int, int, str, int]], train: Source, tested: _Joined
) -> list[Match]:
    """The candidates whose pictures do agree."""
    matches = []
    for at_train, at_test, kind, bits in candidates:
        left, right = train[at_train], tested[at_test]
        pixels = decode(right)
        shown = np.ascontiguousarray(pixels[:, ::-1]) if kind == "mirrored" else pixels
        correlation = float(thumbnail(decode(left)) @ thumbnail(shown))
        if kind == "equal" or correlation >= SAME_PICTURE:
            matches.append(Match(right.key, left.key, kind, bits, round(correlation, 4)))
    return matches


def _concatenated(parts: list[Fingerprints]) -> Fingerprints:
    parts = parts or [Fingerprints.of_nothing()]
    return Fingerprints(
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.digests for part in parts]),
        np.concatenate([part.hashes for part in parts]),
        np.concatenate([part.mirrored for part in parts]),
        [message for part in parts for message in part.unreadable],
    )


def _shared_names(train: Sequence[str], test: Sequence[str]) -> list[str]:
    """Names in both, whatever their case and separators; plain numbers name nobody."""
    known = {_normal(name) for name in train}
    return [name for name in test if not name.isdigit() and _normal(name) in known]


def _normal(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


class NearSearch:
    """Looks up which of a fixed set of fingerprints are near others.

    Args:
        hashes: the set, uint64 `(n, 4)`.
    """

    def __init__(self, hashes: np.ndarray):
        self._hashes = hashes
        bands = _bands(hashes)
        self._order = np.argsort(bands, axis=0, kind="stable")
        self._sorted = np.take_along_axis(bands, self._order, axis=0)

    def near(self, queries: np.ndarray, most_bits: int = MOST_BITS) -> np.ndarray:
        """The pairs that differ in at most `most_bits` bits.

        Args:
            queries: uint64 `(m, 4)`.
            most_bits: at most `MOST_BITS`.

        Returns:
            int64 `(pairs, 3)`: row of `queries`, row of the set, bits that differ.
        """
        bands = _bands(queries)
        by_band = [self._sharing(band, bands[:, band]) for band in range(BANDS)]
        pairs = np.unique(np.concatenate(by_band), axis=0)
        bits = distances(queries[pairs[:, 0]], self._hashes[pairs[:, 1]])
        near = bits <= most_bits
        return np.column_stack([pairs[near], bits[near]])

    def _sharing(self, band: int, values: np.ndarray) -> np.ndarray:
        """The pairs whose fingerprints agree in a band, `(pairs, 2)`."""
        ordered = self._sorted[:, band]
        starts = np.searchsorted(ordered, values, side="left")
        counts = np.searchsorted(ordered, values, side="right") - starts
        query = np.repeat(np.arange(len(values)), counts)
        step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = self._order[np.repeat(starts, counts) + step, band]
        return np.column_stack([query, rows])


def _bands(hashes: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(hashes).view(np.uint16).reshape(-1, BANDS)


_LISTED = 20


def format_audit(report: AuditReport) -> str:
    """A few lines, the first matches among them."""
    compared = report.test_images - report.test_unreadable
    lines = [_shared(report, compared), *_matches(report), _names(report)]
    if report.unreadable:
        others = len(report.unreadable) - report.test_unreadable
        lines.append(
            f"incomplete: {report.test_unreadable:,} of {report.test_images:,} test images and "
            f"{others:,} of {report.train_images:,} training images could not be read, so whether "
            "they are shared is not known; the first:"
        )
        lines.append(f"  {report.unreadable[0]}")
    return "\n".join(lines)


def _shared(report: AuditReport, compared: int) -> str:
    """How many test images are known to be in the training data."""
    if not compared:
        return f"none of {report.test_images:,} test images could be compared"
    return (
        f"{compared:,} test images against {report.train_images:,} training images: "
        f"{report.leaked:,} ({report.leaked / compared:.2%}) are in the training data"
    )


def _matches(report: AuditReport) -> list[str]:
    lines = [
        f"  {match.kind}: {match.test} = {match.train} ({match.bits} of 256 bits differ, "
        f"correlation {match.correlation:.3f})"
        for match in report.matches[:_LISTED]
    ]
    more = len(report.matches) - _LISTED
    return [*lines, f"  … and {more:,} more (all in --json)"] if more > 0 else lines


def _names(report: AuditReport) -> str:
    if not report.names_known:
        return "identities: the test data do not name them"
    if not report.identities:
        return "identities: no name is in both"
    shown = ", ".join(report.identities[:_LISTED])
    return f"identities: {len(report.identities):,} names are in both: {shown}"
