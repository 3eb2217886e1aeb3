"""The files that commands open: how one is made, damaged and read."""

import contextlib
import hashlib
import importlib
import json
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
from containers import ARCHIVES
from small_faces import SAMPLES, encoded, picture

from framl_keras.data.auditing.audit import Compared, Match
from framl_keras.data.auditing.parts import merged, write_compared
from framl_keras.data.checking.look import Look
from framl_keras.data.checking.looks import merged_looks, write_looks
from framl_keras.data.conversion.convert import convert
from framl_keras.data.conversion.options import ConvertOptions
from framl_keras.data.decode import decode, decode_bytes
from framl_keras.data.pairs import open_pairs
from framl_keras.data.pairs.embeddings import read_embeddings
from framl_keras.data.parts import Part
from framl_keras.data.sources import ImageFolder, Sample, open_source
from framl_keras.errors import UserError
from framl_keras.evaluation.embedding_parts import merge_parts, write_part
from framl_keras.evaluation.embeddings import Embeddings
from mutations import change

TENSORS = "00000-of-00001.safetensors"


def encoded_part(root):
    vectors = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    embeddings = Embeddings(vectors, list("abcde"), {"f": "not an image"})
    file = Part(1, 1).file(root / "x.npy")
    write_part(file, embeddings, {"fused": True})
    return root / "x.npy", file, lambda location, rng: merge_parts(location).to_dict()


def looks(root):
    seen = [Look(at, at + 1, 8, 8, "" if at else "not an image") for at in range(5)]
    file, told = Part(1, 1).file(root / "x"), {"images": 5}
    write_looks(file, seen, told)
    return (
        root / "x",
        file,
        lambda location, rng: list(map(tuple, merged_looks(Path(location), told))),
    )


