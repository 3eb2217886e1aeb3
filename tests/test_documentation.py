"""What README and docs say is run, not believed."""

import re
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from framl_keras.cli.data import command as data
from framl_keras.cli.group import COMMANDS
from framl_keras.errors import UserError
from framl_keras.export.formats import writers_of

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = {page.name: BLOCK.findall(page.read_text(encoding="utf-8")) for page in PAGES}


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """The folder that the pages are about: `faces/<identity>/<image>`, `a.png` and `b.png`."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    for identity in range(6):
        (tmp_path / f"faces/{identity}").mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            cv2.imwrite(f"faces/{identity}/{number}.png", pixels)
    (tmp_path / "a.png").write_bytes((tmp_path / "faces/0/0.png").read_bytes())
    (tmp_path / "b.png").write_bytes((tmp_path / "faces/1/0.png").read_bytes())


@pytest.mark.parametrize("page", [name for name, blocks in BLOCKS.items() if blocks])
def test_the_python_blocks_of_a_page_run_one_after_the_other(page, faces):
    if page == "export.md":
        _skip_unless_onnx_can_be_written()
    keras.utils.set_random_seed(0)
    names: dict = {"__name__": "page"}
    for number, block in enumerate(BLOCKS[page], 1):
        exec(compile(block, f"{page}, block {number}", "exec"), names)


def _skip_unless_onnx_can_be_written():
    try:
        writers_of("onnx")
    except UserError as error:
        pytest.skip(str(error))


def test_ci_runs_the_readmes_test_command():
    (command,) = re.findall(r"^.*tox run$", README, re.MULTILINE)
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()


def test_the_readme_names_every_command_and_no_other():
    rows = re.findall(r"^\| `framl-keras ([^`]+)`", README, re.MULTILINE)
    words = [row.split() for row in rows]
    assert {first for first, *_ in words} == set(COMMANDS)
    (of_data,) = [set(rest) - {"\\|"} for first, *rest in words if first == "data"]
    assert of_data == set(data.commands)


def test_files_and_recipes_that_the_readme_names_exist():
    linked = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", README)
    ours = [link for links in linked for link in links if "framl-keras/framl-keras" in link]
    paths = [re.sub(r".*/(?:blob|tree|raw)/main/", "", link) for link in ours]
    assert len(paths) > 5
    for path in [*paths, *re.findall(r"recipes/\w+\.yaml", README)]:
        assert (ROOT / path).exists(), path


def test_no_link_of_the_readme_is_relative():
    links = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", README)
    assert all(link.startswith("https://") for pair in links for link in pair if link)
