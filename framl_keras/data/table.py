"""Small tables in text files: CSV or TSV, with a line of column names or without.

Cells are separated by tabs, commas or semicolons, whichever fits; cells may be quoted. Lines
that begin with `#` are comments, of which the last before the rows may name the columns.
"""

import codecs
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from framl_keras.data.image_formats import IMAGE_SUFFIXES
from framl_keras.errors import UserError

_SEPARATORS = "\t,;"
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_TOLD_BY = 512  # bytes by which UTF-16 is told
_NO_TEXT = {chr(code) for code in range(32)} - set("\t\r\n")
_Rows = list[tuple[int, list[str]]]


@dataclass(frozen=True)
class Table:
    """The rows of a file.

    Attributes:
        path: the file.
        rows: each a mapping column -> text, stripped.
        lines: the number of each row's line, from 1.
        comments: the numbers of the lines that begin with `#`.
        header: the names of all columns, in order; empty if no line names them.
        names: column -> what the line of names calls it, in lower case.
    """

    path: Path
    rows: list[dict[str, str]]
    lines: list[int]
    comments: list[int]
    header: list[str]
    names: dict[str, str]


def read_table(
    path: Path,
    columns: Mapping[str, Sequence[str]],
    optional: Sequence[str] = (),
    chosen: Mapping[str, str] | None = None,
) -> Table:
    """Reads the columns of a table.

    Args:
        path: the file; see `read_text`.
        columns: name -> what the first line may call it, whatever the case; without a line
            of names, the columns come in this order and there are no others.
        optional: those that may be missing; they are then left out of the rows.
        chosen: name -> what the first line calls it here, or its position from 1.

    Raises:
        UserError: if the file is not such a table, has no rows, or which columns are meant
            cannot be told; the columns found are listed.
    """
    rows, comments = _read_rows(path, columns)
    meant = _Columns(path, columns, optional, chosen or {})
    positions, body = meant.split(rows, comments)
    if not body:
        raise UserError(f"{path}: column names but no rows. Expected {', '.join(columns)}.")
    needed = max(positions.values()) + 1
    for line, cells in body:
        if len(cells) < needed:
            raise UserError(
                f"{path}:{line}: expected {needed} columns ({', '.join(positions)}), "
                f"not {len(cells)}."
            )
    table = [{name: cells[at] for name, at in positions.items()} for _, cells in body]
    names = {name: meant.header[at].lower() for name, at in positions.items() if meant.header}
    lines = [line for line, _ in body]
    return Table(path, table, lines, [line for line, _ in comments], meant.header, names)


def first_cells(path: Path, columns: Mapping[str, Sequence[str]]) -> list[str]:
    """The cells of the line of names, or of the first row if there is none.

    Raises:
        UserError: if the file is no table.
    """
    rows, comments = _read_rows(path, columns)
    names = {alias for aliases in columns.values() for alias in aliases}
    commented = comments[-1][1] if comments and comments[-1][0] < rows[0][0] else []
    return commented if any(cell.lower() in names for cell in commented) else rows[0][1]


class _Columns:
    """Which columns are meant.

    Args:
        path: the file, for messages.
        columns: see `read_table`, as are the others.
        optional: see `read_table`.
        chosen: see `read_table`.
    """

    def __init__(
        self,
        path: Path,
        columns: Mapping[str, Sequence[str]],
        optional: Sequence[str],
        chosen: Mapping[str, str],
    ):
        self._path, self._columns, self._optional = path, columns, optional
        self._chosen = chosen
        self.header: list[str] = []
        unknown = [name for name in chosen if name not in columns]
        if unknown:
            raise UserError(
                f"{path}: no column {unknown[0]!r} is asked for. Expected `columns` to name "
                f"{', '.join(columns)}."
            )

    def split(self, rows: _Rows, comments: _Rows) -> tuple[dict[str, int], _Rows]:
        """Where the columns are, and the rows without the line of names."""
        commented = comments[-1][1] if comments and comments[-1][0] < rows[0][0] else None
        if commented and (positions := self._named_in(commented)):
            self.header = commented
            return positions, rows
        first = rows[0][1]
        positions = self._named_in(first)
        if positions:
            self.header = first
            return positions, rows[1:]
        if self._chosen:
            return self._by_position(first), rows
        if self._is_a_line_of_names(rows):
            raise UserError(self._unclear(first))
        return self._in_order(first), rows

    def _named_in(self, cells: list[str]) -> dict[str, int]:
        """Where the columns are by a line of names, or nothing if it does not name them all."""
        lower = [cell.lower() for cell in cells]
        places: dict[str, int] = {}
        repeated = {}
        for name, aliases in self._columns.items():
            if name in self._chosen:
                exact = self._chosen[name]
                at = cells.index(exact) if exact in cells else _index(lower, [exact.lower()])
            else:
                at = _index(lower, aliases)
            if at is not None:
                places[name] = at
                same = cells if cells[at] == self._chosen.get(name) else lower
                if same.count(same[at]) > 1:
                    repeated[name] = cells[at]
            elif name not in self._optional or name in self._chosen:
                return {}
        for name, text in repeated.items():
            raise UserError(
                f"{self._path}: several columns are called {text!r}, so which one is meant by "
                f"`{name}` cannot be told. Found: {', '.join(cells)[:200]}. Rename the others."
            )
        return places

    def _by_position(self, first: list[str]) -> dict[str, int]:
        """The chosen columns by their numbers, where no line names them."""
        missing = [name for name in self._columns if name not in {*self._chosen, *self._optional}]
        numbers = {
            name: int(text) - 1
            for name, text in self._chosen.items()
            if text.isascii() and text.isdigit() and len(text) < 6
        }
        if (
            missing
            or len(numbers) < len(self._chosen)
            or not all(0 <= at < len(first) for at in numbers.values())
        ):
            raise UserError(self._unclear(first))
        return numbers

    def _is_a_line_of_names(self, rows: _Rows) -> bool:
        """Whether the first line holds names, if only some of them are known.

        Names are no images; a line of names has one that is known, or stands above images.
        """
        first = rows[0][1]
        if any(map(_looks_like_an_image, first)):
            return False
        known = {alias for aliases in self._columns.values() for alias in aliases}
        if any(cell.lower() in known for cell in first):
            return True
        return any(map(_looks_like_an_image, rows[1][1])) if len(rows) > 1 else False

    def _in_order(self, first: list[str]) -> dict[str, int]:
        """The columns in their own order, all that there are."""
        required = [name for name in self._columns if name not in self._optional]
        if not len(required) <= len(first) <= len(self._columns):
            raise UserError(self._unclear(first))
        return {name: at for at, name in enumerate(self._columns) if at < len(first)}

    def _unclear(self, first: list[str]) -> str:
        known = "; ".join(f"{name}: {', '.join(self._columns[name])}" for name in self._columns)
        asked = "".join(f" {name}={text}" for name, text in self._chosen.items())
        return (
            f"{self._path}: expected the columns {', '.join(self._columns)}"
            f"{f' (chosen:{asked})' if asked else ''}. Found: {', '.join(first)[:200]}. Choose "
            f"them by name or number, such as columns: "
            f"{{{', '.join(f'{n}: {c}' for n, c in zip(self._columns, first, strict=False))}}}; "
            f"names that are understood are {known}."
        )


