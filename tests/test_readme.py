"""What the README says is run, not believed."""

import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_runs_the_readmes_test_command():
    (command,) = re.findall(r"^.*tox run$", README, re.MULTILINE)
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()


def test_the_example_builds_a_model_that_trains_and_a_similarity():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["model"].output_shape == (None, 1000)
    vectors = np.eye(2, 8, dtype="float32")
    assert tuple(names["similarity"](vectors, vectors).shape) == (2,)


def test_files_and_recipes_that_it_names_exist():
    for path in re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r"recipes/\w+\.yaml", README):
        assert (ROOT / path).exists(), path
