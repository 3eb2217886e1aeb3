import pytest

from framl_keras.data.records.damage import DamagedRecordError
from framl_keras.data.records.example import Record, parse, serialize

CASES = [
    Record(0, "0/1.jpg", b"\xff\xd8image"),
    Record(85741, "85741/é.jpg", b"x" * 70_000),
    Record(-1, "", b"\0"),
    Record(2**62, "a/b/c.jpg", None),
]
SPECS = {
    "image/source_id": "int64",
    "image/filename": "string",
    "image/encoded": "string",
    "image/img_path": "string",
}


@pytest.mark.parametrize("record", CASES, ids=lambda record: record.name or "no name")
def test_what_is_written_is_read(record):
    assert parse(serialize(record)) == record


@pytest.mark.parametrize("record", CASES, ids=lambda record: record.name or "no name")
def test_tensorflow_parses_what_we_write_and_we_what_it_writes(record):
    tf = pytest.importorskip("tensorflow")
    wanted = list(SPECS)[:3] if record.image is not None else [*list(SPECS)[:1], "image/img_path"]
    specs = {key: tf.io.FixedLenFeature([], getattr(tf, SPECS[key])) for key in wanted}
    seen = tf.io.parse_single_example(serialize(record), specs)
    assert int(seen["image/source_id"]) == record.source_id
    name = seen["image/filename" if record.image is not None else "image/img_path"]
    assert name.numpy().decode() == record.name
    if record.image is not None:
        assert seen["image/encoded"].numpy() == record.image
    message = tf.train.Example.FromString(serialize(record))
    assert parse(message.SerializeToString()) == record


def feature(name, content):
    return (
        b"\x0a"
        + bytes([len(name) + len(content) + 4, 10, len(name)])
        + name
        + b"\x12"
        + (bytes([len(content)]) + content)
    )


def example(*features):
    body = b"".join(features)
    return b"\x0a" + bytes([len(body)]) + body


PATH = feature(b"image/img_path", b"\x0a\x03\x0a\x01p")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "integer `image/source_id` or `label`, not nothing"),
        (b"\x0a\x05abc", "cut short"),
        (b"\x0b", "not a tf.train.Example"),
        (b"\xff" * 20, "a number is too long"),
        (example(PATH), "integer `image/source_id` or `label`, not nothing"),
        (example(feature(b"image/source_id", b"\x1a\x03\x0a\x01\x07")), "image/encoded"),
        (
            example(feature(b"image/source_id", b"\x12\x06\x0a\x04\x00\x00\xc0\x7f"), PATH),
            "not float nan",
        ),
        (example(feature(b"image/source_id", b"\x0a\x03\x0a\x01\x07"), PATH), "not bytes"),
    ],
)
def test_damage_is_said(data, message):
    with pytest.raises(DamagedRecordError, match=message):
        parse(data)


@pytest.mark.parametrize("values", [b"\x1a\x03\x0a\x01\x07", b"\x1a\x02\x08\x07"])
def test_integers_are_read_packed_and_not(values):
    assert parse(example(feature(b"image/source_id", values), PATH)).source_id == 7
