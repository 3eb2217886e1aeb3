"""STYLE's numbers: how long files and functions are, how branched, how exemplified and tested.

    python tools/style_numbers.py

prints a column for this package and one for each of the packages below that is installed.
Nothing is imported: sources are read and parsed.
"""

import ast
import importlib.util
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ANCHORS = {  # what a reader compares with: name of the column -> package and its folder
    "keras.layers": ("keras", "src/layers"),
    "keras_rs": ("keras_rs", "src"),
    "pytorch-metric-learning": ("pytorch_metric_learning", ""),
    "scikit-learn": ("sklearn", ""),
}
Function = ast.FunctionDef | ast.AsyncFunctionDef
BRANCHES = (ast.If, ast.IfExp, ast.For, ast.While, ast.ExceptHandler, ast.comprehension, ast.Assert)
LISTS = {"__all__", "_HOMES"}
INSIDE = {"cli", "models", "ops", "published", "recipe", "runs", "training", "auditing", "checking",
          "conversion", "pairs", "policies", "transforms.py"}  # fmt: skip


class Sources:
    """The parsed files of a package, its tests apart."""

    def __init__(self, folder: Path):
        self.folder = folder
        files = [path for path in sorted(folder.rglob("*.py")) if not _is_test(path, folder)]
        self.lines = {path: path.read_text("utf-8", "replace").splitlines() for path in files}
        self.trees = {path: ast.parse("\n".join(text)) for path, text in self.lines.items()}

    def functions(self) -> Iterator[Function]:
        """All functions and methods."""
        for tree in self.trees.values():
            yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def spread(values: list[int]) -> str:
    """Median · 90 % · maximum."""
    ordered = sorted(values) or [0]
    ninety = ordered[int(0.9 * (len(ordered) - 1))]
    return f"{statistics.median(ordered):.0f}·{ninety}·{ordered[-1]}"


def body_lines(node: Function) -> int:
    """Lines of a function's body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def complexity(node: Function) -> int:
    """McCabe's: one, and one for each branch and each further operand of `and` and `or`."""
    count = 1
    for child in ast.walk(node):
        count += isinstance(child, BRANCHES)
        count += len(child.values) - 1 if isinstance(child, ast.BoolOp) else 0
    return count


def exported(sources: Sources) -> dict[str, bool]:
    """Public classes and functions that some `__all__` lists: whether they have an example.

    Of our own package, those of the parts that its front door names.
    """
    names: set[str] = set()
    for path, tree in sources.trees.items():
        if INSIDE & set(path.relative_to(sources.folder).parts):
            continue
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in LISTS:
                found = [each for each in ast.walk(node.value) if isinstance(each, ast.Constant)]
                names |= {str(each.value) for each in found}
            names |= _keras_exports(node)
    examples: dict[str, bool] = {}
    for tree in sources.trees.values():
        for node in tree.body:
            if isinstance(node, Function | ast.ClassDef) and node.name in names:
                text = ast.get_docstring(node) or ""
                has_one = ">>> " in text or "```python" in text or "Example:" in text
                examples[node.name] = examples.get(node.name, False) or has_one
    return examples


def _keras_exports(node: ast.stmt) -> set[str]:
    """A name that Keras exports by its decorator."""
    if not isinstance(node, Function | ast.ClassDef):
        return set()
    marks = [ast.unparse(each) for each in node.decorator_list]
    return {node.name} if any("_export(" in mark for mark in marks) else set()


def importers(sources: Sources) -> Counter[Path]:
    """How many other files of the package import each file."""
    package = sources.folder.name
    by_name = {}
    for path in sources.trees:
        parts = path.relative_to(sources.folder.parent).with_suffix("").parts
        by_name[".".join(part for part in parts if part != "__init__")] = path
    counts: Counter[Path] = Counter()
    for path, tree in sources.trees.items():
        targets = {by_name[name] for name in _imports(tree, package) if name in by_name}
        counts.update(targets - {path})
    return counts


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_lines(folder: Path) -> int:
    """Lines of tests: beside the code in `*_test.py`, or in a folder `tests` in or beside it."""
    inside = [path for path in folder.rglob("*.py") if _is_test(path, folder)]
    beside = folder.parent / "tests"
    ours = list(beside.rglob("*.py")) if beside.is_dir() and folder.parent == ROOT else []
    return sum(len(path.read_text("utf-8", "replace").splitlines()) for path in [*inside, *ours])


def _is_test(path: Path, folder: Path) -> bool:
    return "tests" in path.relative_to(folder).parts or path.stem.endswith("_test")


def numbers(folder: Path) -> dict[str, str]:
    """All figures of a package."""
    sources = Sources(folder)
    functions = list(sources.functions())
    branched = sum(complexity(node) > 10 for node in functions)
    examples = exported(sources)
    code = sum(map(len, sources.lines.values()))
    modules = [path for path in sources.lines if path.stem != "__init__"]
    count = importers(sources)
    lonely = [path for path in modules if count[path] == 1 and len(sources.lines[path]) <= 60]
    return {
        "lines of code": f"{code:,}",
        "file median·90 %·max": spread([len(lines) for lines in sources.lines.values()]),
        "body median·90 %·max": spread([body_lines(node) for node in functions]),
        "complexity > 10, per 1,000": f"{1000 * branched / max(1, len(functions)):.0f}",
        "exported with an example": f"{100 * sum(examples.values()) / max(1, len(examples)):.0f} %",
        "test lines / lines": f"{test_lines(folder) / max(1, code):.2f}",
        "modules": str(len(modules)),
        "one importer, ≤ 60 lines": str(len(lonely)),
    }


def columns() -> dict[str, Path]:
    """This package, and the anchors that are installed."""
    folders = {"framl-keras": ROOT / "framl_keras"}
    for name, (package, inner) in ANCHORS.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.origin and (folder := Path(spec.origin).parent / inner).is_dir():
            folders[name] = folder
    return folders


def main() -> int:
    """Prints the table."""
    table = {name: numbers(folder) for name, folder in columns().items()}
    first = next(iter(table.values()))
    width = max(map(len, first))
    print(" " * width + "".join(f"{name:>25}" for name in table))
    for row in first:
        print(f"{row:{width}}" + "".join(f"{figures[row]:>25}" for figures in table.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
