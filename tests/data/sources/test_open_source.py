import shutil

import pytest
from small_faces import SAMPLES, encoded

from framl_keras.data.sources import (
    ImageFolder,
    ImageList,
    OrlFaces,
    Source,
    SyntheticFaces,
    open_source,
)
from framl_keras.errors import UserError


@pytest.mark.parametrize(
    ("location", "kind"), [("orl", OrlFaces), ("synthetic:people=2,images=1", SyntheticFaces)]
)
def test_what_needs_no_file(location, kind):
    source = open_source(location)
    assert isinstance(source, kind)
    assert isinstance(source, Source)


@pytest.mark.parametrize("name", ["no_suffix", "misleading.rec"])
def test_the_format_is_told_from_the_content(tmp_path, name):
    shutil.copy(SAMPLES / "tfrecord/binary.tfrecord", tmp_path / name)
    assert len(open_source(str(tmp_path / name))) == 6


def test_a_folder_with_train_rec_beside_other_files(tmp_path):
    shutil.copy(SAMPLES / "recordio/train.rec", tmp_path)
    shutil.copy(SAMPLES / "recordio/train.idx", tmp_path)
    (tmp_path / "property").write_text("3,24,24")
    (tmp_path / "lfw.bin").write_bytes(b"\x80\x02]q\x00.")
    assert len(open_source(str(tmp_path))) == 6


def test_a_folder_of_images(face_folder):
    assert isinstance(open_source(str(face_folder)), ImageFolder)


@pytest.mark.parametrize("text", ["a.jpg,ada\n", "label\tpath\nada\ta.jpg\n"])
def test_a_list(tmp_path, text):
    (tmp_path / "a.jpg").write_bytes(encoded(0))
    (tmp_path / "faces.txt").write_text(text)
    source = open_source(str(tmp_path / "faces.txt"))
    assert isinstance(source, ImageList)
    assert source[0].image == encoded(0)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "x.tfrecord", "the file is empty"),
        (b"\0" * 100, "x.tfrecord", "no record can be read: the checksum of its length"),
        (b"\0" * 100, "x.rec", "no record can be read: no record begins here"),
        (b"\0" * 100, "x.arrayrecord", "no record can be read"),
        (b"\0" * 100, "x.dat", "cannot tell its format. Tried TFRecord"),
        (b"\x1f\x8b\x08", "x.tfrecord", "packed with gzip"),
        (b"hello world", "x", "cannot tell its format"),
    ],
)
def test_what_cannot_be_told_says_what_was_tried(tmp_path, content, name, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        open_source(str(tmp_path / name))
    assert message in str(error.value)
    assert name in str(error.value)


@pytest.mark.parametrize("location", ["nowhere", "no*where", "bad\0name", "x" * 5000])
def test_nothing_there(location):
    with pytest.raises(UserError):
        open_source(location)


def test_files_of_different_formats_are_not_mixed(tmp_path):
    shutil.copy(SAMPLES / "tfrecord/binary.tfrecord", tmp_path / "a")
    shutil.copy(SAMPLES / "recordio/train.rec", tmp_path / "b")
    with pytest.raises(UserError, match=r"is RecordIO, but .* is TFRecord"):
        open_source(str(tmp_path))


def test_on_error_is_one_of_two():
    with pytest.raises(ValueError, match="on_error='ignore'"):
        open_source("orl", on_error="ignore")


def test_record_formats_need_no_tensorflow_mxnet_or_bcolz():
    import subprocess
    import sys

    code = (
        "import sys\nfrom framl_keras.data.sources import open_source\n"
        "import framl_keras.data.pairs, framl_keras.data.conversion\n"
        "heavy = ('tensorflow', 'mxnet', 'bcolz', 'keras', 'jax', 'torch')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
