"""Finds out which format a verification set has, from what is there rather than from its name."""

from collections.abc import Mapping
from pathlib import Path

from framl_keras.data.pairs.bcolz_array import is_bcolz
from framl_keras.data.pairs.bcolz_pairs import bcolz_pairs, find_bcolz
from framl_keras.data.pairs.cfp_protocol import cfp_pairs, find_cfp
from framl_keras.data.pairs.held_out import held_out_pairs
from framl_keras.data.pairs.insightface_bin import insightface_pairs
from framl_keras.data.pairs.pair_list import list_pairs, looks_like_pairs
from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.pairs.pair_table import COLUMNS, is_pair_table, names_a_pair, table_pairs
from framl_keras.data.sources.detect import columns_for, holds_a_source, holds_images, open_source
from framl_keras.data.table import text_of
from framl_keras.errors import UserError

_EXPECTED = (
    "bcolz folders (lfw_align_112/lfw and so on), an insightface .bin, a pairs.txt beside its "
    "images, CFP's Protocol, a CSV `left,right,same`, or identities as for training (a folder "
    "<identity>/<image>, TFRecord, train.rec, a CSV `path,label`)"
)
_PICKLE, _ZIP, _NPY = b"\x80", b"PK\x03\x04", b"\x93NUMPY"
_OLD_PICKLES = (b"(", b"]")  # of protocols 0 and 1, which have no mark of their own


def open_pairs(
    location: str,
    name: str,
    root: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> list[PairSet]:
    """Opens verification sets: one, or as many as the folder at `location` holds.

    FRAML's `test_dataset` folder gives LFW, AgeDB-30 and CFP-FP; insightface's
    `faces_emore` gives all its `.bin` files. Training data of any format give the pairs
    of their identities, see `held_out_pairs`.

    Args:
        location: a file or folder whose format is detected from its content.
        name: what the report calls the set; the sets in a folder of several name themselves.
        root: folder that the images' paths in a list start from; see `start_of`.
        columns: which columns of a table are meant, by name or by number from 1: `left`,
            `right`, `same`, `fold`, or `path` and `label`.

    Raises:
        UserError: if nothing is there, the format cannot be told, or the data are damaged.
    """
    sets = find_pairs(location, name, root, columns)
    if sets is not None:
        return sets
    source = open_source(location, root, columns=columns_for(location, columns or {}))
    return [held_out_pairs(source, name)]


def find_pairs(
    location: str,
    name: str,
    root: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> list[PairSet] | None:
    """The verification sets at a location, or None if training data lie there instead.

    Args:
        location: see `open_pairs`, as are the others.
        name: see `open_pairs`.
        root: see `open_pairs`.
        columns: see `open_pairs`.

    Raises:
        UserError: see `open_pairs`.
    """
    path = Path(location)
    base = Path(root) if root else None
    try:
        if path.is_dir():
            return _in_folder(path, name, base)
        if path.is_file():
            return _in_file(path, name, base, columns or {})
        if holds_a_source(location):
            return None
    except (OSError, ValueError) as error:  # such as a name too long or with a zero byte
        if isinstance(error, UserError):
            raise
        raise UserError(f"{location}: cannot be read: {error}.") from None
    raise UserError(
        f"No verification set at {location}. Expected {_EXPECTED}; set it with --set data.test=PATH"
    )


def _in_folder(folder: Path, name: str, root: Path | None) -> list[PairSet] | None:
    if is_bcolz(folder):
        return [bcolz_pairs(folder, name)]
    arrays = find_bcolz(folder)
    if arrays:
        named = _names(arrays, name)
        return [bcolz_pairs(path, title) for path, title in zip(arrays, named, strict=True)]
    beginnings = (_PICKLE, *_OLD_PICKLES)
    pickles = sorted(file for file in folder.glob("*.bin") if _start(file).startswith(beginnings))
    if pickles:
        named = _names(pickles, name)
        return [insightface_pairs(path, title) for path, title in zip(pickles, named, strict=True)]
    protocol = find_cfp(folder)
    if protocol:
        return cfp_pairs(protocol)
    listed = folder / "pairs.txt"
    if listed.is_file():
        return [list_pairs(listed, name, root)]
    if holds_a_source(str(folder)):
        return None
    raise UserError(f"No verification set in the folder {folder}. Expected {_EXPECTED}.")


def _names(paths: list[Path], name: str) -> list[str]:
    return [path.stem for path in paths] if len(paths) > 1 else [name]


def _in_file(
    path: Path, name: str, root: Path | None, columns: Mapping[str, str]
) -> list[PairSet] | None:
    start = _start(path)
    if not start:
        raise UserError(f"{path}: the file is empty. Expected {_EXPECTED}.")
    if start.startswith(_PICKLE) or path.suffix == ".bin":
        return [insightface_pairs(path, name)]
    if start.startswith(_NPY) or (start.startswith(_ZIP) and not holds_images(path)):
        raise UserError(
            f"{path}: holds arrays, not images, so there is nothing to embed. Verify ready "
            "embeddings with: framl-keras eval --embeddings PATH"
        )
    text = text_of(start)
    if text is not None:
        return _in_text(path, text, name, root, columns)
    if holds_a_source(str(path)):
        return None
    raise UserError(f"{path}: cannot tell its format. Tried {_EXPECTED}.")


def _in_text(
    path: Path, text: str, name: str, root: Path | None, columns: Mapping[str, str]
) -> list[PairSet] | None:
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] != "#"]
    head = lines[0] if lines else ""
    separated = path.suffix in (".csv", ".tsv") or any(sign in head for sign in ",;")
    tabbed = "\t" in head and (not looks_like_pairs(text) or names_a_pair(head.split("\t")))
    if separated or tabbed:
        chosen = {key: value for key, value in columns.items() if key in COLUMNS}
        return [table_pairs(path, name, root, chosen)] if is_pair_table(path, chosen) else None
    if looks_like_pairs(text) or path.name == "pairs.txt":
        return [list_pairs(path, name, root)]
    raise UserError(f"{path}: cannot tell its format. Tried {_EXPECTED}.")


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)
