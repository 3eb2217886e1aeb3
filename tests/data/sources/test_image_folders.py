"""Which files of a folder are its images, and that nothing else is lost in silence."""

import io
import os
import struct

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps
from small_faces import encoded, picture

from framl_keras.data.decode import decode
from framl_keras.data.files import find_images
from framl_keras.data.image_formats import image_format, other_image_format
from framl_keras.data.sources import ImageFolder, Sample, open_source
from framl_keras.data.sources.image_folder import parts_of
from framl_keras.errors import UserError

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40


def by_pillow(kind, image=None, **options):
    stream = io.BytesIO()
    (image or Image.fromarray(picture(0))).save(stream, kind, **options)
    return stream.getvalue()


def turned(kind, **options):
    exif = Image.Exif()
    exif[0x112] = 6
    return by_pillow(kind, Image.fromarray(picture(0)[:20]), exif=exif, **options)


def palette():
    return Image.fromarray(picture(0)).convert("P", palette=Image.Palette.ADAPTIVE)


def clear():
    pixels = np.dstack([picture(0), np.full((24, 24), 255, np.uint8)])
    pixels[:9, :, 3] = 0
    return Image.fromarray(pixels)


FORMATS = {
    "jpg": lambda: by_pillow("JPEG"),
    "jpeg": lambda: by_pillow("JPEG", progressive=True),
    "jfif": lambda: by_pillow("JPEG"),
    "jpe": lambda: by_pillow("JPEG"),
    "JPG": lambda: by_pillow("JPEG", Image.fromarray(picture(0)).convert("CMYK")),
    "png": lambda: by_pillow("PNG"),
    "PNG": lambda: by_pillow("PNG", palette(), transparency=0),
    "a.png": lambda: by_pillow("PNG", clear()),
    "la.png": lambda: by_pillow("PNG", clear().convert("LA")),
    "1.png": lambda: by_pillow("PNG", Image.fromarray(picture(0)).convert("1")),
    "bmp": lambda: by_pillow("BMP"),
    "webp": lambda: by_pillow("WEBP", lossless=True),
    "tif": lambda: by_pillow("TIFF"),
    "tiff": lambda: by_pillow("TIFF", compression="tiff_lzw"),
    "cmyk.tiff": lambda: by_pillow("TIFF", Image.fromarray(picture(0)).convert("CMYK")),
    "gif": lambda: by_pillow(
        "GIF", palette(), save_all=True, append_images=[Image.fromarray(255 - picture(0))]
    ),
    "jp2": lambda: by_pillow("JPEG2000"),
    "avif": lambda: by_pillow("AVIF", quality=100),
    "ppm": lambda: by_pillow("PPM"),
    "pgm": lambda: by_pillow("PPM", Image.fromarray(picture(0)).convert("L")),
    "pbm": lambda: by_pillow("PPM", Image.fromarray(picture(0)).convert("1")),
    "turned.jpg": lambda: turned("JPEG"),
    "turned.png": lambda: turned("PNG"),
    "turned.webp": lambda: turned("WEBP", lossless=True),
    "turned.tif": lambda: turned("TIFF"),
}


