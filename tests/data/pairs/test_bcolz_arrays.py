import json
import shutil
import struct

import numpy as np
import pytest
from small_faces import SAMPLES

from framl_keras.data.pairs import open_pairs
from framl_keras.data.pairs.bcolz_array import BcolzArray
from framl_keras.errors import UserError

GENUINE = SAMPLES / "bcolz"
READABLE = [
    "lz4_shuffle_float32",
    "lz4_bitshuffle_float32",
    "zstd_noshuffle_float32",
    "blosclz_shuffle_uint8",
    "zlib_shuffle_uint8",
    "uncompressed_float32",
    "uncompressed_uint8",
]


def pixels(count):
    """What `make_samples.py` put in, by the same rule."""
    n, c, y, x = np.indices((count, 3, 16, 16))
    return ((n * 37 + c * 11 + y * 3 + x * 5) % 256).astype(np.uint8)


def floats(count):
    return (pixels(count).astype(np.float32) - np.float32(127.5)) / np.float32(127.5)


@pytest.fixture
def lfw(tmp_path):
    return shutil.copytree(GENUINE / "lfw_align_112", tmp_path / "lfw_align_112") / "lfw"


@pytest.mark.parametrize("name", READABLE)
def test_what_bcolz_wrote_is_read_bit_for_bit(name):
    array = BcolzArray(GENUINE / name)
    expected = floats(6) if name.endswith("float32") else pixels(6)
    assert array.shape == expected.shape
    assert array.dtype == expected.dtype
    for row in (5, 0, 3, 4, 1, 2):  # the last chunk, of two rows, first
        assert array[row].tobytes() == expected[row].tobytes()


@pytest.mark.parametrize("row", [-1, 6])
def test_there_are_no_rows_outside(row):
    with pytest.raises(IndexError):
        BcolzArray(GENUINE / READABLE[0])[row]


def test_each_chunk_is_decompressed_once_when_read_in_order(monkeypatch):
    array = BcolzArray(GENUINE / READABLE[0])
    read, original = [], array._read_chunk
    monkeypatch.setattr(array, "_read_chunk", lambda n: read.append(n) or original(n))
    for row in range(6):
        array[row]
    assert read == [0, 1]


def test_a_codec_that_no_library_has_is_named():
    array = BcolzArray(GENUINE / "snappy_shuffle_float32")
    with pytest.raises(UserError, match=r"__0\.blp: codec snappy"):
        array[0]


def test_the_pairs_are_rgb_pixels_with_their_answers(lfw):
    (pairs,) = open_pairs(str(lfw), "lfw")
    assert pairs.is_same.tolist() == [True, False, True, False]
    assert pairs.pairs.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    for position in range(8):
        image = pairs.images[position].image
        blue, green, red = pixels(8)[position]
        assert image.dtype == np.uint8
        assert np.array_equal(image, np.stack([red, green, blue], axis=-1))


def test_framls_root_gives_the_three_sets_in_its_order(lfw, tmp_path):
    for parent, name in (("cfp_align_112", "cfp_fp"), ("agedb_align_112", "agedb_30")):
        shutil.copytree(lfw, tmp_path / parent / name)
        shutil.copy(lfw.with_name("lfw_list.npy"), tmp_path / parent / f"{name}_list.npy")
    assert [s.name for s in open_pairs(str(tmp_path), "test")] == ["lfw", "agedb_30", "cfp_fp"]
    assert [s.name for s in open_pairs(str(tmp_path / "cfp_align_112"), "cfp")] == ["cfp"]


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: (p / "data/__0.blp").unlink(), "__0.blp: this chunk of 1 is missing"),
        (lambda p: edit(p / "meta/sizes", shape=[7, 3, 16, 16]), "7 images and 4 answers"),
        (lambda p: edit(p / "meta/sizes", shape=[10, 3, 16, 16]), "10 images and 4 answers"),
        (lambda p: edit(p / "meta/sizes", shape=[8, 768]), "expected images (2N, 3, height"),
        (lambda p: edit(p / "meta/sizes", shape="8"), "expected a shape"),
        (lambda p: edit(p / "meta/storage", dtype="object"), "expected a dtype of numbers"),
        (lambda p: edit(p / "meta/storage", dtype="int64"), "expected floats or uint8"),
        (lambda p: edit(p / "meta/storage", chunklen=0), "expected rows in a chunk"),
        (lambda p: (p / "meta/sizes").write_text("{"), "not JSON"),
        (lambda p: (p / "meta/sizes").write_text("[1]"), "expected a JSON object"),
        (lambda p: p.with_name("lfw_list.npy").write_bytes(b"x"), "not a .npy file"),
        (lambda p: save(p, np.array([True, None], dtype=object)), "not a .npy file"),
        (lambda p: save(p, np.array([0.5, 1, 0, 1])), "expected true or false"),
        (lambda p: save(p, np.ones(3, dtype=bool)), "8 images and 3 answers"),
    ],
)
def test_damage_is_named(lfw, damage, message):
    damage(lfw)
    with pytest.raises(UserError) as error:
        open_pairs(str(lfw), "lfw")
    assert message in str(error.value)


