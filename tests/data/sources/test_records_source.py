import shutil
import sys

import pytest
from small_faces import SAMPLES, encoded

from framl_keras.data.records.example import Record, serialize
from framl_keras.data.records.tfrecord import frame
from framl_keras.data.sources import open_source
from framl_keras.data.sources.array_record import index_array_record
from framl_keras.errors import UserError

GENUINE = SAMPLES / "tfrecord"


@pytest.fixture
def genuine(tmp_path):
    return shutil.copytree(GENUINE, tmp_path / "genuine")


def write(path, *records):
    path.write_bytes(b"".join(frame(serialize(record)) for record in records))
    return str(path)


def test_what_tensorflow_wrote_with_images(genuine):
    source = open_source(str(genuine / "binary.tfrecord"))
    assert source.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert source.class_names == ["7", "30"]
    for number in range(6):
        folder = (7, 30)[number % 2]
        assert source[number].image == (genuine / f"imgs/{folder}/{number}.jpg").read_bytes()
        assert source[number].key.endswith(f"binary.tfrecord#{number}")
        assert source.name_of(number) == f"{folder}/{number}.jpg"


def test_what_tensorflow_wrote_with_paths(genuine, monkeypatch):
    location = str(genuine / "online.tfrecord")
    source = open_source(location, root=str(genuine / "imgs"))
    assert source[3].image == (genuine / "imgs/30/3.jpg").read_bytes()
    monkeypatch.chdir(genuine / "imgs")
    assert open_source(location)[3].image == source[3].image


def test_a_missing_image_names_record_and_path(genuine):
    (genuine / "imgs/30/3.jpg").unlink()
    source = open_source(str(genuine / "online.tfrecord"), root=str(genuine / "imgs"))
    with pytest.raises(UserError, match=r"online\.tfrecord#3: .*30/3\.jpg: No such file"):
        source[3]


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/passwd", "a/../../secret.jpg"])
def test_a_path_does_not_lead_out_of_the_root(tmp_path, name):
    location = write(tmp_path / "x.tfrecord", Record(0, name, None))
    source = open_source(location, root=str(tmp_path / "root"))
    with pytest.raises(UserError, match="leads out of"):
        source[0]


def test_a_path_to_a_device_is_not_read(tmp_path):
    source = open_source(write(tmp_path / "x.tfrecord", Record(0, "/dev/zero", None)))
    with pytest.raises(UserError, match="is not a file"):
        source[0]


def test_identities_without_folders_are_called_by_their_numbers(tmp_path):
    records = [Record(n, name, b"x") for n, name in ((5, "1.jpg"), (2**40, "2.jpg"), (5, "3.jpg"))]
    source = open_source(write(tmp_path / "x.tfrecord", *records))
    assert (source.class_names, source.labels.tolist()) == (["5", "1099511627776"], [0, 1, 0])


def test_folders_that_do_not_tell_identities_apart_are_no_names(tmp_path):
    records = [Record(1, "all/1.jpg", b"x"), Record(2, "all/2.jpg", b"x")]
    assert open_source(write(tmp_path / "x.tfrecord", *records)).class_names == ["1", "2"]


def test_shards_are_one_source_by_common_name_glob_or_folder(converted):
    path = converted("faces.tfrecord", shards=5)
    whole = open_source(str(path))
    assert len(whole) == 12
    assert whole.class_names == ["Zoë 9", "Zoë 10", "ada", "bob"]
    for location in (str(path) + "-*", str(path.parent)):
        assert [open_source(location)[i].key for i in range(12)] == [s.key for s in samples(whole)]


def samples(source):
    return [source[i] for i in range(len(source))]


def test_a_missing_shard_is_named(converted):
    path = converted("faces.tfrecord", shards=5)
    path.with_name("faces.tfrecord-00002-of-00005").unlink()
    with pytest.raises(UserError, match="00002-of-00005 is missing"):
        open_source(str(path))


@pytest.mark.parametrize(
    ("damage", "record", "message"),
    [
        (lambda data: data[:-3], 2, "ends within the record"),
        (lambda data: flipped(data, -20), 2, "CRC-32C"),
        (lambda data: flipped(data, 30), 0, "CRC-32C"),
        (lambda data: flipped(data, 2), 0, "checksum of its length"),
        (lambda data: data + b"\0" * 5, 3, "ends within the record"),
    ],
)
def test_damage_is_named_with_its_record_or_left_out(tmp_path, damage, record, message, caplog):
    path = tmp_path / "x.tfrecord"
    write(path, *(Record(n, f"{n}/1.jpg", encoded(n)) for n in range(3)))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=rf"x\.tfrecord.{record}?") as error:
        open_source(str(path))
    assert message in str(error.value)
    if "checksum of its length" in message:  # nothing after it can be found
        return
    source = open_source(str(path), on_error="skip")
    assert f"#{record}" not in [s.key.split(" ")[0][-2:] for s in samples(source)]
    assert "1 damaged records are skipped" in caplog.text


def flipped(data, at):
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def test_a_byte_flipped_after_indexing_is_noticed_at_reading(tmp_path):
    path = tmp_path / "x.tfrecord"
    source = open_source(write(path, Record(0, "0/1.jpg", encoded(0))))
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"!")
    with pytest.raises(UserError, match=r"x\.tfrecord#0: its checksum"):
        source[0]