def write(root, **files):
    for name, data in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_every_format_is_found_and_seen_as_pillow_sees_it(tmp_path, suffix, named):
    data = FORMATS[suffix]()
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / (f"x.{suffix}" if named else "x")).write_bytes(data)
    source = ImageFolder(tmp_path)
    assert image_format(data[:32]) is not None
    assert (len(source), list(source.left_out)) == (1, [])
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    seen = decode(source[0]).astype(int)
    assert seen.shape == np.asarray(expected).shape
    assert np.abs(seen - np.asarray(expected)).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_is_followed_in_every_format(kind, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100}
    data = by_pillow(kind, Image.fromarray(picture(0)[:20]), exif=exif, **options)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    seen = decode(Sample(data, 0, "x"))
    assert seen.shape == expected.shape
    assert np.abs(seen.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
def test_sixteen_bits_keep_the_upper_eight(suffix):
    deep = picture(0).astype(np.uint16) * 256 + 90
    data = cv2.imencode(suffix, deep[..., ::-1])[1].tobytes()
    assert np.abs(decode(Sample(data, 0, "x")).astype(int) - picture(0)).max() <= 1


@pytest.mark.parametrize("depth", [0, 1, 2, 300])
def test_sub_folders_belong_to_the_identity_at_any_depth(tmp_path, depth):
    parts = ["v"] * depth
    place = tmp_path.joinpath("ada", *parts)
    place.mkdir(parents=True)
    (place / "10.jpg").write_bytes(encoded(1))
    (place / "9.jpg").write_bytes(encoded(0))
    source = ImageFolder(tmp_path)
    assert source.class_names == ["ada"]
    assert [source[at].image for at in range(2)] == [encoded(0), encoded(1)]
    assert source.path_of(1) == place / "10.jpg"
    assert source.name_of(0) == "_".join([*parts, "9.jpg"])


@pytest.mark.parametrize("location", [".", "./", "../faces", "ada/.."])
def test_relative_locations_name_the_same_files(tmp_path, monkeypatch, location):
    write(
        tmp_path / "faces", ada__0=encoded(0), ada__v__1=encoded(1), **{"ada__v__w__2": encoded(2)}
    )
    monkeypatch.chdir(tmp_path / "faces")
    source = ImageFolder(location)
    assert [source.name_of(at) for at in range(3)] == ["0", "v_1", "v_w_2"]
    assert [source[at].image for at in range(3)] == [encoded(at) for at in range(3)]
    assert [file.read_bytes() for file in find_images([location])] == [encoded(n) for n in range(3)]


def dangling(root):
    (root / "ada" / "link.jpg").symlink_to(root / "gone.jpg")


def circle(root):
    (root / "ada" / "again").symlink_to(root / "ada", target_is_directory=True)


def pipe(root):
    os.mkfifo(root / "ada" / "pipe")


LEFT_OUT = {
    "dot-folder": (lambda root: write(root, **{".git__1.jpg": b"x"}), ".git/1.jpg", "hidden"),
    "dot-file": (lambda root: write(root, **{"ada__._0.jpg": b"x"}), "ada/._0.jpg", "hidden"),
    "macos": (lambda root: write(root, **{"__MACOSX/a.jpg": b"x"}), "__MACOSX/a.jpg", "hidden"),
    "thumbs": (lambda root: write(root, **{"ada__Thumbs.db": b"x"}), "ada/Thumbs.db", "hidden"),
    "stray": (lambda root: write(root, **{"0.jpg": encoded(0)}), "0.jpg", "image outside"),
    "stray text": (lambda root: write(root, **{"a.csv": b"a,b"}), "a.csv", "not an image"),
    "empty": (lambda root: (root / "bob").mkdir(), "bob", "folder without an image"),
    "text": (lambda root: write(root, **{"ada__a.txt": b"hello"}), "ada/a.txt", "not an image"),
    "no bytes": (lambda root: write(root, **{"ada__a": b""}), "ada/a", "not an image"),
    "heic": (lambda root: write(root, **{"ada__v__a.heic": HEIC}), "ada/v/a.heic", "HEIC format"),
    "jxl": (lambda root: write(root, **{"ada__a.jxl": b"\xff\x0a" + b"x" * 9}), "a.jxl", "JPEG XL"),
    "dangling": (dangling, "ada/link.jpg", "broken link"),
    "circle": (circle, "ada/again", "link in a circle"),
    "pipe": (pipe, "ada/pipe", "neither file nor folder"),
}


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_what_is_left_out_is_counted_and_named_once_and_said_by_all(tmp_path, kind, caplog):
    make, name, words = LEFT_OUT[kind]
    write(tmp_path, ada__0=encoded(0), ada__1=encoded(1))
    make(tmp_path) if kind != "macos" else write_macos(tmp_path)
    source = open_source(str(tmp_path))
    (item,) = source.left_out
    assert len(source) == 2
    assert item.key.endswith(name)
    assert words in item.kind
    assert item.unreadable == (kind in ("heic", "jxl"))
    assert f"1 left out: 1 {item.kind} ({item.key})" in caplog.text
    if kind not in ("stray", "empty"):
        caplog.clear()
        assert len(find_images([str(tmp_path)])) == 2
        assert item.key in caplog.text


def write_macos(root):
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "a.jpg").write_bytes(b"x")


def test_many_of_a_kind_are_one_line_with_the_first_few(tmp_path, caplog):
    write(tmp_path, ada__0=encoded(0), **{f"ada__{n}.heic": HEIC for n in range(1, 31)})
    write(tmp_path, **{"a.txt": b"hello"})
    open_source(str(tmp_path))
    assert f"31 left out: 1 not an image ({tmp_path}/a.txt); 30 in HEIC format" in caplog.text
    assert f"{tmp_path}/ada/2.heic, {tmp_path}/ada/3.heic, …)" in caplog.text
    assert caplog.text.count(".heic") == 3


def test_a_misnamed_image_of_a_format_that_is_not_read_says_which(tmp_path):
    write(tmp_path, **{"ada__0.jpg": HEIC})
    with pytest.raises(UserError, match=r"0\.jpg: not a readable image \(64 bytes of HEIC\)"):
        decode(ImageFolder(tmp_path)[0])


@pytest.mark.parametrize("start", [b"", b"P", b"P6", b"RIFF1234WAVE", b"hello", struct.pack("8x")])
def test_what_begins_like_no_image(start):
    assert image_format(start) is None
    assert other_image_format(start) is None


@pytest.mark.parametrize(
    ("parts", "hints"),
    [
        (("train", "val", "test"), ("data.train: {}/train", "data.validation: {}/val", "test")),
        (("Train", "Validation"), ("data.train: {}/Train", "data.validation: {}/Validation")),
        (("training", "testing"), ("data.train: {}/training", "data.test: {}/testing")),
        (("train",), ("data.train: {}/train",)),
    ],
)
def test_the_parts_of_a_data_set_are_no_identities(tmp_path, parts, hints):
    for part in parts:
        write(tmp_path, **{f"{part}__ada__0.jpg": encoded(0), f"{part}__bob__0.jpg": encoded(1)})
    with pytest.raises(UserError, match="parts of a data set, not identities") as error:
        open_source(str(tmp_path))
    assert all(hint.format(tmp_path) in str(error.value) for hint in hints)
    assert parts_of(tmp_path)[0] == tmp_path / parts[0]


@pytest.mark.parametrize("names", [("train", "ada"), ("test", "val")])
def test_identities_may_be_called_like_parts(tmp_path, names):
    for name in names:
        write(tmp_path, **{f"{name}__0.jpg": encoded(0), f"{name}__v__1.jpg": encoded(0)})
    assert len(ImageFolder(tmp_path)) == 4


def test_one_folder_too_many_is_said(tmp_path, caplog):
    write(tmp_path, **{f"faces__{name}__0.jpg": encoded(0) for name in ("ada", "bob")})
    assert ImageFolder(tmp_path).class_names == ["faces"]
    assert f"name {tmp_path}/faces" in caplog.text
