"""What is tested on: the images of verification sets, or of a source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framl_keras.data.pairs.detect import find_pairs
from framl_keras.data.pairs.file_pairs import NamedImages
from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.sources.detect import columns_for, open_source
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.source import Images


@dataclass(frozen=True)
class TestImages:
    """Images with the identities' names as far as they are known.

    Attributes:
        parts: random access to images, one part after the other.
        names: the identities' names; empty if the format has none.
        left_out: what lies there but cannot be compared.
    """

    __test__ = False  # not a test, whatever pytest makes of the name

    parts: Sequence[Images]
    names: Sequence[str]
    left_out: Sequence[LeftOut] = ()


def open_test_images(
    location: str, root: str | None = None, columns: Mapping[str, str] | None = None
) -> TestImages:
    """Opens verification sets, or any source.

    Raises:
        UserError: if it is neither.
    """
    sets = find_pairs(location, Path(location).stem, root, columns)
    if sets is None:
        source = open_source(location, root, "skip", columns_for(location, columns or {}))
        return TestImages([source], list(source.class_names), list(source.left_out))
    return TestImages([pairs.images for pairs in sets], sorted(set(_names(sets))), [])


def _names(sets: Sequence[PairSet]) -> list[str]:
    """The folders in which image files lie: the identities, in LFW's layout."""
    listed = [pairs.images for pairs in sets if isinstance(pairs.images, NamedImages)]
    return [file.parent.name for images in listed for file in images.files]