def save(path, answers):
    np.save(path.with_name("lfw_list.npy"), answers, allow_pickle=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-5], "cut short"),
        (lambda data: data[:10], "cut short"),
        (lambda data: data[:40] + b"\xff" * 60 + data[100:], "cannot be decompressed"),
        (lambda data: data[:20] + b"\0\0\0\x7f" + data[24:], "the chunk holds"),
    ],
)
def test_a_damaged_chunk_is_named(lfw, change, message):
    chunk = lfw / "data" / "__0.blp"
    chunk.write_bytes(change(chunk.read_bytes()))
    (pairs,) = open_pairs(str(lfw), "lfw")
    with pytest.raises(UserError, match=r"__0\.blp") as error:
        pairs.images[0]
    assert message in str(error.value)


@pytest.mark.parametrize("value", [np.nan, 3.0, -1.5])
def test_pixels_out_of_range_are_refused(lfw, value, monkeypatch):
    (pairs,) = open_pairs(str(lfw), "lfw")
    bad = floats(8)[0]
    bad[1, 2, 3] = value
    monkeypatch.setattr(BcolzArray, "__getitem__", lambda self, index: bad)
    with pytest.raises(UserError, match=r"lfw#0: expected pixels in \[-1, 1\]"):
        pairs.images[0]


def uncompressed(values):
    """A chunk of Blosc 1 that holds its bytes as they are, behind bcolz's own header."""
    data = values.tobytes()
    header = struct.pack("<4B3I", 2, 1, 2, values.itemsize, len(data), len(data), len(data) + 16)
    return b"blpk" + bytes(12) + header + data


@pytest.mark.parametrize("dtype", [">f4", ">f8", "<f4", ">f2", "|u1"])
def test_either_byte_order_is_read(tmp_path, dtype):
    values = (pixels(4) if dtype == "|u1" else floats(4)).astype(dtype)
    for name, content in (("sizes", {"shape": [4, 3, 16, 16]}), ("storage", {"dtype": dtype})):
        (tmp_path / "x/meta").mkdir(parents=True, exist_ok=True)
        (tmp_path / "x/meta" / name).write_text(json.dumps({**content, "chunklen": 4}))
    (tmp_path / "x/data").mkdir()
    (tmp_path / "x/data/__0.blp").write_bytes(uncompressed(values))
    np.save(tmp_path / "x_list.npy", np.array([True, False]))

    (pairs,) = open_pairs(str(tmp_path / "x"), "x")

    assert np.array_equal(BcolzArray(tmp_path / "x")[1], values[1])
    assert np.array_equal(pairs.images[3].image[..., 0], pixels(4)[3][2])


def with_number(at, value, size=4):
    return lambda data: data[:at] + value.to_bytes(size, "little") + data[at + size :]


HEADER = 16  # bcolz's, before that of Blosc
CHUNKS = {
    "flags of Blosc 2": with_number(HEADER + 2, 0x29, 1),
    "both shuffles": with_number(HEADER + 2, 0x25, 1),
    "no item": with_number(HEADER + 3, 0, 1),
    "an item that does not divide": with_number(HEADER + 3, 7, 1),
    "no block": with_number(HEADER + 8, 0),
    "a long block": with_number(HEADER + 8, 1 << 31),
    "tiny blocks": with_number(HEADER + 8, 1),
    "a block in the header": with_number(HEADER + 16, 4),
    "a block at the end": lambda data: with_number(HEADER + 16, len(data) - HEADER - 1)(data),
    "a block beyond": with_number(HEADER + 16, 1 << 30),
    "a block far beyond": with_number(HEADER + 16, (1 << 32) - 1),
    "no stream": with_number(HEADER + 20, 0),
    "a long stream": with_number(HEADER + 20, 1 << 20),
    "a stream below zero": with_number(HEADER + 20, (1 << 32) - 5),
}


@pytest.mark.parametrize("change", CHUNKS.values(), ids=CHUNKS)
def test_the_library_sees_no_chunk_that_leads_outside(lfw, change, monkeypatch):
    chunk = lfw / "data" / "__0.blp"
    chunk.write_bytes(change(chunk.read_bytes()))
    monkeypatch.setattr("blosc2.decompress", None)

    with pytest.raises(UserError, match=r"__0\.blp: .*Restore"):
        BcolzArray(lfw)[0]
