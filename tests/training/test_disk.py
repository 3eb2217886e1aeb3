import errno
import os

import pytest
from small_runs import assert_same_state, changed, ctrl_c_during, final_state

from framl_keras.cli.group import main
from framl_keras.errors import UserError
from framl_keras.runs import checkpoint, directory
from framl_keras.runs.directory import RunDirectory
from framl_keras.training.train import train


def a_disk_that_fills_up(monkeypatch, writes=3):
    """Lets each checkpoint be written so far, and no further."""
    write, left = checkpoint._write, iter(range(writes))

    def write_a_few(*arguments):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(*arguments)

    monkeypatch.setattr(checkpoint, "_write", write_a_few)


def files_in(folder):
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_full_disk_loses_nothing(recipe, monkeypatch):
    straight, run = RunDirectory("runs/straight"), RunDirectory("runs/tiny")
    train(recipe, straight)
    with ctrl_c_during(3):
        train(changed(recipe, name="tiny"), run)
    before = files_in(run.checkpoints)
    with monkeypatch.context() as patch:
        a_disk_that_fills_up(patch)
        with pytest.raises(UserError, match=r"step-0+4\.ckpt: No space left.*Make room") as full:
            train(changed(recipe, name="tiny"), run)
    assert "\n" not in str(full.value)
    assert files_in(run.checkpoints) == before
    train(changed(recipe, name="tiny"), run)
    assert_same_state(final_state(run), final_state(straight))


def test_a_full_disk_cuts_the_log_and_the_next_run_mends_it(recipe):
    run = RunDirectory("runs/tiny")
    with ctrl_c_during(3):
        train(recipe, run)
    log = run.logs / "training.csv"
    whole = log.read_text().splitlines()
    with log.open("a") as file:
        file.write("4,2,0.5")
    with log.open("a") as file:
        file.write("\n1")
    train(recipe, run)
    lines = log.read_text().splitlines()
    assert lines[: len(whole)] == whole
    assert [line.split(",")[0] for line in lines[1:]] == list("123456")


@pytest.mark.parametrize(
    ("number", "remedy"), [(errno.EROFS, "can be written to"), (errno.EACCES, "permissions")]
)
def test_a_folder_that_cannot_be_written_is_one_line(recipe, monkeypatch, capsys, number, remedy):
    def refuse(path, *_, **__):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(directory.Path, "mkdir", refuse)
    with open("recipe.yaml", "w") as file:
        file.write(recipe.to_yaml())
    with pytest.raises(SystemExit) as end:
        main(["train", "recipe.yaml"])
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"framl-keras: runs/tiny: {os.strerror(number)}.")
    assert remedy in said


def test_a_second_trainer_is_told_who_is_at_it(recipe, capsys):
    with open("recipe.yaml", "w") as file:
        file.write(recipe.to_yaml())
    with RunDirectory("runs/tiny").lock(), pytest.raises(SystemExit) as end:
        main(["train", "recipe.yaml"])
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"runs/tiny is being trained by process {os.getpid()} on " in said


def test_what_a_killed_run_was_writing_is_cleared(recipe):
    run = RunDirectory("runs/tiny")
    with ctrl_c_during(2):
        train(recipe, run)
    half = run.checkpoints / ".step-000000003.ckpt.partial"
    half.mkdir()
    (half / "00000-of-00001.safetensors").write_bytes(b"half")
    train(recipe, run)
    assert not half.exists()
