"""A full disk ends in one line and leaves no half-written file."""

import errno
import os
import subprocess
import sys

import pytest

from framl_keras.cli.group import cli, main
from framl_keras.data.atomic import write_beside
from framl_keras.results import _written

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["recipe", "schema"], ["recipe", "list"], ["--help"]])
def test_output_that_a_disk_refuses_is_one_line(arguments):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "framl_keras", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr == (
        "framl-keras: The output: No space left on device. Make room and run the command again.\n"
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FULL, "The output: No space left on device. Make room and run the command again."),
        (PermissionError(errno.EACCES, "Permission denied", "x.csv"), "x.csv: Permission denied."),
        (OSError(errno.EROFS, "Read-only file system", "y"), "y: Read-only file system. Choose"),
    ],
)
def test_what_a_disk_refuses_any_command_is_one_line(error, message, monkeypatch, capfd):
    def refused(*_, **__):
        raise error

    monkeypatch.setattr(cli, "main", refused)
    with pytest.raises(SystemExit) as end:
        main([])

    assert end.value.code == 2
    assert message in capfd.readouterr().err


def test_errors_of_other_kinds_pass(monkeypatch):
    def refused(*_, **__):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(cli, "main", refused)
    with pytest.raises(OSError, match="Input/output error"):
        main([])


def test_the_file_that_a_full_disk_cuts_is_named_and_goes(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("before")

    def write():
        with write_beside(path) as file:
            file.write_text("half of it")
            raise FULL

    with pytest.raises(OSError, match="No space left") as error:
        write()

    assert error.value.filename == str(path)
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]
    assert path.read_text() == "before"


def test_a_table_is_written_beside_and_renamed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(FULL))

    with pytest.raises(OSError, match="No space left"):
        _written("a,b", tmp_path / "x.csv")

    assert not list(tmp_path.iterdir())
