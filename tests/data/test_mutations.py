"""Whatever happens to a file, reading it gives data or our own error: no crash, hang or other.

FRAML_KERAS_MUTATIONS sets how many random mutations each format goes through
(2,000 take a minute or two).
"""

import contextlib
import os
import pickle
import random
import shutil
import time

import pytest
from containers import ARCHIVES
from small_faces import SAMPLES, encoded

from framl_keras.data.conversion import ConvertOptions, convert
from framl_keras.data.decode import decode
from framl_keras.data.pairs import open_pairs
from framl_keras.data.pairs.embeddings import read_embeddings
from framl_keras.data.sources import ImageFolder, Sample, open_source
from framl_keras.errors import UserError

COUNT = int(os.environ.get("FRAML_KERAS_MUTATIONS", "80"))
TOKENS = [
    b"\xff" * 8,
    b"\0" * 8,
    b"\x7f\xff\xff\xff",
    b"nan",
    b"-1",
    b"9" * 30,
    b'"',
    b"\n",
    b",",
    b"../",
]


def mutated(data, rng):
    """The data with one to three random changes."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[min(at, len(data) - 1)] = rng.randrange(256)
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + rng.randint(1, 64)]
        elif kind == 4:
            data[at:at] = rng.choice(TOKENS)
        elif kind == 5:
            data[at : at + 8] = rng.choice(TOKENS)
        else:
            start = rng.randrange(len(data) + 1)
            data[at:at] = data[start : start + rng.randint(1, 64)]
    return bytes(data)


def read_source(location, rng):
    source = open_source(location, on_error=rng.choice(["raise", "skip"]))
    for position in range(min(len(source), 12)):
        with contextlib.suppress(UserError):
            decode(source[position])


def read_pairs(location, rng):
    for pairs in open_pairs(location, "set"):
        for position in range(min(len(pairs.images), 8)):
            decode(pairs.images[position])


def tfrecord(root):
    shutil.copy(SAMPLES / "tfrecord/binary.tfrecord", root)
    return root / "binary.tfrecord", root / "binary.tfrecord", read_source


def online(root):
    shutil.copytree(SAMPLES / "tfrecord", root / "x")
    return root / "x/online.tfrecord", root / "x/online.tfrecord", read_source


def array_record(root):
    shutil.copytree(SAMPLES / "tfrecord/imgs", root / "imgs")
    path = root / "x.arrayrecord"
    convert(ImageFolder(root / "imgs"), path, ConvertOptions("arrayrecord"))
    return path, path, read_source


def record_io(root):
    shutil.copy(SAMPLES / "recordio/vectors.rec", root / "x.rec")
    return root / "x.rec", root / "x.rec", read_source


def record_io_keys(root):
    shutil.copy(SAMPLES / "recordio/train.rec", root)
    shutil.copy(SAMPLES / "recordio/train.idx", root)
    return root / "train.rec", root / "train.idx", read_source


def archived(write, name):
    def make(root):
        (root / "in").mkdir()
        for number in range(4):
            path = root / "in" / "ab"[number % 2] / f"{number}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encoded(number, ".jpg", 8))
        write(root / "in", root / name)
        shutil.rmtree(root / "in")
        return root / name, root / name, read_source

    make.__name__ = name
    return make


def image_list(root):
    for number in range(3):
        (root / f"{number}.jpg").write_bytes(encoded(number))
    (root / "x.csv").write_text('path,label\n0.jpg,ada\n"1.jpg","bob"\n2.jpg,ada\n')
    return root / "x.csv", root / "x.csv", read_source


def our_index(root):
    path, _, _ = tfrecord(root)
    open_source(str(path))
    return path, root / "binary.tfrecord.index", read_source


def bcolz(part):
    def write(root):
        shutil.copytree(SAMPLES / "bcolz/lfw_align_112", root / "x")
        return root / "x/lfw", root / "x" / part, read_pairs

    write.__name__ = f"bcolz {part}"
    return write


def insightface(protocol):
    def write(root):
        import numpy as np

        images = [encoded(n, ".jpg", 8) for n in range(4)]
        if protocol % 2:
            images = [np.frombuffer(image, np.uint8) for image in images]
        (root / "x.bin").write_bytes(pickle.dumps((images, [True, False]), protocol))
        return root / "x.bin", root / "x.bin", read_pairs

    write.__name__ = f"pickle {protocol}"
    return write


def pairs_txt(root):
    for number in range(1, 4):
        path = root / "Ann" / f"Ann_{number:04d}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(number, ".jpg", 8))
    (root / "pairs.txt").write_text("1\t1\nAnn\t1\t2\nAnn\t1\tAnn\t3\n")
    return root / "pairs.txt", root / "pairs.txt", read_pairs


def pair_table(root):
    for number in range(3):
        (root / f"{number}.jpg").write_bytes(encoded(number, ".jpg", 8))
    (root / "x.csv").write_text("left,right,same,fold\n0.jpg,1.jpg,1,0\n1.jpg,2.jpg,0,1\n")
    return root / "x.csv", root / "x.csv", read_pairs


def embeddings(root):
    import numpy as np

    arrays = {"embeddings": np.eye(4, dtype=np.float32), "is_same": np.array([1, 0])}
    np.savez_compressed(root / "x.npz", **arrays, keys=np.array(list("abcd")))
    return root / "x.npz", root / "x.npz", lambda location, rng: read_embeddings(location)


def image(suffix):
    def write(root):
        path = root / f"x{suffix}"
        path.write_bytes(encoded(0, suffix))
        return path, path, lambda location, rng: decode(Sample(path.read_bytes(), 0, location))

    write.__name__ = f"image {suffix}"
    return write


FORMATS = [
    tfrecord, online, array_record, record_io, record_io_keys, image_list, our_index,
    bcolz("lfw/data/__0.blp"), bcolz("lfw/meta/sizes"), bcolz("lfw/meta/storage"),
    bcolz("lfw_list.npy"), *map(insightface, (2, 3, 4, 5)), pairs_txt, pair_table, embeddings,
    *(archived(write, name) for name, write in ARCHIVES.items()),
    *map(image, (".jpg", ".png", ".bmp", ".webp", ".ppm")),
]  # fmt: skip


def message_of(read, location, rng):
    """What our own error says, or nothing if the file can be read all the same."""
    try:
        read(location, rng)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("make", FORMATS, ids=lambda make: make.__name__)
def test_mutations_raise_only_our_own_error(make, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    location, target, read = make(tmp_path)
    whole, rng = target.read_bytes(), random.Random(make.__name__)
    read(str(location), rng)  # unharmed, it is read
    for number in range(COUNT):
        target.write_bytes(mutated(whole, rng))
        start = time.monotonic()
        message = message_of(read, str(location), rng)
        assert "\n" not in message, number
        assert time.monotonic() - start < 5, number
