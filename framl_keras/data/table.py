"""Small tables in text files: CSV or TSV, with a line of column names or without."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framl_keras.errors import UserError


@dataclass(frozen=True)
class Table:
    """The rows of a file.

    Attributes:
        path: the file.
        rows: each a mapping column -> text, stripped.
        lines: the number of each row's line, from 1.
    """

    path: Path
    rows: list[dict[str, str]]
    lines: list[int]


def read_table(
    path: Path, columns: Mapping[str, Sequence[str]], optional: Sequence[str] = ()
) -> Table:
    """Reads comma- or tab-separated columns.

    Args:
        path: the file, in UTF-8.
        columns: name -> what the first line may call it; without such a first
            line, the columns come in this order.
        optional: those that may be missing; they are then left out of the rows.

    Raises:
        UserError: if the file is not such a table or has no rows.
    """
    rows = _read_rows(path)
    header = _positions([cell.lower() for cell in rows[0][1]], columns, optional)
    positions = header or _without_names(len(rows[0][1]), columns, optional)
    if not positions:
        raise UserError(f"{path}: expected the columns {', '.join(columns)}.")
    body = rows[1:] if header else rows
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
    return Table(path, table, [line for line, _ in body])


def _read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """The lines that are not blank, as `(line number, cells)`."""
    text = read_text(path)
    first = text.lstrip("\r\n").partition("\n")[0]
    stream = io.StringIO(text, newline="")
    reader = csv.reader(stream, delimiter="\t" if "\t" in first else ",", strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: not a table: {error}.") from None
    rows = [(line, cells) for line, cells in rows if any(cells)]
    if not rows:
        raise UserError(f"{path}: empty. Expected lines of text.")
    return rows


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises:
        UserError: if it cannot be read or is not text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text in UTF-8 (byte {error.start}).") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
    if "\0" in text:
        raise UserError(f"{path}: not text: it holds zero bytes.")
    return text


def _positions(
    cells: list[str], columns: Mapping[str, Sequence[str]], optional: Sequence[str]
) -> dict[str, int]:
    """Where the named columns are, or nothing if the line does not name them."""
    found: dict[str, int] = {}
    for name, aliases in columns.items():
        at = next((cells.index(alias) for alias in aliases if alias in cells), None)
        if at is not None:
            found[name] = at
        elif name not in optional:
            return {}
    return found


def _without_names(
    count: int, columns: Mapping[str, Sequence[str]], optional: Sequence[str]
) -> dict[str, int]:
    """The columns in their own order, as many as there are."""
    required = [name for name in columns if name not in optional]
    if count < len(required):
        return {}
    return {name: at for at, name in enumerate(columns) if at < count}
