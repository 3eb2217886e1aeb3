"""The import table of the design, and the size of functions, walked with `ast`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import framl_keras

PACKAGE = Path(framl_keras.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Part of the package -> parts that it may import. Anyone may import the leaves.
LEAVES = {
    "allocator",
    "backend",
    "errors",
    "keras_internals",
    "optional",
    "registry",
    "results",
    "types",
    "untrusted",
    "version",
}
MAY_IMPORT = {
    "": {
        "api",
        "backbones",
        "callbacks",
        "data",
        "embedder",
        "evaluation",
        "keras_registry",
        "layers",
        "losses",
        "margins",
        "recipe",
        "similarities",
    },
    "__main__": {"cli"},
    "cli": {
        "api",
        "export",
        "photos",
        "embedder",
        "runs",
        "training",
        "evaluation",
        "similarities",
        "data",
        "models",
        "published",
        "recipe",
        "layers",
        "processes",
    },
    "api": {
        "backbones",
        "data",
        "embedder",
        "evaluation",
        "margins",
        "models",
        "published",
        "recipe",
        "runs",
        "similarities",
        "training",
        "processes",
    },
    "callbacks": {"data", "evaluation", "runs"},
    "embedder": {
        "runs",
        "evaluation",
        "similarities",
        "models",
        "data",
        "export",
        "photos",
        "processes",
    },
    "export": {"runs", "evaluation", "similarities", "models", "layers", "losses", "data"},
    "training": {"runs", "evaluation", "models", "layers", "data", "recipe", "ops", "processes"},
    "runs": {"evaluation", "models", "backbones", "recipe", "data"},
    "evaluation": {"models", "layers", "similarities", "data", "processes"},
    "published": {"models", "backbones", "layers"},
    "models": {"backbones", "layers", "losses", "margins"},
    "backbones": set(),
    "layers": {"margins", "similarities", "ops"},
    "keras_registry": {"layers", "losses", "margins"},
    "similarities": {"ops"},
    "margins": {"ops"},
    "losses": {"ops"},
    "ops": set(),
    "data": set(),
    "photos": {"data"},
    "processes": set(),
    "recipe": set(),
    "allocator": set(),
    "backend": set(),
    "errors": set(),
    "keras_internals": set(),
    "optional": set(),
    "registry": set(),
    "results": set(),
    "types": set(),
    "untrusted": {"allocator"},
    "version": set(),
}
ASKS_THE_BACKEND = {
    "data/policies/policy.py",
    "export/write.py",
    "ops/backend/__init__.py",
    "training/distribution/__init__.py",
    "training/steps/__init__.py",
}
LONGEST_BODY = 40

# Inside of two parts: wing or file -> what it may import of the same part. What is not named
# here may import nothing of its part. `recipe` marks where recipe objects are taken.
TRAINING = {
    "train": {
        "build",
        "callbacks",
        "checkpoints",
        "deliver",
        "distribution",
        "from_recipe",
        "input_errors",
        "steps",
    },
    "from_recipe": {"announce", "build", "callbacks", "checkpoints", "distribution", "steps"},
    "deliver": {"build", "callbacks", "checkpoints"},
    "input_errors": {"not_finite_error", "steps"},
    "announce": {"callbacks"},
    "build": {"checkpoints", "class_rows", "steps"},
    "callbacks": {"checkpoints", "not_finite_error"},
    "checkpoints": {"class_rows", "not_finite_error"},
    "class_rows": set(),
    "steps": {"not_finite_error"},
    "distribution": {"class_rows", "steps"},
    "parity": {"callbacks", "checkpoints", "distribution", "steps", "train"},
}
DATA = {
    "__init__": {"front", "inspection", "sources", "view"},
    "inspection": {"auditing", "checking", "front", "parts", "sources", "view"},
    "front": {
        "augment",
        "batches",
        "conversion",
        "pairs",
        "parts",
        "sources",
        "splitting",
        "view",
    },
    "auditing": {"checking", "decode", "pairs", "parallel", "parts", "sources"},
    "checking": {
        "atomic",
        "augment",
        "batches",
        "decode",
        "parallel",
        "parts",
        "policies",
        "sources",
        "view",
    },
    "splitting": {"atomic", "conversion", "sources"},
    "conversion": {"atomic", "parallel", "parts", "records", "sources", "transforms"},
    "batches": {"augment", "order", "policies", "sources", "transforms", "view"},
    "augment": {"transforms", "view"},
    "view": {"transforms"},
    "order": {"sources"},
    "inputs": {"files", "pixels", "sources"},
    "files": {"image_formats", "sources"},
    "transforms": {"decode"},
    "decode": {"image_formats", "image_size", "sources"},
    "pairs": {"image_formats", "sources", "table"},
    "sources": {"image_formats", "pixels", "records", "table"},
    "parts": {"atomic", "sources"},
    "records": {"atomic"},
    "table": {"image_formats"},
}
INSIDE = {"training": TRAINING, "data": DATA}
TAKES_RECIPES = {"train", "from_recipe", "build", "parity"}


def part_of(path: Path) -> str:
    """`layers/arc_margin.py` -> `layers`; the package's own `__init__` -> ``."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all our modules that are imported, anywhere in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module or ""]
            if node.module == "framl_keras":
                names = [f"framl_keras.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "framl_keras")


def lazy_imports_of(tree: ast.AST) -> Iterator[str]:
    """Our modules in `import_module("...")` calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called.endswith("import_module") and "framl_keras" in str(node.args[0].value):
                yield str(node.args[0].value)


def wrong_imports(part: str, source: str) -> list[str]:
    tree = ast.parse(source)
    allowed = {part} | MAY_IMPORT[part] | LEAVES
    names = [*imports_of(tree), *lazy_imports_of(tree)]
    return [name for name in names if name.split(".")[1] not in allowed]


def wing_of(path: Path) -> str:
    """`training/build/heads.py` -> `build`; `data/table.py` -> `table`."""
    return path.relative_to(PACKAGE).parts[1].removesuffix(".py")


def inner_imports(part: str, source: str) -> set[str]:
    """The wings of a part that one of its files imports."""
    tree, wings = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == f"framl_keras.{part}":
            wings |= {alias.name for alias in node.names}
    names = [*imports_of(tree), *lazy_imports_of(tree)]
    inner = [name.split(".") for name in names if name.startswith(f"framl_keras.{part}.")]
    return wings | {name[2] for name in inner}


def wrong_inner_imports(part: str, wing: str, source: str) -> set[str]:
    return inner_imports(part, source) - {wing} - INSIDE[part].get(wing, set())


def backend_reads(source: str) -> list[int]:
    """Lines that ask which backend is running."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("backend.backend")
    ]


