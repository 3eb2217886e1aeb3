"""What results have in common: rows that print as a table and write as CSV, Markdown or LaTeX."""

import csv
import html
import io
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

Row = Mapping[str, Any]


class Tabular:
    """Base of results: a subclass says its `rows`, everything else follows.

    Attributes:
        FORMATS: column -> how a number in it prints, such as `.4f` or `.2%`; others print with
            up to six digits. Files that programs read hold all digits.

    Example:
    >>> class Squares(Tabular):
    ...     FORMATS = {"square": ".1f"}
    ...
    ...     def rows(self):
    ...         return [{"number": n, "square": float(n * n)} for n in (3, 4)]
    >>> Squares()
    number  square
         3     9.0
         4    16.0
    >>> print(Squares().to_markdown())
    | number | square |
    | ---: | ---: |
    | 3 | 9.0 |
    | 4 | 16.0 |
    """

    FORMATS: ClassVar[Mapping[str, str]] = {}

    def rows(self) -> list[dict[str, Any]]:
        """The rows, each a mapping from column to value; all have the same columns."""
        raise TypeError(f"{type(self).__name__} must define `rows`")

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain Python values, as JSON holds them."""
        return {
            "rows": [{name: plain(value) for name, value in row.items()} for row in self.rows()]
        }

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """The rows as CSV text, also written to `path` if one is given."""
        stream = io.StringIO()
        rows = self.rows()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_columns(rows))
        writer.writerows([_exact(value) for value in row.values()] for row in rows)
        return _written(stream.getvalue(), path)

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """The rows as a table in Markdown, also written to `path` if one is given."""
        rows = self.rows()
        lines = [_columns(rows), [_rule(rows, name) for name in _columns(rows)]]
        lines += [[cell.replace("|", "\\|") for cell in self._cells(row)] for row in rows]
        return _written("\n".join(f"| {' | '.join(cells)} |" for cells in lines), path)

    def to_latex(self, path: str | os.PathLike[str] | None = None) -> str:
        """The rows as a LaTeX table (it needs `booktabs`), also written to `path` if given."""
        rows = self.rows()
        names = _columns(rows)
        kinds = "".join("r" if _is_numeric(rows, name) else "l" for name in names)
        lines = [names, *(self._cells(row) for row in rows)]
        head, *body = [" & ".join(map(_latex, cells)) + r" \\" for cells in lines]
        top = [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule", head, r"\midrule"]
        return _written("\n".join([*top, *body, r"\bottomrule", r"\end{tabular}"]), path)

    def __str__(self) -> str:
        rows = self.rows()
        names = _columns(rows)
        table = [names, *(self._cells(row) for row in rows)]
        widths = [max(len(cells[at]) for cells in table) for at in range(len(names))]
        right = [_is_numeric(rows, name) for name in names]
        lines = (
            "  ".join(
                cell.rjust(width) if to_the_right else cell.ljust(width)
                for cell, width, to_the_right in zip(cells, widths, right, strict=True)
            )
            for cells in table
        )
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        rows = self.rows()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in _columns(rows))
        body = "".join(f"<tr>{''.join(self._html_cells(row))}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _html_cells(self, row: Row) -> Iterator[str]:
        return (f"<td>{html.escape(cell)}</td>" for cell in self._cells(row))

    def _cells(self, row: Row) -> list[str]:
        return [_shown(value, self.FORMATS.get(name, ".6g")) for name, value in row.items()]


def plain(value: Any) -> Any:
    """The same with Python's own types; what is not a finite number becomes None."""
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers
        return plain(value.tolist())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    return list(rows[0]) if rows else []


def _is_numeric(rows: list[dict[str, Any]], name: str) -> bool:
    values = [row[name] for row in rows if row[name] is not None]
    return bool(values) and all(_is_number(plain(value)) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rule(rows: list[dict[str, Any]], name: str) -> str:
    return "---:" if _is_numeric(rows, name) else "---"


def _shown(value: Any, form: str) -> str:
    value = plain(value)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:{form}}" if isinstance(value, float) else str(value)


def _exact(value: Any) -> Any:
    value = plain(value)
    return "" if value is None else value


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)


def _written(text: str, path: str | os.PathLike[str] | None) -> str:
    if path is not None:
        end = "" if text.endswith("\n") else "\n"
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        beside = Path(path).with_name(f".{Path(path).name}.{os.getpid()}.partial")
        try:
            beside.write_text(text + end, encoding="utf-8")
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    return text
