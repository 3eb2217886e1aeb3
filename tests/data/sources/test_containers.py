"""Containers that people have: equal to the folder that they were made of, damage named."""

import gc
import pickle
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
from containers import (
    ARCHIVES,
    write_encoded_hdf5,
    write_hdf5,
    write_lmdb,
    write_tar,
    write_webdataset,
    write_zip,
)
from small_faces import encoded

from framl_keras.data.decode import decode
from framl_keras.data.pairs import open_pairs
from framl_keras.data.sources import ImageFolder, People, open_source, served
from framl_keras.data.sources.merged import Merged
from framl_keras.errors import UserError


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "faces"
    for number, name in enumerate(("s10", "s2", "Zoë", "王")):
        for image in range(3):
            path = root / name / f"{image + 8}{('.jpg', '.png', '.bmp')[image]}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded([number, image], path.suffix))
    return root


def content(source):
    samples = [source[index] for index in range(len(source))]
    return sorted((sample.label, decode(sample).tobytes()) for sample in samples)


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_container_has_the_folders_images_labels_and_names(folder, tmp_path, name):
    ARCHIVES[name](folder, tmp_path / name)
    expected, source = ImageFolder(folder), open_source(str(tmp_path / name))
    assert list(source.class_names) == list(expected.class_names)
    assert list(source.left_out) == []
    if name not in ("x.tar", "paths.mdb"):  # which has its own order
        assert source.labels.tolist() == expected.labels.tolist()
        for index in range(len(expected)):
            assert np.array_equal(decode(source[index]), decode(expected[index]))
    assert content(source) == content(expected)
    again = pickle.loads(pickle.dumps(source))
    assert np.array_equal(decode(again[5]), decode(source[5]))


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_container_is_a_verification_set(folder, tmp_path, name):
    ARCHIVES[name](folder, tmp_path / name)
    (pairs,) = open_pairs(str(tmp_path / name), "set")
    assert (len(pairs), int(pairs.is_same.sum())) == (66, 12)


def test_shards_of_tars_share_their_classes(folder, tmp_path):
    for number in range(3):
        write_webdataset(folder, tmp_path / f"faces-{number:06d}.tar")
    source = open_source(str(tmp_path / "faces-*.tar"))
    assert (len(source), len(source.class_names)) == (36, 4)
    assert source.labels.tolist() == ImageFolder(folder).labels.tolist() * 3
    assert source[30].image == source[6].image


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_folders_around_all_identities_in_a_zip_are_no_identities(tmp_path, depth):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("ada/0.jpg", "ada/v/1.jpg", "bob/0.jpg"):
            archive.writestr("top/" * depth + name, encoded(0))
    assert open_source(str(tmp_path / "x.zip")).class_names == ["ada", "bob"]


def test_what_is_left_out_of_a_zip_is_named(tmp_path):
    names = ("a/0.jpg", "a/1", "0.jpg", "__MACOSX/a/._0.jpg", "a/notes.txt", "a/.hidden.jpg")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"hello" if name.endswith("txt") else encoded(0))
    source = open_source(str(tmp_path / "x.zip"))
    assert len(source) == 2
    kinds = {item.key.partition("#")[2]: item.kind for item in source.left_out}
    assert kinds == {
        "0.jpg": "image outside the identities' folders",
        "__MACOSX/a/._0.jpg": "hidden",
        "a/notes.txt": "not an image",
        "a/.hidden.jpg": "hidden",
    }


def test_a_member_of_a_zip_without_a_name_is_left_out(folder, tmp_path):
    write_zip(folder, tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip", "a") as archive:
        count = len(open_source(str(tmp_path / "x.zip")))
        archive.writestr("qqq.jpg", encoded(0))
    content = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(content.replace(b"qqq.jpg", b"\0qq.jpg"))
    source = open_source(str(tmp_path / "x.zip"))
    assert len(source) == count
    assert [item.key.partition("#")[2] for item in source.left_out][-1:] == [""]


def damaged(path, old, new):
    data = path.read_bytes()
    path.write_bytes(data.replace(old, new, 1))


def test_a_damaged_member_of_a_zip_is_named(folder, tmp_path):
    write_zip(folder, tmp_path / "x.zip")
    data = (folder / "s2" / "8.jpg").read_bytes()
    damaged(tmp_path / "x.zip", data, data[:-9] + b"!" + data[-8:])
    source = open_source(str(tmp_path / "x.zip"))
    with pytest.raises(UserError, match=r"x\.zip#faces/s2/8\.jpg: .* checksum"):
        source[3]
    assert len(source[0].image) > 0


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda data: data[: len(data) // 2], "the file ends within|not a sound archive"),
        (
            lambda data: data.replace(b"000003.jpg", b"000003.jqg"),
            "no member begins here|not a sound",
        ),
        (lambda data: data.replace(b"000002.cls", b"000009.cls"), "without a label|no member"),
    ],
)
def test_damage_of_a_tar_is_named_or_left_out(folder, tmp_path, harm, message):
    write_webdataset(folder, tmp_path / "x.tar")
    (tmp_path / "x.tar").write_bytes(harm((tmp_path / "x.tar").read_bytes()))
    with pytest.raises(UserError, match=message):
        open_source(str(tmp_path / "x.tar"))