def test_array_records_are_read_and_damage_is_named(converted):
    path = converted("faces.arrayrecord", format="arrayrecord", shards=1)
    assert len(open_source(str(path))) == 12
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"faces\.arrayrecord.*cut short"):
        open_source(str(path))


@pytest.mark.parametrize("name", ["faces.tfrecord", "faces.arrayrecord"])
def test_a_source_goes_to_another_process(converted, name):
    import pickle

    source = open_source(str(converted(name, format=name.split(".")[1], shards=1)))
    assert pickle.loads(pickle.dumps(source))[5] == source[5]


def test_without_the_library_array_records_are_one_line(converted, monkeypatch):
    path = converted("faces.arrayrecord", format="arrayrecord", shards=1)
    monkeypatch.setitem(sys.modules, "array_record.python.array_record_module", None)
    needs = r"needs the package array-record.*no Windows build"

    source = open_source(str(path))  # by the index that is kept beside it
    with pytest.raises(UserError, match=f"Reading .* {needs}"):
        source[0]
    with pytest.raises(UserError, match=f"Writing ArrayRecord {needs}"):
        converted("again.arrayrecord", format="arrayrecord", shards=1)


@pytest.mark.parametrize("kind", ["tfrecord", "arrayrecord"])
@pytest.mark.parametrize("number", [-1, -(2**40), 0, 2**40 + 3, 2**63 - 1])
def test_identities_are_numbers_from_0_on_of_any_size(tmp_path, kind, number):
    from framl_keras.data.conversion.encoding import _encoded
    from framl_keras.data.conversion.writers import WRITERS

    writer = WRITERS[kind](tmp_path / f"x.{kind}", 0)
    for each in (5, number):
        record = Record(each, "1.jpg", encoded(0))
        writer.write([_encoded(record, b"")])
    writer.close()
    location = str(tmp_path / f"x.{kind}")
    if number >= 0:
        assert sorted(open_source(location).class_names) == sorted(["5", str(number)])
        return
    with pytest.raises(UserError, match=rf"#1: expected an identity's number .*not {number}"):
        open_source(location)
    assert open_source(location, on_error="skip").class_names == ["5"]


def test_a_file_that_crashes_the_library_is_named(tmp_path, monkeypatch):
    def crash(*_, **__):
        raise ValueError("the library that reads it crashes")

    path = tmp_path / "x.arrayrecord"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr("framl_keras.untrusted.child.call_in_child", crash)

    index = index_array_record(path)

    assert [damage.reason for damage in index.damage] == ["the library that reads it crashes"]
    assert not len(index)


def example(**features):
    """A framed `tf.train.Example` with features of these names; `__` stands for `/`."""
    from framl_keras.data.records import example as codec

    parts = []
    for name, value in features.items():
        key = name.replace("__", "/").encode()
        if isinstance(value, bytes):
            parts += codec._entry(key, 1, value)
        else:
            parts += codec._entry(key, 3, codec._varint(value))
    return frame(b"".join([codec._ONE, codec._varint(sum(map(len, parts))), *parts]))


OTHERS = {
    "TFDS": lambda n: {"image": encoded(n), "label": n % 2},
    "ImageNet's": lambda n: {"image__class__label": n % 2, "image__encoded": encoded(n)},
    "raw": lambda n: {"image_raw": encoded(n), "label": n % 2},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_records_of_others(kind, tmp_path):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"".join(example(**OTHERS[kind](n)) for n in range(4)))
    source = open_source(str(path))
    assert (source.labels.tolist(), source.class_names) == ([0, 1, 0, 1], ["0", "1"])
    assert [source[n].image for n in range(4)] == [encoded(n) for n in range(4)]


@pytest.fixture
def tfds(tmp_path):
    folder = tmp_path / "faces" / "1.0.0"
    folder.mkdir(parents=True)
    for split in ("test", "train"):
        for shard in range(2):
            name = f"faces-{split}.tfrecord-{shard:05d}-of-00002"
            records = (example(**OTHERS["TFDS"](2 * shard + n)) for n in range(2))
            (folder / name).write_bytes(b"".join(records))
    (folder / "dataset_info.json").write_text("{}")
    (folder / "features.json").write_text("{}")
    (folder / "label.labels.txt").write_text("Ada\nBob\nEve\n", encoding="utf-8")
    return folder


def test_a_folder_of_tfds(tfds):
    with pytest.raises(UserError, match=r"splits test, train\. Name one.*-train\.\*"):
        open_source(str(tfds))
    train = open_source(f"{tfds}/*-train.*")
    assert (len(train), train.class_names) == (4, ["Ada", "Bob"])
    for file in tfds.glob("*-test*"):
        file.unlink()
    assert open_source(str(tfds)).labels.tolist() == train.labels.tolist() == [0, 1, 0, 1]


def test_a_split_of_tfds_without_a_shard(tfds):
    next(tfds.glob("*-train*1-of*")).unlink()
    with pytest.raises(UserError, match=r"00001-of-00002 is missing"):
        open_source(f"{tfds}/*-train.*")
