import struct
import zlib

import cv2
import numpy as np
import pytest
from small_faces import encoded, picture

from framl_keras.data.decode import decode
from framl_keras.data.sources import Sample
from framl_keras.errors import UserError


def pixels_of(data, buffer=None):
    return decode(Sample(data, 0, "some.key"), buffer)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".ppm", ".webp"])
def test_lossless_formats_are_exact_and_rgb(suffix):
    options = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
    data = cv2.imencode(suffix, picture(0)[..., ::-1], options)[1].tobytes()
    assert np.array_equal(pixels_of(data), picture(0))


@pytest.mark.parametrize("seed", range(3))
def test_jpeg_is_what_pillow_makes_of_it(seed):
    image = pytest.importorskip("PIL.Image")
    import io

    data = encoded(seed, ".jpg", 48)
    expected = np.asarray(image.open(io.BytesIO(data)).convert("RGB"))
    assert np.abs(pixels_of(data).astype(int) - expected).max() <= 2


@pytest.mark.parametrize("suffix", [".pgm", ".png", ".jpg"])
def test_gray_gets_three_equal_channels(suffix):
    gray = picture(1)[..., 0].copy()
    pixels = pixels_of(cv2.imencode(suffix, gray)[1].tobytes())
    assert pixels.shape == (24, 24, 3)
    assert np.array_equal(pixels[..., 0], pixels[..., 2])
    assert np.abs(pixels[..., 0].astype(int) - gray).max() <= (12 if suffix == ".jpg" else 0)


def with_orientation(data, orientation):
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    segment = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def test_a_photograph_is_turned_as_its_exif_says():
    data = encoded(2)
    turned = pixels_of(with_orientation(data, 6))
    assert np.abs(turned.astype(int) - np.rot90(pixels_of(data), -1)).max() <= 2
    assert np.array_equal(pixels_of(with_orientation(data, 1)), pixels_of(data))


def huge_png():
    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def huge_jpeg():
    data = bytearray(encoded(0))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    return bytes(data)


@pytest.mark.parametrize("size", [100, 48 * 48 * 3, 1 << 20])
def test_a_buffer_is_used_if_it_is_large_enough(size):
    buffer = np.zeros(size, dtype=np.uint8)
    data = encoded(0, ".jpg", 48)
    pixels = pixels_of(data, buffer)
    assert np.array_equal(pixels, pixels_of(data))
    assert np.shares_memory(pixels, buffer) == (size >= pixels.size)


@pytest.mark.parametrize("buffer", [None, np.zeros(1 << 16, dtype=np.uint8)])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        encoded(0)[:200],
        encoded(0)[:-2],
        encoded(0, ".png")[:60],
        b"\xff\xd8\xff\xe0" + b"\0" * 50,
        huge_png(),
        huge_jpeg(),
    ],
    ids=["empty", "text", "cut", "no end", "cut png", "zeros", "huge png", "huge jpeg"],
)
def test_what_is_no_image_is_named(data, buffer):
    with pytest.raises(UserError, match=rf"some\.key: not a readable image \({len(data)} bytes\)"):
        pixels_of(data, buffer)


def test_bytes_after_the_end_are_tolerated():
    assert np.array_equal(pixels_of(encoded(3) + b"\0" * 8), pixels_of(encoded(3)))


def test_arrays_pass_if_they_are_rgb_pixels():
    assert pixels_of(picture(0)) is not None
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(UserError, match=r"some\.key: expected RGB pixels"):
            pixels_of(wrong)