def test_labels_may_stand_in_json(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, data in (("0.jpg", encoded(0)), ("0.json", b'{"label": 7}'),
                           ("1.jpg", encoded(1)), ("1.json", b'{"label": "ada"}')):  # fmt: skip
            (tmp_path / name).write_bytes(data)
            archive.add(tmp_path / name, name)
    assert open_source(str(tmp_path / "x.tar")).class_names == ["7", "ada"]


def test_a_tar_without_labels_or_folders_is_refused(tmp_path):
    (tmp_path / "0.jpg").write_bytes(encoded(0))
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(tmp_path / "0.jpg", "0.jpg")
    with pytest.raises(UserError, match="without a label"):
        open_source(str(tmp_path / "x.tar"))


PIXELS = np.zeros((4, 8, 8, 3), np.uint8)
ARRAYS = {
    "gray": ({"images": PIXELS[..., 0], "labels": [0, 1, 1, 0]}, ["0", "1"]),
    "one channel": ({"x": PIXELS[..., :1], "y": np.array([[0], [1], [1], [10]])}, ["0", "1", "10"]),
    "text": ({"x_train": PIXELS, "y_train": ["b", "a", "a", "b"]}, ["a", "b"]),
    "names": ({"images": PIXELS, "labels": [0, 1, 1, 0], "class_names": ["b", "a"]}, ["a", "b"]),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays(tmp_path, kind):
    arrays, names = ARRAYS[kind]
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    source = open_source(str(tmp_path / "x.npz"))
    assert source.class_names == names
    assert decode(source[3]).shape == (8, 8, 3)


WRONG = {
    "no labels": ({"images": PIXELS}, "no array called labels"),
    "other names": ({"pictures": PIXELS, "labels": [0] * 4}, "Found: pictures, labels"),
    "floats": ({"images": PIXELS / 255, "labels": [0] * 4}, "expected images as uint8"),
    "channels first": (
        {"images": PIXELS.transpose(0, 3, 1, 2), "labels": [0] * 4},
        "height, width",
    ),
    "fewer labels": ({"images": PIXELS, "labels": [0] * 3}, r"labels of shape \(4,\)"),
    "float labels": ({"images": PIXELS, "labels": [0.5] * 4}, "whole numbers"),
    "negative": ({"images": PIXELS, "labels": [0, 1, -1, 0]}, "Received: -1 for image 2"),
    "few names": ({"images": PIXELS, "labels": [0, 1, 2, 0], "names": ["a"]}, "class names"),
    "objects": ({"images": PIXELS, "labels": np.array([None] * 4)}, "not plain numbers"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_arrays_say_what_was_expected(tmp_path, kind):
    arrays, message = WRONG[kind]
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UserError, match=message):
        open_source(str(tmp_path / "x.npz"))


def test_a_compressed_tar_says_the_way_out(folder, tmp_path):
    write_tar(folder, tmp_path / "x.tar")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(folder, "faces")
    with pytest.raises(UserError, match=r"packed with gzip\. Unpack it first"):
        open_source(str(tmp_path / "x.tar.gz"))


PARQUETS = {
    "bytes": ({"image": [encoded(0), encoded(1)], "label": [3, 5]}, {}, ["3", "5"]),
    "paths": ({"path": ["0.jpg", "1.jpg"], "label": ["b", "a"]}, {}, ["a", "b"]),
    "struct of paths": (
        {"image": [{"path": "0.jpg", "bytes": None}] * 2, "label": ["b", "a"]}, {}, ["a", "b"],
    ),
    "chosen": (
        {"photo": [encoded(0), encoded(1)], "label": [0, 0], "who": ["b", "a"]},
        {"path": "photo", "label": "who"}, ["a", "b"],
    ),
}  # fmt: skip


def parquet(file, **columns):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), file)


@pytest.mark.parametrize("kind", PARQUETS)
def test_parquet_holds_images_as_bytes_paths_or_structs(tmp_path, kind):
    content_, columns, names = PARQUETS[kind]
    for number in range(2):
        (tmp_path / f"{number}.jpg").write_bytes(encoded(number))
    parquet(tmp_path / "x.parquet", **content_)
    source = open_source(str(tmp_path / "x.parquet"), columns=columns)
    assert source.class_names == names
    assert source[0].image == encoded(0)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"photo": [b"x"], "label": [0]}, "which column is the image. Found: photo, label"),
        ({"image": [b"x"], "species": [0]}, "which column is the label. Found: image, species"),
        ({"image": [b"x", b"y"], "label": [0, None]}, r"x\.parquet#1: the row has no label"),
        ({"image": [b"x", b"y"], "label": [0, -1]}, r"x\.parquet#1: the row has no label"),
        ({"image": [b"x", b"y"], "label": [0.5, 1.0]}, r"x\.parquet#0: the row has no label"),
        ({"image": [7], "label": [0]}, r"x\.parquet#0: expected an image \(bytes, or a path\)"),
        ({"image": ["gone.jpg"], "label": [0]}, r"x\.parquet#0: cannot read the image .*gone"),
    ],
)
def test_a_parquet_file_without_images_or_labels_says_so(tmp_path, columns, message):
    parquet(tmp_path / "x.parquet", **columns)
    with pytest.raises(UserError, match=message):
        open_source(str(tmp_path / "x.parquet"))[0]


