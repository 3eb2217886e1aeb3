import json
import subprocess
import sys

import pytest
from small_faces import encoded

from framl_keras.cli import main


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("framl_keras.data.checking.check._SECONDS", 0.1)

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["data", *map(str, arguments)])
        output = capsys.readouterr()
        return end.value.code, output.out, output.err

    return call


def test_convert_check_and_audit_one_after_the_other(run, face_folder, tmp_path):
    code, out, _ = run("convert", face_folder, "faces.tfrecord", "--shards", 2, "--resize", 16)
    assert (code, out) == (0, "faces.tfrecord: 12 images of 4 people in 2 files\n")
    code, out, _ = run("convert", face_folder, "again.tfrecord", "--json")
    assert (code, json.loads(out)["records"]) == (0, 12)
    code, out, _ = run("check", "faces.tfrecord", "--size", 16)
    assert code == 0
    assert "12 images of 4 identities; 12 read and decoded" in out
    assert "16x16 (12)" in out
    assert (tmp_path / "contact_sheet.png").stat().st_size > 1000
    code, out, _ = run("audit", "faces.tfrecord", face_folder, "--json")
    report = json.loads(out)
    assert (code, report["identities"]) == (1, ["Zoë 9", "Zoë 10", "ada", "bob"])


def test_check_in_json_names_what_cannot_be_read_and_ends_with_1(run, tmp_path):
    for name, data in (("a/1.jpg", encoded(1)), ("a/2.jpg", b"x"), ("b/1.jpg", encoded(2))):
        (tmp_path / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "faces" / name).write_bytes(data)
    code, out, _ = run("check", "faces", "--json", "--sheet", "sheet.png")
    report = json.loads(out)
    assert code == 1
    assert [line.split(":")[0] for line in report["unreadable"]] == ["faces/a/2.jpg"]
    assert (tmp_path / "sheet.png").is_file()


def test_check_names_damaged_records_once(run, face_folder, tmp_path):
    assert run("convert", face_folder, "faces.tfrecord")[0] == 0
    content = bytearray((tmp_path / "faces.tfrecord").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "faces.tfrecord").write_bytes(content)
    code, out, err = run("check", "faces.tfrecord", "--size", 16)
    assert code == 1
    assert "11 images of 4 identities; 11 read and decoded" in out
    assert out.count("unreadable: 1") == out.count("its checksum (CRC-32C) does not hold") == 1
    assert err.count("1 damaged records are skipped") == 1


def test_check_draws_images_as_a_policy_varies_them(run, face_folder, tmp_path):
    pytest.importorskip("tensorflow")
    for name, more in (("usual", ()), ("varied", ("--policy", "keras.random_invert"))):
        code, out, _ = run("check", face_folder, "--size", 16, "--sheet", f"{name}.png", *more)
        assert code == 0
        assert "images/s" in out
    usual, varied = ((tmp_path / f"{name}.png").read_bytes() for name in ("usual", "varied"))
    assert usual != varied
    code, _, err = run("check", face_folder, "--policy", "keras.mix_up")
    assert code == 2
    assert "keras.mix_up mixes images" in err


def test_what_is_left_out_is_said(run, tmp_path):
    (tmp_path / "list.csv").write_text("a.jpg,x\nb.jpg,y\n")
    (tmp_path / "a.jpg").write_bytes(encoded(0))
    code, out, err = run("convert", "list.csv", "x.tfrecord", "--on-error", "skip")
    assert (code, out) == (0, "x.tfrecord: 1 images of 1 people; 1 left out\n")
    assert "left out: list.csv:2: cannot read the image b.jpg" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "nowhere"), "No training data at nowhere"),
        (("convert", "nowhere", "x"), "No training data at nowhere"),
        (("convert", "orl", "x", "--online", "--resize", "16"), "--resize changes images"),
        (("convert", "synthetic:people=2", "x", "--online"), "--online stores the paths"),
        (("audit", "orl", "nowhere"), "No verification set at nowhere"),
        (("audit", "nowhere", "orl"), "No training data at nowhere"),
    ],
)
def test_the_users_errors_are_one_line_and_status_2(run, arguments, message):
    code, _, err = run(*arguments)
    lines = [line for line in err.splitlines() if line.startswith("framl-keras: ")]
    assert code == 2
    assert len(lines) == 1
    assert message in lines[0]


def test_ctrl_c_says_how_to_go_on(run, face_folder, monkeypatch, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("framl_keras.data.conversion.encoding.RecordEncoder.encode", stop)
        code, _, err = run("convert", face_folder, "x.tfrecord")
    assert code == 130
    assert "the same command goes on where it was" in err
    assert not (tmp_path / "x.tfrecord").exists()
    assert run("convert", face_folder, "x.tfrecord")[0] == 0


def test_no_backend_is_imported(face_folder, tmp_path):
    code = (
        "import sys\nfrom framl_keras.cli import main\n"
        f"try: main(['data', 'convert', {str(face_folder)!r}, 'x.tfrecord'])\n"
        "except SystemExit: pass\n"
        "heavy = ('keras', 'tensorflow', 'jax', 'torch')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]"


SHARED = {
    "check": (["faces"], ["--sheet", "x.png", "--size", 16], "12 read and decoded"),
    "audit": (["faces", "faces"], [], "12 (100.00%) are in the training data"),
    "convert": (["faces", "x.tfrecord", "--shards", 2], [], "12 images of 4 people in 2 files"),
}


@pytest.mark.parametrize("command", SHARED)
def test_machines_share_the_work(run, face_folder, tmp_path, command):
    (tmp_path / "faces").symlink_to(face_folder)
    arguments, options, expected = SHARED[command]
    for part in ("1/2", "2/2"):
        code, out, _ = run(command, *arguments, "--part", part)
        assert (code, out.endswith("written\n")) == (0, True)
    assert run(command, *arguments, *options, "--merge")[1].count(expected) == 1
    code, _, err = run(command, *arguments, "--part", "1/2", "--merge")
    assert (code, "--merge takes no --part" in err) == (2, True)
    assert run(command, *arguments, "--part", "3/2")[0] == 2
