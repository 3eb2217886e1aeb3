"""One HTML page that shows an evaluation and needs nothing else."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from framl_keras.evaluation.report.tables import (
    Numbers,
    Table,
    accept_rates,
    differences,
    facts_table,
    operating_points,
    separation,
)

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #ddd;
  white-space: nowrap; font-variant-numeric: tabular-nums; }
th { border-bottom: 2px solid #888; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
img { max-width: 100%; height: auto; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 1rem;
  align-items: start; }
.note { color: #555; font-size: .9rem; }
"""
TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
POINT_NOTE = "Each fold at the threshold chosen on the others, counts added up."
REACH_NOTE = (
    "* beyond what the different-pairs can tell: the true accept rate at no false accept. VAL is "
    "insightface's: the threshold for the rate from the other folds, mean ± standard deviation."
)
TEST_NOTE = (
    "Paired on the same pairs. Interval and p respect identities that pairs share; "
    "McNemar's exact test takes the pairs to be independent."
)


def page_of(
    title: str,
    table: Table,
    notes: Sequence[str],
    results: Numbers,
    tests: Numbers,
    plots: dict[str, list[Path]],
    facts: dict[str, Any],
) -> str:
    """The page as text.

    Args:
        title: of the page.
        table: header and rows, as on the terminal.
        notes: what goes below the table.
        results: see `numbers_of`.
        tests: see `test_numbers`.
        plots: image files by the name of their set.
        facts: see `facts_of`.
    """
    parts = [
        f"<h1>{escape(title)}</h1>",
        _table(table),
        *map(_note, notes),
        *(_plots(name, files) for name, files in plots.items()),
        *_section("At the operating point", POINT_NOTE, operating_points(results)),
        *_section("Over all thresholds", "", separation(results)),
        *_section("At false accept rates", REACH_NOTE, accept_rates(results)),
        *(_section("Differences", TEST_NOTE, differences(tests)) if tests else []),
        *_section("How to get these numbers again", "", facts_table(facts)),
    ]
    head = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
    )
    return head + "\n".join(parts) + "\n</html>\n"


def _section(title: str, note: str, table: Table) -> list[str]:
    return [f"<h2>{escape(title)}</h2>", *([_note(note)] if note else []), _table(table)]


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _table(table: Table) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    header, rows = table
    return "<table>" + line(header, "th") + "".join(line(row, "td") for row in rows) + "</table>"


def _plots(name: str, files: Sequence[Path]) -> str:
    images = "".join(_image(file) for file in files)
    return f'<h2>{escape(name)}</h2><div class="plots">{images}</div>'


def _image(file: Path) -> str:
    data = base64.b64encode(file.read_bytes()).decode("ascii")
    what = escape(file.stem.replace("-", " "), quote=True)
    return f'<img alt="{what}" src="data:{TYPES[file.suffix]};base64,{data}">'