LIBRARIES = {"x.parquet": ("pyarrow", b"PAR1"), "x.mdb": ("lmdb", b"")}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_is_missing_is_named_with_the_command(name, tmp_path, monkeypatch):
    package, start = LIBRARIES[name]
    (tmp_path / name).write_bytes(start + b"x" * 50)
    (tmp_path / "none" / f"{package}.py").parent.mkdir()
    (tmp_path / "none" / f"{package}.py").write_text("raise ImportError('not here')")
    monkeypatch.syspath_prepend(tmp_path / "none")
    with pytest.raises(UserError, match=rf"needs {package}.*pip install {package}"):
        open_source(str(tmp_path / name))


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"\x1f\x8b\x08", "gzip. Unpack it"),
        (b"BZh9", "bzip2. Unpack it"),
        (b"\xfd7zXZ\0", "xz. Unpack it"),
        (b"\x28\xb5\x2f\xfd", "Zstandard. Unpack it"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip. Unpack it"),
        (b"Rar!\x1a\x07", "RAR. Unpack it"),
        (b"\x89HDF\r\n\x1a\n", "Restore the file"),
        (b"\x93NUMPY\x01\0", "one array without labels. Save pixels and labels"),
        (b"\x80\x04\x95", "a pickle, which could run code"),
        (encoded(0), "one image. Name the folder"),
    ],
)
def test_what_is_not_read_is_recognized_with_the_way_out(tmp_path, start, message):
    (tmp_path / "x").write_bytes(start)
    with pytest.raises(UserError) as error:
        open_source(str(tmp_path / "x"))
    assert message in str(error.value)


SMALL = np.zeros((4, 8, 6, 3), np.uint8)
HDF5 = {  # what a file holds, and what is said
    "no images": ({"pictures": SMALL, "labels": [0] * 4}, "which column is the image.*pictures"),
    "no labels": ({"images": SMALL, "who": [0] * 4}, "which column is the label.*images, who"),
    "floats": ({"images": SMALL / 2.0, "labels": [0] * 4}, "uint8 .*not float64"),
    "channels first": (
        {"images": np.moveaxis(SMALL, -1, 1), "labels": [0] * 4},
        "expected images",
    ),
    "fewer labels": ({"images": SMALL, "labels": [0] * 3}, r"labels \(4,\)"),
    "half labels": ({"images": SMALL, "labels": [0.5] * 4}, "whole numbers or text"),
    "a negative label": ({"images": SMALL, "labels": [0, 1, -1, 2]}, "#2: the row has no label"),
    "fewer names": (
        {"images": SMALL, "labels": [0, 1, 2, 3], "class_names": ["a", "b", "c"]},
        "3 class names for labels up to 3",
    ),
    "a name twice": (
        {"images": SMALL, "labels": [0, 1, 0, 1], "class_names": ["a", "a"]},
        "a name of its own",
    ),
    "no rows": ({"images": SMALL[:0], "labels": np.zeros(0, int)}, "no rows"),
}


@pytest.mark.parametrize("kind", HDF5)
def test_an_hdf5_file_without_images_and_labels(kind, tmp_path):
    content, message = HDF5[kind]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name, values in content.items():
            file[name] = values
    with pytest.raises(UserError, match=message):
        open_source(str(tmp_path / "x.h5"))


