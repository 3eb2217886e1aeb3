"""Every format's size is known from its header, and bombs are refused before they are unpacked."""

import io
import struct
import tracemalloc

import cv2
import pytest
from small_faces import picture

from framl_keras.data.decode import decode_bytes
from framl_keras.data.image_formats import HEAD, image_format
from framl_keras.data.image_size import _PARSERS, fits, most_pixels

SUFFIXES = {
    ".jpg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".gif": "GIF", ".webp": "WebP",
    ".tiff": "TIFF", ".jp2": "JPEG 2000", ".avif": "AVIF", ".ppm": "PNM", ".pgm": "PNM",
}  # fmt: skip
SIDES = [(1, 1), (24, 24), (31, 70), (257, 300)]


def encoded(suffix, height=24, width=24):
    image = cv2.resize(picture(0), (width, height))
    image = image[..., 0] if suffix == ".pgm" else image[..., ::-1]
    try:
        is_written, data = cv2.imencode(suffix, image)
    except cv2.error:
        is_written = False
    if not is_written:
        pytest.skip(f"this OpenCV writes no {suffix} of {width} x {height}")
    return data.tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("sides", SIDES)
def test_the_header_says_what_the_decoder_gives(suffix, sides):
    data = encoded(suffix, *sides)

    assert image_format(data[:HEAD]) == SUFFIXES[suffix]
    assert _PARSERS[SUFFIXES[suffix]].pixels(data) == sides[0] * sides[1]
    assert decode_bytes(data).shape == (*sides, 3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_image_is_made_of_half_a_file(suffix):
    data = encoded(suffix, 64, 64)

    assert decode_bytes(data[: len(data) // 2]) is None


@pytest.mark.parametrize(
    ("mode", "name", "options"),
    [
        ("RGB", "JPEG", {"progressive": True}),
        ("CMYK", "JPEG", {}),
        ("L", "JPEG", {}),
        ("RGBA", "PNG", {}),
        ("P", "PNG", {}),
        ("1", "PNG", {}),
        ("P", "GIF", {"save_all": True, "append_images": 3}),
        ("P", "GIF", {"interlace": 1}),
        ("RGB", "BMP", {}),
        ("P", "BMP", {}),
        ("RGB", "WebP", {"lossless": True}),
        ("RGBA", "WebP", {}),
        ("RGB", "WebP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}),
        ("RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("RGB", "TIFF", {"big_tiff": True}),
        ("L", "TIFF", {}),
        ("RGB", "JPEG2000", {}),
        ("RGB", "JPEG2000", {"no_jp2": True}),
        ("1", "PPM", {}),
    ],
    ids=str,
)
def test_other_writers_files_are_read(mode, name, options):
    image = pytest.importorskip("PIL.Image")
    pictured = image.fromarray(picture(0)).resize((40, 30)).convert(mode)
    options = dict(options)
    if "append_images" in options:
        options["append_images"] = [pictured.rotate(90)] * options["append_images"]
    stream = io.BytesIO()
    pictured.save(stream, name, **options)

    assert decode_bytes(stream.getvalue()).shape == (30, 40, 3)


def with_sides(suffix, width, height):
    """A small file whose header states other sides."""
    data = bytearray(encoded(suffix, 48, 48))
    offsets = {".png": (16, ">II"), ".bmp": (18, "<ii"), ".gif": (6, "<HH")}
    if suffix in offsets:
        at, code = offsets[suffix]
        struct.pack_into(code, data, at, width, height)
        if suffix == ".gif":  # the frame too
            struct.pack_into(code, data, data.index(b"\x2c\0\0\0\0") + 5, width, height)
    elif suffix == ".jpg":
        struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    elif suffix == ".jp2":
        at = data.index(b"\xff\x4f\xff\x51") + 8
        struct.pack_into(">IIIIII", data, at, width, height, 0, 0, width, height)
        struct.pack_into(">II", data, data.index(b"ihdr") + 4, height, width)
    elif suffix == ".avif":
        at = data.index(b"ispe") + 8
        struct.pack_into(">II", data, at, width, height)
    elif suffix == ".tiff":
        order = "<" if data[:2] == b"II" else ">"
        for tag, side in ((256, width), (257, height)):
            at = data.index(struct.pack(order + "HH", tag, 3))
            struct.pack_into(order + "HHII", data, at, tag, 4, 1, side)
    elif suffix == ".webp":
        body = b"VP8X" + struct.pack("<I", 10) + b"\0" * 4
        body += (
            b"".join(max(side - 1, 0).to_bytes(3, "little") for side in (width, height)) + data[12:]
        )
        data = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    else:
        data = data.replace(b"48 48", b"%d %d" % (width, height), 1)
    return bytes(data)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("sides", [(30_000, 30_000), (65_535, 65_535), (16_000, 3_000), (0, 7)])
def test_a_bomb_is_refused_before_it_is_unpacked(suffix, sides):
    data = with_sides(suffix, *sides)

    tracemalloc.start()
    assert not fits(data, SUFFIXES[suffix]) or sides == (0, 7)
    assert decode_bytes(data) is None
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_small_jpeg_of_a_thousand_passes_is_refused():
    data = encoded(".jpg")
    scan = data[data.index(b"\xff\xda") : -2]

    assert decode_bytes(data[:-2] + scan * 1000 + data[-2:]) is None


@pytest.mark.parametrize(
    "start",
    [
        b"v/1\x01" + bytes(60), b"#?RADIANCE\n" + bytes(60), b"Pf\n3 3\n-1\n" + bytes(60),
        b"\x59\xa6\x6a\x95" + bytes(60), b"P7\nWIDTH 3\n", b"8BPS" + bytes(60), b"<svg>",
    ],
)  # fmt: skip
def test_what_is_not_admitted_never_reaches_a_decoder(start, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", None)

    assert decode_bytes(start) is None


def test_photographs_fit():
    assert most_pixels(2_000_000) >= 108_000_000  # a phone's, strongly compressed
    assert most_pixels(300) >= 20_000_000  # one color, whatever the size of the file


@pytest.mark.parametrize("length", [0xFFFF_FFFF, 1 << 30, 5_000])
def test_a_chunk_of_a_png_is_no_longer_than_the_file(length):
    data = bytearray(encoded(".png"))
    struct.pack_into(">I", data, data.index(b"IDAT") - 4, length)  # OpenCV takes as much memory

    assert not fits(bytes(data), "PNG")
    assert decode_bytes(bytes(data)) is None
