"""The protocol of "Celebrities in Frontal-Profile in the Wild", as it is published.

A folder `Protocol` holds `Pair_list_F.txt` and `Pair_list_P.txt` (number and
path of each frontal and profile image) and `Split/FP/01/same.txt` and so on:
ten folds of lines `1,3`, numbers in the two lists.
"""

from pathlib import Path, PurePosixPath

from framl_keras.data.pairs.file_pairs import pairs_of_files
from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.table import read_text
from framl_keras.errors import UserError

_SETS = {"FP": ("F", "P"), "FF": ("F", "F")}


def find_cfp(folder: Path) -> Path | None:
    """The protocol's folder at `folder` or right inside it."""
    places = (folder, folder / "Protocol")
    return next((place for place in places if (place / "Pair_list_F.txt").is_file()), None)


def cfp_pairs(protocol: Path) -> list[PairSet]:
    """The sets `cfp_fp` and `cfp_ff`, as far as they are there.

    Raises:
        UserError: if a list is damaged or there is no fold.
    """
    images = {side: _images(protocol / f"Pair_list_{side}.txt") for side in ("F", "P")}
    names = [name for name in _SETS if (protocol / "Split" / name).is_dir()]
    if not names:
        raise UserError(f"{protocol}: no Split/FP or Split/FF. Restore CFP's protocol.")
    return [_pair_set(protocol, name, images) for name in names]


def _pair_set(protocol: Path, name: str, images: dict[str, dict[str, Path]]) -> PairSet:
    """The pairs of all folds, in their order."""
    left, right = (images[side] for side in _SETS[name])
    pairs, answers, folds = [], [], []
    for fold, folder in enumerate(sorted((protocol / "Split" / name).iterdir())):
        for file, same in (("same.txt", True), ("diff.txt", False)):
            part = _pairs(folder / file, left, right)
            pairs += part
            answers += [same] * len(part)
            folds += [fold] * len(part)
    if not pairs:
        raise UserError(f"{protocol}/Split/{name}: no pairs. Restore CFP's protocol.")
    return pairs_of_files(f"cfp_{name.lower()}", pairs, answers, protocol, folds)


def _images(path: Path) -> dict[str, Path]:
    """The path of each image by its number."""
    images = {}
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        words = text.split(maxsplit=1)
        if len(words) != 2:
            raise UserError(f"{path}:{line}: expected a number and a path, not {text[:40]!r}.")
        images[words[0]] = path.parent / PurePosixPath(words[1].strip())
    return images


def _pairs(path: Path, left: dict[str, Path], right: dict[str, Path]) -> list[tuple[Path, Path]]:
    pairs = []
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        first, _, second = (part.strip() for part in text.partition(","))
        if first not in left or second not in right:
            raise UserError(f"{path}:{line}: expected two numbers of the lists, not {text[:40]!r}.")
        pairs.append((left[first], right[second]))
    return pairs