@pytest.mark.parametrize("shape", [(4, 8, 6), (4, 8, 6, 1), (4, 8, 6, 3)])
def test_parts_of_an_hdf5_file_are_chosen_by_name(shape, tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["train/photo"], file["train/who"] = pixels, [[3], [0], [3], [1]]
        file["elsewhere"] = h5py.ExternalLink("/etc/hostname", "/images")
    columns = {"path": "train/photo", "label": "train/who"}
    source = open_source(str(tmp_path / "x.h5"), columns=columns)
    assert source.class_names == ["0", "1", "3"]
    assert source.labels.tolist() == [2, 0, 2, 1]
    expected = np.broadcast_to(pixels.reshape(4, 8, 6, -1), (4, 8, 6, 3))
    assert all(np.array_equal(source[row].image, expected[row]) for row in range(4))


class Evil:
    def __reduce__(self):
        return (print, ("ran",))


LMDB = {  # what a database holds, and what is said
    "nothing": ([], "none of its layouts"),
    "other keys": ([(b"a", b"1"), (b"b", b"2")], r"num-samples.*Found: b'a', b'b'"),
    "code": ([(b"__len__", pickle.dumps(1)), (b"0", pickle.dumps(Evil()))], "no label"),
    "code for a length": ([(b"__len__", pickle.dumps(Evil()))], "print"),
    "fewer rows": ([(b"num-samples", b"2"), (b"image-000000001", b"x"), (b"label-000000001", b"a")],
                   "#1: the row has no label"),
    "no number": ([(b"num-samples", b"many")], "invalid literal"),
    "more rows than entries": ([(b"num-samples", b"2000000000")], "how many rows there are"),
    "more keys than entries": ([(b"__len__", pickle.dumps(1 << 40))], "how many rows there are"),
    "images without folders": ([(b"a.jpg", encoded(0)), (b"b.jpg", encoded(1))], "none of its"),
}  # fmt: skip


@pytest.mark.parametrize("kind", LMDB)
def test_a_database_without_images_and_labels(kind, tmp_path, capfd):
    pytest.importorskip("lmdb")
    pairs, message = LMDB[kind]
    write_lmdb(tmp_path / "data.mdb", pairs)
    with pytest.raises(UserError, match=message):
        open_source(str(tmp_path))  # the folder, as LMDB makes it
    assert "ran" not in capfd.readouterr().out


def test_an_answer_is_not_taken_for_the_next_question_s(folder, tmp_path, monkeypatch):
    from framl_keras.untrusted import reader_process

    write_hdf5(folder, tmp_path / "x.h5")
    source = open_source(str(tmp_path / "x.h5"))
    expected = [source[row].image for row in range(2)]

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reader_process, "_frames", interrupted)
        with pytest.raises(KeyboardInterrupt):
            source[0]
    assert np.array_equal(source[1].image, expected[1])
    assert not np.array_equal(*expected)


@pytest.mark.parametrize("name", ARCHIVES)
def test_several_samples_are_those_that_one_gets_alone(name, folder, tmp_path):
    ARCHIVES[name](folder, tmp_path / name)
    source = open_source(str(tmp_path / name))
    order = [3, 0, len(source) - 1, 3]
    for many in (source, People(source, range(4)), Merged([source, source], ["a", "b"])):
        for one, (image, label, key) in zip(order, many.several(order), strict=True):
            assert np.array_equal(image, many[one].image)
            assert (label, key) == many[one][1:]


def test_a_row_that_cannot_be_read_harms_no_other_that_is_asked_for_with_it(folder, tmp_path):
    write_encoded_hdf5(folder, tmp_path / "x.h5")
    source = open_source(str(tmp_path / "x.h5"))
    source._readers[0]._process.kill()  # all rows go with it, and are asked for one by one
    assert [sample.image for sample in source.several([1, 0])] == [source[1].image, source[0].image]

    source._rows, source.labels = np.arange(len(source) + 1), np.append(source.labels, 0)
    source._ends[-1] += 1  # a row more than the file has
    found = source.several([1, len(source) - 1, 0])
    assert isinstance(found[1], UserError)
    assert [found[0].image, found[2].image] == [source[1].image, source[0].image]


def test_a_library_that_crashes_harms_one_row_only(folder, tmp_path):
    write_hdf5(folder, tmp_path / "x.h5")
    source = open_source(str(tmp_path / "x.h5"))
    first = source[0].image
    source._readers[0]._process.kill()
    with pytest.raises(UserError, match=r"x\.h5#1: the library that reads it crashes"):
        source[1]
    assert np.array_equal(source[0].image, first)


def test_all_sources_together_keep_a_quarter_of_the_memory(folder, tmp_path, monkeypatch):
    write_hdf5(folder, tmp_path / "x.h5")
    size = (tmp_path / "x.h5").stat().st_size
    monkeypatch.setattr(served, "_claims", {})
    monkeypatch.setattr(served, "_memory", lambda: 4 * 3 * size)

    sources = [open_source(str(tmp_path / "x.h5")) for _ in range(3)]
    assert list(served._claims.values()) == [2 * size, size, 0]
    assert [len(source) for source in sources] == [12, 12, 12]

    del sources[0]
    gc.collect()
    assert list(served._claims.values()) == [size, 0]
