"""Every way in which people have images, and every way in which they have them wrong."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from framl_keras.data.decode import decode
from framl_keras.data.inputs import in_parts, input_images, one_image
from framl_keras.data.sources import ImageFolder, Sample
from framl_keras.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
GRAY = PIXELS[:, :, 0]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "people" / "ada" / "1.png"
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), PIXELS[:, :, ::-1])
    return path


def torch_like(values):
    keras = pytest.importorskip("keras")
    return keras.ops.convert_to_tensor(values)


INPUTS = {
    "path as text": str,
    "path": lambda file: file,
    "folder": lambda file: file.parent,
    "folder of folders": lambda file: file.parent.parent,
    "bytes": lambda file: file.read_bytes(),
    "bytearray": lambda file: bytearray(file.read_bytes()),
    "memoryview": lambda file: memoryview(file.read_bytes()),
    "open file": lambda file: io.BytesIO(file.read_bytes()),
    "PIL": Image.open,
    "PIL with alpha": lambda file: Image.fromarray(PIXELS).convert("RGBA"),
    "uint8": lambda file: PIXELS,
    "float": lambda file: PIXELS.astype("float32"),
    "float16": lambda file: PIXELS.astype("float16"),
    "int64": lambda file: PIXELS.astype("int64"),
    "not contiguous": lambda file: np.ascontiguousarray(PIXELS[:, ::-1])[:, ::-1],
    "tensor": lambda file: torch_like(PIXELS),
    "tensor of floats": lambda file: torch_like(PIXELS.astype("float32")),
    "sample": lambda file: Sample(file.read_bytes(), 0, "ada"),
    "source": lambda file: ImageFolder(file.parent.parent),
    "images of ours": lambda file: input_images([file]),
    "batch": lambda file: PIXELS[None],
    "generator": lambda file: (path for path in [file]),
    "array of paths": lambda file: np.array([str(file)]),
    "set": lambda file: {file},
}


@pytest.mark.parametrize("kind", INPUTS)
def test_the_same_pixels_come_from_every_kind(kind, file):
    images = input_images(INPUTS[kind](file))

    assert [decode(image).tolist() for image in images] == [PIXELS.tolist()]
    assert len(images.names) == 1


@pytest.mark.parametrize("gray", [GRAY, GRAY[:, :, None], Image.fromarray(GRAY)], ids=type)
def test_gray_has_three_equal_channels(gray):
    (image,) = input_images(gray)

    assert decode(image).tolist() == np.stack([GRAY] * 3, axis=-1).tolist()


def test_a_mixed_list_keeps_order_and_names(file):
    images = input_images([file, PIXELS, file.read_bytes(), np.stack([PIXELS] * 2), file.parent])

    arrays = ["image 1 (array)", "image 2 (bytes)", "image 3 (array)", "image 4 (array)"]
    assert images.names == [str(file), *arrays, str(file)]


def test_sixteen_bits_are_as_in_files(tmp_path):
    deep = np.arange(30, dtype=np.uint16).reshape(6, 5) * 2000
    cv2.imwrite(str(tmp_path / "deep.png"), deep)

    by_file, by_pil = input_images([tmp_path / "deep.png", Image.open(tmp_path / "deep.png")])

    assert decode(by_file).tolist() == decode(by_pil).tolist()


def test_pil_images_are_turned_as_files_are(tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # a quarter turn
    Image.fromarray(PIXELS).save(tmp_path / "turned.jpg", exif=exif, quality=100, subsampling=0)

    by_file, by_pil = input_images([tmp_path / "turned.jpg", Image.open(tmp_path / "turned.jpg")])

    assert decode(by_file).shape == decode(by_pil).shape == (5, 6, 3)
    assert np.abs(decode(by_file).astype(int) - decode(by_pil)).max() <= 3


WRONG = {
    "no file": ("gone.png", UserError, "image 0: No such image or folder: gone.png"),
    "address": ("https://a.org/b.png", UserError, "is an address. Fetch"),
    "zero byte": ("a\0b", UserError, "image 0"),
    "long name": ("x" * 5000, UserError, "image 0"),
    "empty list": ([], UserError, "No images"),
    "empty generator": ((x for x in ()), UserError, "No images"),
    "none": (None, TypeError, "Received: NoneType"),
    "number": (3, TypeError, "Received: int"),
    "none within": ([PIXELS, None], TypeError, "image 1: expected.*Received: NoneType"),
    "nested": ([[PIXELS]], TypeError, "image 0: expected.*Received: list"),
    "dict": ({"a": PIXELS}, TypeError, "Received: dict"),
    "text file": ([io.StringIO("x")], TypeError, "rb"),
    "in [0, 1]": ([PIXELS, PIXELS / 255], UserError, "image 1.*look like.*Multiply by 255"),
    "tensor in [0, 1]": ([GRAY.astype("float32") / 255], UserError, "Multiply by 255"),
    "negative": (PIXELS - 128.0, UserError, "expected pixels 0…255"),
    "too large": (PIXELS.astype("uint16") * 200, UserError, "expected pixels 0…255"),
    "not a number": (np.full((2, 2, 3), np.nan), UserError, "expected pixels 0…255"),
    "bool": (PIXELS > 3, UserError, "dtype bool"),
    "complex": (PIXELS * 1j, UserError, "dtype complex"),
    "channels first": (np.moveaxis(PIXELS, -1, 0), UserError, "Put the channels last"),
    "alpha": (np.zeros((6, 5, 4), "uint8"), UserError, "Drop the alpha channel"),
    "no pixels": (np.zeros((0, 5, 3), "uint8"), UserError, "expected pixels"),
    "a vector": (np.zeros(5, "uint8"), UserError, "expected pixels"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_image_is_named_by_position_and_kind(kind):
    given, error, message = WRONG[kind]

    with pytest.raises(error, match=message):
        list(map(decode, input_images(given)))


def test_a_black_float_image_is_black():
    (image,) = input_images(np.zeros((2, 2, 3), "float32"))

    assert not image.image.any()


def test_damaged_bytes_are_named_by_position(file):
    images = input_images([file, b"no image"])

    with pytest.raises(UserError, match=r"image 1 \(bytes\): not a readable image"):
        decode(images[1])


def test_a_generator_is_read_in_parts():
    taken = []

    def frames():
        for number in range(5):
            taken.append(number)
            yield PIXELS

    parts = in_parts(frames(), 2)

    assert len(next(parts)) == 2
    assert taken == [0, 1]
    assert [len(part) for part in parts] == [2, 1]


def test_one_image_is_one(file):
    assert len(one_image(file, "a")) == 1
    with pytest.raises(UserError, match=r"`b` must be one image\. Received: 2 images"):
        one_image([file, file], "b")
