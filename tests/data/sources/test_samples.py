"""Data sets that are there in Python are sources."""

import keras
import numpy as np
import pytest

import framl_keras as fk
from framl_keras.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 20, 18, 3), dtype=np.uint8)
LABELS = [2, 0, 10, 2, 0, 10]
NAMES = ["ada", "eve", "bob"]


class MapStyle:
    """What Torch calls a map-style data set."""

    def __init__(self, labels=LABELS, **facts):
        self.given, self.reads = labels, 0
        self.__dict__.update(facts)

    def __len__(self):
        return len(self.given)

    def __getitem__(self, index):
        self.reads += 1
        return IMAGES[index], self.given[index]


def samples():
    return list(zip(IMAGES, LABELS, strict=True))


def torch_data_set(_):
    torch = pytest.importorskip("torch")
    labels = torch.tensor(LABELS)

    class Faces(torch.utils.data.Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            return torch.from_numpy(IMAGES[index]), labels[index]

    return Faces()


def tensorflow_data_set(batch):
    def make(_):
        tf = pytest.importorskip("tensorflow")
        data = tf.data.Dataset.from_tensor_slices((IMAGES, np.array(LABELS)))
        return data.batch(batch) if batch else data

    return make


def hugging_face(_):
    datasets = pytest.importorskip("datasets")
    rows = {"image": [image.tolist() for image in IMAGES], "label": LABELS}
    return datasets.Dataset.from_dict(rows).with_format("numpy")


def files(folder):
    for image in range(6):
        keras.utils.save_img(folder / f"{image}.png", IMAGES[image], scale=False)
    return [(folder / f"{image}.png", LABELS[image]) for image in range(6)]


KINDS = {
    "a list": lambda _: samples(),
    "a generator": lambda _: iter(samples()),
    "mappings": lambda _: [{"image": image, "label": label} for image, label in samples()],
    "two arrays": lambda _: (IMAGES, np.array(LABELS)),
    "labels in a column": lambda _: (IMAGES, np.array(LABELS)[:, None]),
    "labels as text": lambda _: zip(IMAGES, [str(label) for label in LABELS], strict=True),
    "labels as bytes": lambda _: zip(IMAGES, [b"2", b"0", b"10"] * 2, strict=True),
    "labels as floats": lambda _: (IMAGES, np.array(LABELS, "float32")),
    "by position": lambda _: MapStyle(),
    "with targets": lambda _: MapStyle(targets=LABELS),
    "paths": files,
    "Torch": torch_data_set,
    "TensorFlow": tensorflow_data_set(None),
    "TensorFlow, in batches": tensorflow_data_set(4),
    "Hugging Face": hugging_face,
}


@pytest.mark.parametrize("kind", KINDS)
def test_images_labels_and_names_are_those_that_were_given(kind, tmp_path):
    data = fk.data.open(KINDS[kind](tmp_path))

    assert data.class_names == ["0", "2", "10"]
    assert data.labels.tolist() == [1, 0, 2, 1, 0, 2]
    images, labels = next(data.batches(6, size=(20, 18), augment=False, seed=1))
    _, order = next(fk.data.open((IMAGES, np.arange(6))).batches(6, (20, 18), 1, augment=False))
    np.testing.assert_array_equal(images, IMAGES[order])
    np.testing.assert_array_equal(labels, data.labels[order])


@pytest.mark.parametrize("fact", ["class_names", "classes"])
def test_numbers_are_named_by_the_data_set(fact):
    data = fk.data.open(MapStyle([2, 0, 1, 2], **{fact: NAMES}))
    assert data.class_names == ["ada", "bob", "eve"]
    assert data.labels.tolist() == [1, 0, 2, 1]


def test_images_are_not_read_for_labels_that_are_told():
    told, untold = MapStyle(targets=LABELS), MapStyle()
    for data in (told, untold):
        fk.data.open(data)
    assert (told.reads, untold.reads) == (0, 6)


WRONG = {
    "nothing": (iter(()), "no samples"),
    "images alone": (IMAGES, "#0: expected .image, label."),
    "three parts": ([(IMAGES[0], 1, 2)], "#0: expected .image, label."),
    "another mapping": ([{"photo": IMAGES[0], "label": 1}], "#0: .* mapping with photo, label"),
    "a negative label": ([(IMAGES[0], 0), (IMAGES[1], -1)], "#1: .* from 0 on"),
    "half a label": ([(IMAGES[0], 0.5)], "#0: .* whole number"),
    "one-hot": ([(IMAGES[0], np.eye(3)[1])], r"#0: .* whole number.*\[0.0, 1.0, 0.0\]"),
    "no label": ([(IMAGES[0], None)], "#0: .* whole number"),
    "a truth": ([(IMAGES[0], True)], "#0: .* whole number"),
    "beyond the names": (MapStyle([0, 3], classes=NAMES), "#1: label 3, but 3 class names"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_sample_is_named(kind):
    data, message = WRONG[kind]
    with pytest.raises(UserError, match=message):
        fk.data.open(data)


NO_IMAGES = {
    "floats to 1": (IMAGES[0] / 255.0, "Multiply by 255"),
    "channels first": (np.moveaxis(IMAGES[0], -1, 0), "channels last"),
    "no file": ("nowhere.png", "nowhere.png"),
    "a number": (5, "[Ee]xpected a path"),
}


@pytest.mark.parametrize("kind", NO_IMAGES)
def test_what_is_no_image_is_named_when_it_is_read(kind):
    image, message = NO_IMAGES[kind]
    data = fk.data.open([(IMAGES[0], 0), (image, 1)])
    with pytest.raises(UserError, match=f"list#1: .*{message}"):
        data[1]


def test_what_a_data_set_raises_is_one_line():
    class Broken(MapStyle):
        def __getitem__(self, index):
            raise KeyError("lost")

    data = fk.data.open(Broken(targets=LABELS))
    with pytest.raises(UserError, match="Broken#3: cannot be read: KeyError: 'lost'"):
        data[3]


@pytest.mark.parametrize("given", [None, 5, {}, object()])
def test_what_is_no_data_set_is_refused(given):
    with pytest.raises(TypeError, match="Received"):
        fk.data.open(given)


def test_a_recipe_trains_on_one_by_its_registered_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fk.data.register_source("mine", lambda rest: MapStyle(targets=LABELS), replace=True)
    recipe = {
        "name": "tiny",
        "data": {"train": "mine:", "image_size": 16, "test": {}},
        "model": {"backbone": "FaceResNet10", "embedding_dim": 8},
        "train": {"epochs": 1, "batch_size": 3, "verify_every": 0},
    }

    run = fk.train(recipe, progress=False)

    assert run.class_names == ["0", "2", "10"]
    assert np.isfinite(run.history["loss"]).all()


def test_it_is_converted(tmp_path):
    manifest = fk.data.convert(samples(), tmp_path / "faces.tfrecord")
    again = fk.data.open(tmp_path / "faces.tfrecord")
    assert manifest.records == len(again) == 6
    assert sorted(again.class_names) == ["0", "10", "2"]