def _index(cells: Sequence[str], names: Sequence[str]) -> int | None:
    return next((cells.index(name) for name in names if name in cells), None)


def _looks_like_an_image(cell: str) -> bool:
    return cell.lower().endswith(IMAGE_SUFFIXES)


def _read_rows(path: Path, columns: Mapping[str, Sequence[str]]) -> tuple[_Rows, _Rows]:
    """The lines that are not blank, as `(line number, cells)`, and those with a `#`."""
    text = read_text(path)
    separator = _separator(text, columns)
    rows, comments = _parsed(path, text, separator)
    if not rows:
        raise UserError(f"{path}: empty. Expected lines of text.")
    return rows, comments


def _parsed(path: Path, text: str, separator: str) -> tuple[_Rows, _Rows]:
    """All lines' cells; a quoted `#` begins no comment."""
    lines, comments = [], []
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if line.lstrip().startswith("#"):
            comments.append((number, _cells(line.lstrip(" \t#"), separator)))
            lines.append("\n")
        else:
            lines.append(line)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: not a table: {error}.") from None
    return [(line, cells) for line, cells in rows if any(cells)], comments


def _separator(text: str, columns: Mapping[str, Sequence[str]]) -> str:
    """What separates cells: what makes a line of known names, or as many cells in each line."""
    lines = [line for line in islice(io.StringIO(text, newline=""), 50) if line.strip()]
    rows = [line for line in lines if not line.lstrip().startswith("#")]
    known = {alias for aliases in columns.values() for alias in aliases}

    def fits(separator: str) -> tuple[bool, bool, int, int]:
        counts = [len(_cells(line, separator)) for line in rows[:20]]
        names = any(
            sum(cell.lower() in known for cell in _cells(line.lstrip("# "), separator)) > 1
            for line in [*lines[:1], *rows[:1]]
        )
        least = min(counts, default=1)
        most = max(counts, default=1)
        return names, 1 < least == most, least, most

    return max(_SEPARATORS, key=fits)


def _cells(line: str, separator: str) -> list[str]:
    """A single line's cells; of one that breaks off in a quotation, what can be told."""
    try:
        row = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        row = line.split(separator)
    return [cell.strip() for cell in row]


def text_of(start: bytes) -> str | None:
    """The text with which a file begins, or None if it is no text."""
    encoding = _encoding(start)
    text = start.decode(encoding, errors="ignore")
    return None if "\0" in text else text


def _encoding(start: bytes) -> str:
    marks = _BYTE_ORDER_MARKS.items()
    unmarked = _utf16_by_zeros(start) or "utf-8-sig"
    return next((name for mark, name in marks if start.startswith(mark)), unmarked)


def _utf16_by_zeros(start: bytes) -> str | None:
    """Which UTF-16 text without a mark is in: a zero stands beside each letter of ASCII."""
    head = start[:_TOLD_BY]
    first, second = head[::2], head[1::2]
    for name, zeros, letters in (("utf-16-le", second, first), ("utf-16-be", first, second)):
        text = head[: len(head) & ~1].decode(name, errors="replace")
        is_text = not set(text) & _NO_TEXT
        if letters and 0 not in letters and 2 * zeros.count(0) > len(zeros) and is_text:
            return name
    return None


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 or, with a byte order mark, UTF-32.

    Raises:
        UserError: if it cannot be read or is not text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        expected = encoding.upper().removesuffix("-SIG")
        raise UserError(
            f"{path}: not text in {expected} (byte {error.start}). Save it in UTF-8."
        ) from None
    if "\0" in text:
        raise UserError(f"{path}: not text: it holds zero bytes. Save it in UTF-8.")
    return text
