import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from framl_keras import backend
from framl_keras.cli.group import COMMANDS, EXAMPLES, cli, main
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


@pytest.mark.parametrize("name", EXAMPLES)
def test_help_ends_with_an_example_that_parses(name, capsys):
    assert run(*name.split(), "--help") == 0
    assert f"framl-keras {name}" in capsys.readouterr().out.split("For example:")[1]


def test_every_command_has_an_example():
    groups = {name.split()[0] for name in EXAMPLES}
    assert groups == set(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["trian"], "No such command 'trian'. Did you mean 'train'? Expected one of train, eval"),
        (["compare_runs"], "Did you mean 'compare-runs'?"),
        (["data", "chek"], "Did you mean 'check'? Expected one of"),
        (["recipe", "shwo"], "Did you mean 'show'? Expected one of"),
        (["xyz"], "No such command 'xyz'. Expected one of train, eval"),
    ],
)
def test_an_unknown_command_is_answered_with_the_nearest(arguments, answer, capsys):
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert answer in error
    assert error.count("\n") == 1


def test_version_tells_what_a_report_of_a_fault_needs():
    code = (
        "import sys\nfrom framl_keras.cli import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert output[0].startswith("framl-keras, version")
    assert f"Keras {importlib.metadata.version('keras')}" in output
    assert [line.split()[0] for line in output[1:6]] == [
        "Python",
        "Keras",
        "TensorFlow",
        "JAX",
        "Torch",
    ]
    assert output[-1] == "[]"


def test_the_shell_completes_commands_and_options():
    def completed(words):
        environment = os.environ | {
            "_FRAML_KERAS_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        command = [sys.executable, "-m", "framl_keras"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.stdout.split()

    assert completed("framl-keras tr") == ["plain,train"]
    assert "plain,--protocol" in completed("framl-keras eval --pro")


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
    with pytest.raises(UserError, match=r"pip install jax, or set .*=torch"):
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


COMPLETIONS = {  # what is typed so far -> what a shell offers, and what it does not
    "eval --sim c": ({"cos", "corr"}, {"ssim"}),
    "retrieve --sim ": ({"diff", "all"}, set()),
    "train q": ({"quickstart"}, {"person"}),
    "recipe show per": ({"person"}, {"quickstart"}),
    "eval --run runs/": ({"runs/mine"}, {"runs/empty"}),
    "encode --engine o": ({"onnx", "openvino"}, {"keras"}),
    "import-weights x.pth --as iresnet5": ({"iresnet50"}, {"mobilefacenet"}),
}


@pytest.mark.parametrize("typed", COMPLETIONS)
def test_a_shell_completes_names(typed, tmp_path, monkeypatch):
    (tmp_path / "runs/empty").mkdir(parents=True)
    (tmp_path / "runs/mine").mkdir()
    (tmp_path / "runs/mine/recipe.yaml").write_text("name: mine")
    monkeypatch.chdir(tmp_path)
    words = ["framl-keras", *typed.split(" ")]
    done = ShellComplete(cli, {}, "framl-keras", "_X").get_completions(words[1:-1], words[-1])

    offered, not_offered = COMPLETIONS[typed]
    names = {item.value for item in done}
    assert offered <= names
    assert not names & not_offered
