import importlib.util
import json
import os
import subprocess
import sys

import pytest

from framl_keras import backend
from framl_keras.cli.group import COMMANDS, main
from framl_keras.errors import UserError

HEAVY = ("keras", "tensorflow", "jax", "torch", "numpy", "cv2", "pydantic", "matplotlib")


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code


def test_help_lists_every_command_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom framl_keras.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert all(name in output for name in COMMANDS)
    assert output.splitlines()[-1] == "[]"


def test_python_runs_it_as_a_module():
    command = [sys.executable, "-m", "framl_keras", "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.startswith("framl-keras, version")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_list_exists_and_helps(name, capsys):
    assert run(name, "--help") == 0
    assert "Usage: framl-keras" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nope"], ["train"], ["train", "r.yaml", "--nope"]])
def test_wrong_usage_is_one_line_and_status_2(arguments, capsys):
    assert run(*arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_users_error_is_one_line_and_status_2_or_a_traceback(capsys):
    assert run("train", "nowhere.yaml") == 2
    assert capsys.readouterr().err.startswith("framl-keras: No such recipe: nowhere.yaml")
    with pytest.raises(UserError):
        main(["--traceback", "train", "nowhere.yaml"])


@pytest.fixture
def only_installed(monkeypatch, tmp_path):
    def pretend(*names):
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        found = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name: (name in names or None) if name in backend.BACKENDS else found(name),
        )

    return pretend


def test_an_unknown_backend_lists_the_known(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "mxnet")
    with pytest.raises(UserError, match=r"'mxnet'\. Expected one of tensorflow, jax, torch"):
        backend.choose()


def test_a_backend_that_is_not_installed_comes_with_the_pip_line(monkeypatch, only_installed):
    only_installed("torch")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(UserError, match=r'pip install "framl-keras\[jax\]", or set .*=torch'):
        backend.choose()


@pytest.mark.parametrize(
    ("installed", "settings", "expected"),
    [
        (("jax",), {}, "jax"),
        (("tensorflow", "jax"), {}, "tensorflow"),
        (("tensorflow", "torch"), {"backend": "torch"}, "torch"),
        (("jax",), {"backend": "tensorflow"}, "jax"),
        (("jax",), [], "jax"),
    ],
)
def test_without_the_variable_an_installed_backend_is_taken(
    monkeypatch, only_installed, tmp_path, installed, settings, expected
):
    only_installed(*installed)
    monkeypatch.setenv("KERAS_BACKEND", "")
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    assert backend.choose() == expected
    assert os.environ["KERAS_BACKEND"] == expected
