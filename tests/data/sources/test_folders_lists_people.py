import numpy as np
import pytest
from small_faces import encoded

from framl_keras.data.sources import (
    ImageFolder,
    ImageList,
    OrlFaces,
    People,
    SyntheticFaces,
    SyntheticOptions,
)
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.errors import UserError


def test_folder_names_are_classes_in_natural_order(face_folder):
    source = ImageFolder(face_folder)
    assert source.class_names == ["Zoë 9", "Zoë 10", "ada", "bob"]
    assert source.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert source[8].key == str(face_folder / "ada" / "2.bmp")
    assert source[8].image == encoded([0, 2], ".bmp")
    assert source.path_of(8) == face_folder / "ada" / "2.bmp"


def test_what_is_hidden_or_no_image_is_passed_over(tmp_path):
    for name in ("a/1.jpg", "a/.hidden.jpg", "a/notes.txt", ".git/1.jpg", "empty/readme"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "a" / "folder.jpg").mkdir()
    source = ImageFolder(tmp_path)
    assert (source.class_names, len(source)) == (["a"], 1)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: (path / "a").mkdir()])
def test_an_empty_folder_is_refused(tmp_path, make):
    make(tmp_path)
    with pytest.raises(UserError, match=r"No images in the sub-folders of .*<identity>/<image>"):
        ImageFolder(tmp_path)


def test_an_image_that_vanished_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"x")
    source = ImageFolder(tmp_path)
    (tmp_path / "a" / "1.jpg").unlink()
    with pytest.raises(UserError, match=r"a/1\.jpg: No such file"):
        source[0]


def test_orl_has_forty_people_of_ten_images():
    source = OrlFaces()
    assert np.bincount(source.labels).tolist() == [10] * 40
    assert source.class_names[:3] == ["s1", "s2", "s3"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["s10", "s2", "s1"], ["s1", "s2", "s10"]),
        (["007", "7", "07", "8"], ["007", "07", "7", "8"]),
        (["1.10.2", "1.9.30", "1.9.4"], ["1.9.4", "1.9.30", "1.10.2"]),
        (["b", "a1", "a", ""], ["", "a", "a1", "b"]),
        (["9" * 5000, "1" + "0" * 5000], ["9" * 5000, "1" + "0" * 5000]),
    ],
)
def test_natural_order(names, expected):
    assert sorted(names, key=natural_key) == expected


@pytest.fixture
def images(tmp_path):
    for name in ("1.jpg", "sub/2.jpg", "3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "1.jpg,p10\nsub/2.jpg,p9\n3.jpg,p10\n",
        "\ufeffpath,label\n1.jpg,p10\nsub/2.jpg,p9\n\n3.jpg,p10",
        "age\tlabel\tIMAGE\r\n4\tp10\t1.jpg\r\n5\tp9\tsub/2.jpg\r\n6\tp10\t3.jpg\r\n",
        '"1.jpg","p10"\n"sub/2.jpg", p9\n3.jpg,p10,more\n',
    ],
)
def test_lists_with_commas_tabs_headers_and_quotes(images, text):
    (images / "list.csv").write_text(text, encoding="utf-8", newline="")
    source = ImageList(images / "list.csv")
    assert (source.class_names, source.labels.tolist()) == (["p9", "p10"], [1, 0, 1])
    assert [source[i].image for i in range(3)] == [b"1.jpg", b"sub/2.jpg", b"3.jpg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.jpg,a\n3.jpg,\n", ":2: expected a path and a label. Received: '3.jpg', ''"),
        ("1.jpg,a\n3.jpg\n", ":2: expected 2 columns (path, label), not 1"),
        ("path,label\n", "column names but no rows"),
        ("\n \n", "empty"),
        ('1.jpg,"a\n', "not a table"),
        ("1.jpg,a\0\n", "zero bytes"),
    ],
)
def test_a_faulty_line_is_named(images, text, message):
    (images / "list.csv").write_text(text)
    with pytest.raises(UserError, match=r"list\.csv") as error:
        ImageList(images / "list.csv")
    assert message in str(error.value)


def test_text_that_is_not_utf_8_is_refused(images):
    (images / "list.csv").write_bytes(b"1.jpg,\xff\xfe\n")
    with pytest.raises(UserError, match="not text in UTF-8"):
        ImageList(images / "list.csv")


def test_a_missing_image_names_its_line(images):
    (images / "list.csv").write_text("1.jpg,a\ngone.jpg,b\n")
    with pytest.raises(UserError, match=r"list\.csv:2: cannot read the image .*gone\.jpg"):
        ImageList(images / "list.csv")[1]


def test_synthetic_faces_do_not_change_and_differ_by_person_and_shot():
    options = SyntheticOptions(people=3, images=2, size=32, seed=5)
    source, again = SyntheticFaces(options), SyntheticFaces(options)
    pixels = [source[i].image for i in range(6)]
    assert all(np.array_equal(pixels[i], again[i].image) for i in reversed(range(6)))
    assert len({image.tobytes() for image in pixels}) == 6
    assert source.labels.tolist() == [0, 0, 1, 1, 2, 2]
    other = SyntheticFaces(SyntheticOptions(people=3, images=2, size=32, seed=6))
    assert not np.array_equal(other[0].image, pixels[0])


@pytest.mark.parametrize("kind", ["faces", "textures"])
@pytest.mark.parametrize("channels", [1, 3])
def test_synthetic_images_of_other_shapes(kind, channels):
    location = f"synthetic:kind={kind},people=2,images=3,size=48,width=20,channels={channels}"
    source = SyntheticFaces(SyntheticOptions.parse(location))
    images = [source[index].image for index in range(6)]
    assert {image.shape for image in images} == {(48, 20, 3)}
    assert len({image.tobytes() for image in images}) == 6
    is_gray = all((image == image[..., :1]).all() for image in images)
    assert is_gray == (channels == 1)
    assert min(image.std() for image in images) > 5


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("synthetic:kind=dogs", "expected kind faces or textures, not 'dogs'"),
        ("synthetic:channels=2", "expected channels 1 or 3"),
        ("synthetic:width=8", "expected width from 16 to 4096"),
        ("synthetic:peple=3", "did you mean people?"),
        ("synthetic:people=0", "expected people from 1 to"),
        ("synthetic:size=1e9", "expected size from 16 to 4096"),
        ("synthetic:people=99999999999999", "expected people from 1 to"),
        ("synthetic:people", "expected people from 1"),
    ],
)
def test_a_faulty_synthetic_location(location, message):
    with pytest.raises(UserError) as error:
        SyntheticOptions.parse(location)
    assert message in str(error.value)


def test_people_are_chosen_and_relabeled(face_folder):
    source = ImageFolder(face_folder)
    chosen = People(source, [1, 2])
    assert chosen.class_names == ["Zoë 10", "ada"]
    assert chosen.labels.tolist() == [0, 0, 0, 1, 1, 1]
    others = People(source, [0, 3])
    assert others.class_names == ["Zoë 9", "bob"]
    assert others[3] == source[9]._replace(label=1)
    assert others.path_of(3) == source.path_of(9)


def test_nobody_chosen_is_refused(face_folder):
    with pytest.raises(UserError, match="No people chosen"):
        People(ImageFolder(face_folder), [])
