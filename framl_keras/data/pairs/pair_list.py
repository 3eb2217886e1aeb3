"""Lists of pairs as LFW (`pairs.txt`), AgeDB and CFP publish them, over a folder of images.

LFW: `name 1 4` pairs two images of a person, `name 1 other 2` those of two
people; a first line may say `10 300`: folds, and pairs of each kind in one.
Others: `left.jpg right.jpg 1`, the answer last or first.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from framl_keras.data.image_formats import IMAGE_SUFFIXES
from framl_keras.data.pairs.file_pairs import Start, pairs_of_files, start_of
from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.table import read_text
from framl_keras.errors import UserError

_Line = tuple[int, list[str]]


def list_pairs(path: Path, name: str, root: Path | None = None) -> PairSet:
    """Opens a list of pairs.

    Args:
        path: the list.
        name: what the report calls the set.
        root: where its paths start from; see `start_of`.

    Raises:
        UserError: if a line is not as expected or names a missing image.
    """
    header, lines = _split_header(_words(path))
    if not lines:
        raise UserError(f"{path}: no pairs. Expected lines such as `name 1 4`.")
    reader = _LfwLines(path, root, lines) if _is_lfw(lines) else _PathLines(path, root, lines)
    pairs = [reader.pair(line, words) for line, words in lines]
    answers = [reader.answer(line, words) for line, words in lines]
    folds = _folds(header, len(lines), path)
    return pairs_of_files(name, pairs, answers, path, folds, reader.start.rule, reader.name_of)


def looks_like_pairs(text: str) -> bool:
    """Whether the beginning of a text file could be such a list."""
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] != "#"]
    rows = [_split(line) for line in lines[:3]]
    body = rows[1:] if rows and all(map(_is_number, rows[0])) else rows
    return bool(body) and len(body[0]) in (3, 4)


class _LfwLines:
    """Lines that name people and numbers of their images."""

    def __init__(self, path: Path, root: Path | None, lines: Sequence[_Line]):
        self._path = path
        self.start = _start(path, root, lines[0][1][0])
        self._folders: dict[str, dict[str, Path]] = {}

    def pair(self, line: int, words: list[str]) -> tuple[Path, Path]:
        """The two files of a line."""
        if len(words) not in (3, 4) or not _is_number(words[1]) or not _is_number(words[-1]):
            raise UserError(
                f"{self._path}:{line}: expected `name 1 4` or `name 1 other 2`. "
                f"Received: {' '.join(words)[:60]}"
            )
        first, second = (
            (words[0], words[1]),
            (words[-2] if len(words) == 4 else words[0], words[-1]),
        )
        return self._file(line, *first), self._file(line, *second)

    def answer(self, line: int, words: list[str]) -> bool:
        """Whether a line pairs two images of one person."""
        return len(words) == 3

    def name_of(self, file: Path) -> str | None:
        """Who is in an image: the name of its folder."""
        return file.parent.name

    def _file(self, line: int, person: str, number: str) -> Path:
        stem = f"{person}_{int(number):04d}"
        if person not in self._folders:
            self._folders[person] = _images_in(self.start.folder / person)
        path = self._folders[person].get(stem)
        if path is None:
            raise UserError(f"{self._path}:{line}: no image {self.start.folder / person / stem}.*")
        return path


class _PathLines:
    """Lines of two paths and the answer, which is last or first."""

    def __init__(self, path: Path, root: Path | None, lines: Sequence[_Line]):
        self._path, self._lines = path, lines
        for line, words in lines:
            if len(words) != 3:
                raise UserError(f"{path}:{line}: expected two paths and 0 or 1.")
        self.start = _start(path, root, lines[0][1][1])

    @cached_property
    def _at(self) -> int:
        """Where the answer stands: the place that holds 0 or 1 in every line."""
        for at in (-1, 0):
            if all(words[at] in ("0", "1", "-1") for _, words in self._lines):
                return at
        line, words = self._lines[0]
        raise UserError(
            f"{self._path}:{line}: expected `left right 1`, the answer 0 or 1 last or first in "
            f"every line. Received: {' '.join(words)[:60]}"
        )

    def pair(self, line: int, words: list[str]) -> tuple[Path, Path]:
        """The two files of a line."""
        left, right = words[1:] if self._at == 0 else words[:2]
        return self.start.folder / left, self.start.folder / right

    def answer(self, line: int, words: list[str]) -> bool:
        """Whether a line says that its images show one person."""
        return words[self._at] == "1"

    def name_of(self, file: Path) -> str | None:
        """Who is in an image, which such a list does not say."""
        return None


def _words(path: Path) -> list[_Line]:
    lines = enumerate(read_text(path).splitlines(), start=1)
    kept = ((number, line) for number, line in lines if not line.lstrip().startswith("#"))
    return [(number, words) for number, line in kept if (words := _split(line))]


def _split(line: str) -> list[str]:
    """Names may hold spaces where tabs separate."""
    return [word.strip() for word in line.split("\t")] if "\t" in line else line.split()


def _split_header(lines: list[_Line]) -> tuple[list[int], list[_Line]]:
    """The numbers in a first line that holds nothing else, and the other lines."""
    if lines and len(lines[0][1]) <= 2 and all(map(_is_number, lines[0][1])):
        return [int(word) for word in lines[0][1]], lines[1:]
    return [], lines


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10


def _is_lfw(lines: Sequence[_Line]) -> bool:
    words = lines[0][1]
    if len(words) == 4:
        return True
    return len(words) == 3 and _is_number(words[1]) and _is_number(words[2])


def _folds(header: list[int], count: int, path: Path) -> list[int] | None:
    """The fold of each pair if the list says how many there are."""
    if len(header) != 2:
        return None
    folds, half = header
    if folds * half * 2 != count:
        raise UserError(
            f"{path}: its first line announces {folds} folds of {2 * half} pairs, but there are "
            f"{count}. Restore the list."
        )
    return [pair // (2 * half) for pair in range(count)]


def _start(path: Path, root: Path | None, name: str) -> Start:
    """Where the first image or person is found.

    Raises:
        UserError: if it is nowhere.
    """
    start = start_of(path, root, name)
    if not start.holds_the_first:
        asked = f"{root}, " if root else ""
        raise UserError(
            f"{path}: its images are not there: no {name} in {asked}{path.parent} or a folder "
            "inside. Put the list beside the folder of images, or set data.root (--root)."
        )
    return start


def _images_in(folder: Path) -> dict[str, Path]:
    """The images of a person by their name without suffix."""
    if not folder.is_dir():
        return {}
    files = (file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    return {file.stem: file for file in files}