def compared_part(root):
    found = Compared([Match("a", "b", "near", 3, 0.995)], ["c: not an image"], [])
    file = Part(1, 1).file(root / "x")
    write_compared(file, found, {"test_images": 5})
    return root / "x", file, lambda location, rng: merged(Path(location), {"test_images": 5})


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        name: what the table calls it.
        make: puts a sound one into a folder; gives what is opened, what is damaged, and how
            it is read, `read(location, rng)`.
        change: damages its bytes.
        needs: a package without which it cannot be read or made.
        costly: whether a mutation may build a network, so that a quick test tries fewer.
    """

    name: str
    make: Callable
    change: Callable = change.mutated
    needs: str = ""
    costly: bool = False


def read_source(location, rng):
    source = open_source(location, on_error=rng.choice(["raise", "skip"]))
    for sample in source.several(range(min(len(source), 12))):
        if not isinstance(sample, UserError):
            with contextlib.suppress(UserError):
                decode(sample)


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


def record_io_with_keys(root):
    location, _, read = record_io_keys(root)
    return location, location, read


def archived(name):
    def make(root):
        (root / "in").mkdir()
        for number in range(4):
            path = root / "in" / "ab"[number % 2] / f"{number}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encoded(number, ".jpg", 8))
        ARCHIVES[name](root / "in", root / name)
        shutil.rmtree(root / "in")
        return root / name, root / name, read_source

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


def zip_index(root):
    path, _, _ = archived("deflated.zip")(root)
    open_source(str(path))
    return path, root / "deflated.zip.index", read_source


def bcolz(part):
    def make(root):
        shutil.copytree(SAMPLES / "bcolz/lfw_align_112", root / "x")
        return root / "x/lfw", root / "x" / part, read_pairs

    return make


def insightface(protocol):
    def make(root):
        images = [encoded(n, ".jpg", 8) for n in range(4)]
        if protocol % 2:
            images = [np.frombuffer(image, np.uint8) for image in images]
        (root / "x.bin").write_bytes(pickle.dumps((images, [True, False]), protocol))
        return root / "x.bin", root / "x.bin", read_pairs

    return make


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


def cfp(part):
    def make(root):
        for side, kind in (("F", "frontal"), ("P", "profile")):
            lines = []
            for number, person in enumerate(("001", "002"), start=1):
                path = root / "Data" / person / kind / "01.jpg"
                path.parent.mkdir(parents=True)
                path.write_bytes(encoded(number, ".jpg", 8))
                lines.append(f"{number} ../Data/{person}/{kind}/01.jpg\n")
            (root / "Protocol").mkdir(exist_ok=True)
            (root / "Protocol" / f"Pair_list_{side}.txt").write_text("".join(lines))
        for fold in ("01", "02"):
            split = root / "Protocol/Split/FP" / fold
            split.mkdir(parents=True)
            (split / "same.txt").write_text("1,1\n2,2\n")
            (split / "diff.txt").write_text("1,2\n2,1\n")
        return root, root / "Protocol" / part, read_pairs

    return make


def embeddings(root):
    arrays = {"embeddings": np.eye(4, dtype=np.float32), "is_same": np.array([1, 0])}
    np.savez_compressed(root / "x.npz", **arrays, keys=np.array(list("abcd")))
    return root / "x.npz", root / "x.npz", lambda location, rng: read_embeddings(location)


def one_array(root):
    np.save(root / "x.npy", np.eye(4, dtype=np.float32))
    np.save(root / "x_list.npy", np.array([True, False]))
    return root / "x.npy", root / "x.npy", lambda location, rng: read_embeddings(location)


def image(suffix, size=48):
    def make(root):
        path = root / f"x{suffix}"
        path.write_bytes(encoded(0, suffix, size))
        return path, path, _read_image

    return make


def pillow_image(suffix, mode, **options):
    def make(root):
        from PIL import Image

        path = root / f"x{suffix}"
        Image.fromarray(picture(0, 48)).convert(mode).save(path, **options)
        return path, path, _read_image

    return make


def _read_image(location, rng):
    data = Path(location).read_bytes()
    if rng.random() < 0.5:
        decode_bytes(data, np.empty(1 << 16, np.uint8))
    decode(Sample(data, 0, location))


def keras_model(root):
    import keras

    from framl_keras.published.from_keras import load_model

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 128),
            layers.Conv2D(4, 3, kernel_regularizer=keras.regularizers.L2(1e-4)),
            layers.BatchNormalization(),
            layers.PReLU(shared_axes=[1, 2]),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(4),
        ]
    )
    model.save(root / "x.keras")
    return root / "x.keras", root / "x.keras", lambda location, rng: load_model(location)


def keras_weights(root):
    import keras

    from framl_keras.untrusted.keras_file import load_keras_weights

    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3), keras.layers.BatchNormalization()]
    )
    path = root / "x.weights.h5"
    model.save_weights(path)
    return path, path, lambda location, rng: load_keras_weights(model, Path(location), "a test")


def checkpoint(file, sound=False):
    """One file of a checkpoint; `sound` as by one who writes checksums, which then fit."""

    def make(root):
        from framl_keras.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

        arrays = {"model/a": np.eye(4, dtype=np.float32), "optimizer/0": np.arange(3)}
        path = root / "x.ckpt"
        save_checkpoint(path, Checkpoint({"step": 3, "recipe": {}, "data": "x"}, arrays))

        def read(location, rng):
            if sound:
                with_sound_checksums(Path(location))
            arrays = load_checkpoint(Path(location)).arrays
            return [array.shape for array in arrays.values()]

        return path, path / file, read

    return make


def with_sound_checksums(path):
    """Writes checksums that fit what is there, as far as there is an index to write them into."""
    from framl_keras.runs.checkpoint import INDEX, _digest

    with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError, OSError):
        index = json.loads((path / INDEX).read_bytes())
        index.pop("sha256", None)
        for name in list(index.get("files", {})):
            index["files"][name] = hashlib.sha256((path / name).read_bytes()).hexdigest()
        (path / INDEX).write_text(json.dumps({**index, "sha256": _digest(index)}))


def classes(root):
    from framl_keras.runs.directory import RunDirectory

    (root / "classes.json").write_text(json.dumps(["ada", "bob", "Zoë"]))
    return root, root / "classes.json", lambda location, rng: RunDirectory(location).class_names()


def thresholds(root):
    from framl_keras.runs.thresholds import read_thresholds

    content = {"set": "lfw", "model": "m", "distance_below": {"cos": 0.4, "diff": 1.1}}
    (root / "thresholds.json").write_text(json.dumps(content))
    return (
        root, root / "thresholds.json", lambda location, rng: read_thresholds(Path(location), "m"),
    )  # fmt: skip


def calibration(root):
    from framl_keras.evaluation.calibration import calibrate, read_calibrations

    rng = np.random.default_rng(0)
    is_same = np.arange(200) % 2 == 0
    found = calibrate(rng.normal(size=200) - is_same, is_same, "cos", 0.1)
    content = [{**found.__dict__, "model": "m"}]
    (root / "calibration.json").write_text(json.dumps(content, default=float))
    return root, root / "calibration.json", lambda location, rng: read_calibrations(Path(location))


def recipe(name):
    def make(root):
        from framl_keras.recipe import Recipe

        shutil.copy(Path(__file__).parents[2] / "recipes" / name, root / "x.yaml")
        return root / "x.yaml", root / "x.yaml", lambda location, rng: Recipe.load(Path(location))

    return make


def framl_file(root):
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from test_framl_yaml import framl

    from framl_keras.recipe import Recipe

    (root / "x.yaml").write_text(framl())
    return root / "x.yaml", root / "x.yaml", lambda location, rng: Recipe.load(Path(location))


def landmarks(root):
    from framl_keras.photos.landmarks_table import BOX, POINTS, LandmarksTable, photos_of

    header = ",".join(("photo", *POINTS, *BOX, "score"))
    rows = ("a.jpg," + ",".join(map(str, range(10, 24))) + ",0.9\n", "b.jpg" + "," * 15 + "\n")
    (root / "x.csv").write_text(f"{header}\n{''.join(rows)}")

    def read(location, rng):
        table = LandmarksTable(location)
        for photo in photos_of(location):
            table.detect(np.zeros((48, 48, 3), np.uint8), photo)

    return root / "x.csv", root / "x.csv", read


def alignment(part):
    def make(root):
        align_folder = importlib.import_module("framl_keras.photos.align_folder")
        settings = {"size": 112, "border": "black", "detector": "yunet", "framl_keras": "0.1.0"}
        (root / "alignment.json").write_text(json.dumps(settings))
        row = ["a.jpg", "a.png", "aligned", *(["0.5"] * (len(align_folder.COLUMNS) - 3))]
        table = root / "alignment.csv"

        def read(location, rng):
            align_folder._read_settings(root / "alignment.json")
            align_folder._go_on(root)

        table.write_text(",".join(align_folder.COLUMNS) + "\n" + ",".join(row) + "\n")
        return root, root / part, read

    return make


def old_keras_weights(root):
    """As Keras 2 wrote them."""
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format  # no public function writes it

    from framl_keras.untrusted.keras_file import load_keras_weights

    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3), keras.layers.BatchNormalization()]
    )
    path = root / "x.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path, path, lambda location, rng: load_keras_weights(model, Path(location), "a test")


def progress(root):
    from framl_keras.data.conversion.progress import Progress

    first = Progress(root / "x.json", {"a": 1}, 2)
    first.save()
    return (
        root / "x.json", root / "x.json",
        lambda location, rng: Progress(Path(location), {"a": 1}, 2),
    )  # fmt: skip


def safetensors(root):
    from framl_keras.published.state_dict import read_state_dict

    header = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
              "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]}}  # fmt: skip
    text = json.dumps(header).encode()
    path = root / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(32))
    return path, path, lambda location, rng: read_state_dict(Path(location))


def torch_file(**options):
    def make(root):
        import torch

        from framl_keras.published.state_dict import read_state_dict

        path = root / "x.pt"
        torch.save(
            {"state_dict": {"a": torch.eye(3), "b": torch.arange(4)}, "epoch": 3}, path, **options
        )
        return path, path, lambda location, rng: read_state_dict(Path(location))

    return make


def tensorflow_checkpoint(part):
    def make(root):
        import tensorflow as tf

        from framl_keras.published.tensorflow_checkpoint import read_tensorflow_checkpoint

        prefix = tf.train.Checkpoint(a=tf.Variable(np.eye(3)), b=tf.Variable([1, 2])).write(
            str(root / "x")
        )
        target = next(root.glob(f"x.{part}*"))
        return prefix, target, lambda location, rng: read_tensorflow_checkpoint(Path(location))

    return make


FORMATS = [
    Format("tfrecord", tfrecord),
    Format("tfrecord, sound", tfrecord, change.of_tfrecord),
    Format("tfrecord online, sound", online, change.of_tfrecord),
    Format("arrayrecord", array_record),
    Format("recordio", record_io),
    Format("recordio with keys", record_io_with_keys),
    Format("recordio keys", record_io_keys),
    *(Format(f"archive {name}", archived(name)) for name in ARCHIVES),
    *(
        Format(f"archive {name}, sound", archived(name), change.of_member())
        for name in ARCHIVES
        if name.endswith((".zip", ".npz"))
    ),
    Format("image list", image_list),
    Format("our index", our_index),
    Format("our index, sound", our_index, change.of_index),
    Format("our index of a zip", zip_index),
    Format("our index of a zip, sound", zip_index, change.of_index),
    Format("bcolz chunk", bcolz("lfw/data/__0.blp")),
    Format("bcolz chunk, sound", bcolz("lfw/data/__0.blp"), change.of_chunk),
    Format("bcolz sizes", bcolz("lfw/meta/sizes")),
    Format("bcolz storage", bcolz("lfw/meta/storage")),
    Format("bcolz answers", bcolz("lfw_list.npy")),
    *(Format(f"pickle {n}", insightface(n)) for n in range(6)),
    Format("pairs.txt", pairs_txt),
    Format("pair table", pair_table),
    *(
        Format(f"CFP {part}", cfp(part))
        for part in ("Pair_list_F.txt", "Split/FP/01/same.txt", "Split/FP/02/diff.txt")
    ),
    Format("encoded part", encoded_part),
    Format("encoded part, sound", encoded_part, change.of_member()),
    Format("looks", looks),
    Format("looks, sound", looks, change.of_member()),
    Format("compared part", compared_part),
    Format("compared part, sound", compared_part, change.of_member()),
    Format("npz", embeddings),
    Format("npz, sound", embeddings, change.of_member()),
    Format("npy", one_array),
    *(
        Format(f"image {suffix}", image(suffix))
        for suffix in (".jpg", ".png", ".bmp", ".gif", ".webp", ".tiff", ".jp2", ".avif")
    ),
    Format("image .ppm", image(".ppm")),
    Format("image .pgm", pillow_image(".pgm", "L"), needs="PIL"),
    Format("image .pbm", pillow_image(".pbm", "1"), needs="PIL"),
    Format("image progressive .jpg", pillow_image(".jpg", "RGB", progressive=True), needs="PIL"),
    Format("image palette .png", pillow_image(".png", "P"), needs="PIL"),
    Format("image lossless .webp", pillow_image(".webp", "RGBA", lossless=True), needs="PIL"),
    Format(
        "image deflated .tiff",
        pillow_image(".tiff", "RGB", compression="tiff_deflate"),
        needs="PIL",
    ),
    Format("image jpeg .tiff", pillow_image(".tiff", "RGB", compression="jpeg"), needs="PIL"),
    Format("image .j2k", pillow_image(".j2k", "RGB"), needs="PIL"),
    Format("keras", keras_model, costly=True),
    Format("keras config, sound", keras_model, change.of_member("config.json"), costly=True),
    Format("keras weights, sound", keras_model, change.of_member(".h5"), costly=True),
    Format("weights.h5", keras_weights, costly=True),
    Format("weights of Keras 2", old_keras_weights, costly=True),
    Format("checkpoint index", checkpoint("index.json")),
    Format("checkpoint index, sound", checkpoint("index.json", sound=True)),
    Format("checkpoint", checkpoint(TENSORS)),
    Format("checkpoint, sound", checkpoint(TENSORS, sound=True), change.of_safetensors),
    Format("classes.json", classes),
    Format("thresholds.json", thresholds),
    Format("calibration.json", calibration),
    Format("recipe", recipe("quickstart.yaml")),
    Format("recipe of FRAML", framl_file),
    Format("landmarks table", landmarks),
    Format("alignment.json", alignment("alignment.json")),
    Format("alignment.csv", alignment("alignment.csv")),
    Format("convert's progress", progress),
    Format("safetensors", safetensors),
    Format("safetensors, sound", safetensors, change.of_safetensors),
    Format("torch", torch_file(), needs="torch"),
    Format("torch, sound", torch_file(), change.of_member(), needs="torch"),
    Format("torch pickle, sound", torch_file(), change.of_member(".pkl"), needs="torch"),
    Format("torch before 1.6", torch_file(_use_new_zipfile_serialization=False), needs="torch"),
    Format("tensorflow index", tensorflow_checkpoint("index"), needs="tensorflow"),
    Format(
        "tensorflow index, sound",
        tensorflow_checkpoint("index"),
        change.of_table,
        needs="tensorflow",
    ),
    Format("tensorflow data", tensorflow_checkpoint("data"), needs="tensorflow"),
]
