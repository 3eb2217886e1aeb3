"""The examples in docstrings run on every backend."""

import doctest
import importlib
from pathlib import Path

import keras
import numpy as np
import pytest

import framl_keras
from framl_keras.backbones.registry import _known
from framl_keras.data.sources.detect import OPENERS
from framl_keras.registry import MARGINS
from framl_keras.similarities.registry import _SIMILARITIES

PACKAGE = Path(framl_keras.__file__).parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
KNOWN = {"np": np, "keras": keras, "framl_keras": framl_keras, "fk": framl_keras}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = [
    module_of(path)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.fixture
def names_as_before():
    """What an example registers is not known to the tests after it."""
    importlib.import_module("framl_keras.margins")  # the package's own names stay
    registries = (_known, MARGINS, OPENERS, _SIMILARITIES)
    before = [dict(registry._things) for registry in registries]
    yield
    for registry, things in zip(registries, before, strict=True):
        registry._things = things


@pytest.mark.usefixtures("names_as_before")
@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    module = importlib.import_module(name)
    out: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in doctest.DocTestFinder().find(module, extraglobs=KNOWN):
        runner.run(test, out=out.append)

    assert runner.failures == 0, "".join(out)
