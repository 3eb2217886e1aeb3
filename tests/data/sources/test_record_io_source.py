import shutil
import struct

import numpy as np
import pytest
from small_faces import SAMPLES

from framl_keras.data.sources import open_source
from framl_keras.errors import UserError

GENUINE = SAMPLES / "recordio"
MAGIC = b"\x0a\x23\xd7\xce"


@pytest.fixture
def folder(tmp_path):
    for file in GENUINE.glob("*.*"):
        shutil.copy(file, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["train", "vectors"])
@pytest.mark.parametrize("with_keys", [True, False])
def test_what_mxnet_wrote_is_read_with_and_without_keys(folder, name, with_keys):
    if not with_keys:
        (folder / f"{name}.idx").unlink()
    source = open_source(str(folder / f"{name}.rec"))
    assert source.labels.tolist() == [0, 0, 0, 1, 1, 2]
    assert source.class_names == ["0", "1", "5"]
    for position in range(6):
        sample = source[position]
        assert sample.image == (folder / f"{position + 1}.jpg").read_bytes()
        assert sample.label == source.labels[position]
    assert source[2].key.endswith(f"{name}.rec#{3 if with_keys else 2}")


def test_the_idx_may_be_named_instead(folder):
    assert len(open_source(str(folder / "train.idx"))) == 6


def test_the_idx_decides_what_belongs_to_the_set(folder):
    lines = (folder / "train.idx").read_text().splitlines()
    (folder / "train.idx").write_text("\n".join(lines[1:4]))
    assert open_source(str(folder / "train.rec")).labels.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\t0\n2\t99999\n", "the key 2 is said to be at byte 99999 of 5404"),
        ("1\tx\n", "expected lines `key<TAB>offset`"),
        ("1\t0\n2\n", "expected lines `key<TAB>offset`"),
        ("", "expected lines `key<TAB>offset`"),
        ("1\t0\n2\t-8\n", "the key 2 is said to be at byte -8"),
    ],
)
def test_an_idx_that_does_not_fit_is_refused(folder, text, message):
    (folder / "train.idx").write_text(text)
    with pytest.raises(UserError, match=r"train\.idx: .*Delete") as error:
        open_source(str(folder / "train.rec"))
    assert message in str(error.value)


def test_an_idx_that_points_between_records_names_the_key(folder):
    (folder / "train.idx").write_text("1\t0\n2\t840\n")
    with pytest.raises(UserError, match=r"train\.rec#2: no record begins here"):
        open_source(str(folder / "train.rec"))
    assert len(open_source(str(folder / "train.rec"), on_error="skip")) == 1


def packed(label, payload=b"jpeg", flag=0, labels=()):
    data = struct.pack("<IfQQ", flag, label, 0, 0) + struct.pack(f"<{len(labels)}f", *labels)
    data += payload
    return MAGIC + struct.pack("<I", len(data)) + data + b"\0" * (-len(data) % 4)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (packed(float("nan")), "expected a whole number as label, not nan"),
        (packed(float("inf")), "expected a whole number as label, not inf"),
        (packed(1.5), "expected a whole number as label, not 1.5"),
        (packed(0, b"", flag=9), "too short for the labels"),
        (MAGIC + struct.pack("<I", 4) + b"abcd", "too short for an image's header"),
        (packed(1)[:-4], "ends within the record"),
        (MAGIC + struct.pack("<I", 2 << 29 | 4) + b"abcd", "parts are out of order"),
    ],
)
def test_damage_is_named_or_left_out(tmp_path, record, message):
    path = tmp_path / "train.rec"
    path.write_bytes(packed(3) + record)
    with pytest.raises(UserError, match=r"train\.rec#1: ") as error:
        open_source(str(path))
    assert message in str(error.value)
    source = open_source(str(path), on_error="skip")
    assert (len(source), source.class_names) == (1, ["3"])


def test_labels_of_large_sets_are_exact(tmp_path):
    path = tmp_path / "train.rec"
    numbers = [360_231, 0, 2**24]
    path.write_bytes(b"".join(packed(float(number)) for number in numbers))
    source = open_source(str(path))
    assert source.class_names == ["0", "360231", "16777216"]
    assert np.array_equal(source.labels, [1, 0, 2])


def test_a_file_without_images_is_refused(tmp_path):
    path = tmp_path / "train.rec"
    path.write_bytes(packed(0, b"", flag=2, labels=(1.0, 1.0)))
    with pytest.raises(UserError, match="no record can be read"):
        open_source(str(path))


def off_by_four(folder):
    lines = (line.split("\t") for line in (folder / "train.idx").read_text().splitlines())
    (folder / "train.idx").write_text("".join(f"{key}\t{int(at) + 4}\n" for key, at in lines))


def cut_within(folder):
    (folder / "train.rec").write_bytes((folder / "train.rec").read_bytes()[:-300])


def cut_between(folder):
    data = (folder / "train.rec").read_bytes()
    (folder / "train.rec").write_bytes(data[: data.rindex(MAGIC)])


def damaged(folder):
    data = bytearray((folder / "train.rec").read_bytes())
    data[data.index(MAGIC, 900)] ^= 1
    (folder / "train.rec").write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "blamed"),
    [
        (off_by_four, "train.rec is whole without train.idx, which is wrong: delete"),
        (cut_within, "train.rec itself is cut short or damaged: restore it"),
        (cut_between, "train.rec is cut short, or train.idx is of another file: restore them"),
        (damaged, "train.rec itself is cut short or damaged: restore it"),
    ],
)
def test_what_does_not_fit_says_which_file_is_at_fault(folder, harm, blamed):
    harm(folder)
    with pytest.raises(UserError) as error:
        open_source(str(folder / "train.rec"))
    assert blamed in str(error.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train.rec": b""}, r"train\.rec: the file is empty"),
        ({"train.rec": b"", "train.idx": b"1\t0\n"}, r"train\.rec: the file is empty"),
        ({"train.rec": b"", "property": b"3,24,24"}, r"train\.rec: the file is empty"),
        ({"train.idx": b"1\t0\n"}, r"train\.idx: lists records of .*train\.rec, which is missing"),
        ({"faces.tfrecord": b""}, r"faces\.tfrecord: the file is empty"),
        ({"faces.tfrecord": b"\x1f\x8b\x08"}, r"faces\.tfrecord: packed with gzip"),
        ({"faces.arrayrecord": b"\0" * 99}, r"faces\.arrayrecord: no record can be read"),
    ],
)
def test_a_folder_of_records_without_a_sound_one_says_so(tmp_path, files, message):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        open_source(str(tmp_path))


@pytest.mark.parametrize("label", [-1.0, -5.0, 2.7, 2.0**24 + 2, 1e30, float("nan")])
def test_labels_that_name_no_identity_are_damage(tmp_path, label):
    (tmp_path / "train.rec").write_bytes(packed(3.0) + packed(label))
    with pytest.raises(UserError, match=r"train\.rec#1: expected a whole number as label"):
        open_source(str(tmp_path / "train.rec"))
    assert open_source(str(tmp_path / "train.rec"), on_error="skip").class_names == ["3"]
