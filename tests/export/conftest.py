"""Exporters of these tests are forked from a process that has imported all: most of their time."""

import importlib.util
from pathlib import Path

import pytest

from framl_keras.export import place

TOOL = Path(__file__).parents[2] / "tools" / "export_writers.py"
FORKS = {"torch", "tensorflow"}  # JAX does not go on in a fork


@pytest.fixture(scope="package", autouse=True)
def _forked_writers():
    spec = importlib.util.spec_from_file_location(TOOL.stem, TOOL)
    forked = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(forked)
    by_itself = place.run_writer

    def run_writer(arguments, environment):
        forks = environment["KERAS_BACKEND"] in FORKS
        return (forked.run_writer if forks else by_itself)(arguments, environment)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "run_writer", run_writer)
        yield