def long_bodies(source: str) -> list[str]:
    """Functions whose body, without the docstring, is longer than allowed."""
    functions = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return [node.name for node in functions if body_length(node) > LONGEST_BODY]


def body_length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_every_part_has_its_place_in_the_table():
    assert {part_of(path) for path in FILES} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    assert not wrong_imports(part_of(path), path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("part", INSIDE)
def test_imports_inside_a_part_go_one_way(part):
    wrong = {
        f"{path.relative_to(PACKAGE)}": found
        for path in FILES
        if part_of(path) == part and path.relative_to(PACKAGE).parts[1:]
        if (found := wrong_inner_imports(part, wing_of(path), path.read_text(encoding="utf-8")))
    }

    assert not wrong


@pytest.mark.parametrize("part", INSIDE)
def test_no_two_wings_import_each_other(part):
    left = dict(INSIDE[part])
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]

    assert not left


def test_recipes_stop_at_the_top_of_training():
    taking = {
        wing_of(path)
        for path in FILES
        if part_of(path) == "training" and "framl_keras.recipe" in path.read_text(encoding="utf-8")
    }

    assert taking <= TAKES_RECIPES


def test_the_backend_is_asked_for_where_backends_differ_only():
    asking = {
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        if backend_reads(path.read_text(encoding="utf-8"))
    }

    assert asking <= ASKS_THE_BACKEND


def test_functions_are_short():
    found = {path.name: long_bodies(path.read_text(encoding="utf-8")) for path in FILES}

    assert not {name: bodies for name, bodies in found.items() if bodies}


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("ops", "from framl_keras.layers import ArcMarginLayer"),
        ("ops", "def f():\n    import framl_keras.recipe"),
        ("layers", "from framl_keras import models"),
        ("evaluation", "import importlib\nimportlib.import_module('framl_keras.training.train')"),
    ],
)
def test_the_check_finds_a_wrong_import(part, source):
    assert wrong_imports(part, source)


@pytest.mark.parametrize(
    ("part", "wing", "source"),
    [
        ("training", "steps", "from framl_keras.training.callbacks.progress import Progress"),
        ("training", "checkpoints", "from framl_keras.training import callbacks"),
        ("data", "sources", "import framl_keras.data.pairs"),
        ("data", "records", "from framl_keras.data import decode"),
    ],
)
def test_the_check_finds_a_wrong_import_inside(part, wing, source):
    assert wrong_inner_imports(part, wing, source)


def test_the_check_finds_a_backend_read_and_a_long_body():
    assert backend_reads("import keras\nif keras.backend.backend() == 'jax': pass")
    assert long_bodies("def f():\n" + "    pass\n" * (LONGEST_BODY + 1)) == ["f"]
    assert not long_bodies("def f():\n" + "    pass\n" * LONGEST_BODY)


def test_names_of_test_files_are_unique():
    """Two of a name end the whole suite's collection, though each folder runs alone."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert len(names) == len(set(names))
