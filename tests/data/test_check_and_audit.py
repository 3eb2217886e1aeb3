import cv2
import numpy as np
import pytest
from small_faces import encoded, picture

from framl_keras.data.auditing import TestImages, audit, format_audit, open_test_images
from framl_keras.data.auditing.audit import NearSearch
from framl_keras.data.auditing.perceptual_hash import distances, perceptual_hash
from framl_keras.data.checking import check_source, format_report, save_contact_sheet
from framl_keras.data.checking.check import check_batches
from framl_keras.data.checking.contact_sheet import arrange
from framl_keras.data.checking.report import images_per_class
from framl_keras.data.decode import decode
from framl_keras.data.sources import ImageFolder, OrlFaces, People, Sample, Source, open_source
from framl_keras.data.view import View
from framl_keras.errors import UserError


@pytest.fixture
def troubled(face_folder, tmp_path):
    """The faces with a duplicate in each of two people, a damaged file and an odd size."""
    import shutil

    root = shutil.copytree(face_folder, tmp_path / "troubled")
    (root / "ada" / "copy.jpg").write_bytes((root / "ada" / "0.jpg").read_bytes())
    (root / "bob" / "stolen.png").write_bytes((root / "ada" / "1.png").read_bytes())
    (root / "bob" / "broken.jpg").write_bytes(encoded(0)[:100])
    (root / "bob" / "large.jpg").write_bytes(encoded(9, ".jpg", 48))
    return root


def check(root, monkeypatch, **options):
    monkeypatch.setattr("framl_keras.data.checking.check._SECONDS", 0.1)
    source = ImageFolder(root)
    return check_source(source, "faces", check_batches(source, View(16), 0), **options)


def test_check_finds_all_trouble(troubled, monkeypatch):
    report = check(troubled, monkeypatch)
    assert (report.images, report.classes, report.checked) == (16, 4, 16)
    assert report.per_class == {"fewest": 3, "median": 3.5, "mean": 4.0, "most": 6}
    assert report.histogram == [(2, 3, 2), (4, 7, 2)]
    assert report.sizes == {"24x24": 14, "48x48": 1}
    (unreadable,) = report.unreadable
    assert unreadable.startswith(str(troubled / "bob" / "broken.jpg"))
    names = [[key.removeprefix(f"{troubled}/") for key in group] for group in report.duplicates]
    assert names == [["ada/0.jpg", "ada/copy.jpg"], ["ada/1.png", "bob/stolen.png"]]
    assert report.mislabeled == 1
    assert report.images_per_second > 0
    text = format_report(report)
    for part in ("unreadable: 1", "same bytes: 2", "24x24 (14)", "1 groups of equal images span"):
        assert part in text


def test_check_of_a_sample_looks_at_as_many(troubled, monkeypatch):
    assert check(troubled, monkeypatch, sample=5).checked == 5
    assert check(troubled, monkeypatch, sample=500).checked == 16


def test_check_of_nothing_readable_ends(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"x")
    report = check(tmp_path, monkeypatch)
    assert (len(report.unreadable), report.images_per_second) == (1, 0.0)
    assert "unreadable: 1" in format_report(report)


def test_ranges_of_images_per_class_double():
    labels = np.repeat(np.arange(7), [0, 1, 2, 3, 4, 7, 8])
    seen = images_per_class(labels, 7)["histogram"]
    assert seen == [(0, 0, 1), (1, 1, 1), (2, 3, 2), (4, 7, 2), (8, 15, 1)]


def test_a_contact_sheet_holds_every_image_pixel_for_pixel(tmp_path):
    images = np.stack([picture(n, 40) for n in range(7)])
    sheet, corners = arrange(images, columns=3)
    path = tmp_path / "sheet.png"
    save_contact_sheet(
        images, ["ada", "$x_1$", "Zoë", "a long name indeed", "b\n", "c", "d"], path, 3
    )
    drawn = cv2.imread(str(path))[..., ::-1]
    assert drawn.shape == sheet.shape
    for image, (top, left) in zip(images, corners, strict=True):
        assert np.array_equal(drawn[top : top + 40, left : left + 40], image)
        below = drawn[top + 40 : top + 56, left : left + 40]
        assert below.min() < 128  # a label stands there


def reencoded(image, quality, side):
    pixels = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


class Images(Source):
    def __init__(self, images, names=("1",)):
        self.images, self.class_names = images, list(names)
        self.labels = np.zeros(len(images), int)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return Sample(self.images[index], 0, f"image {index}")


@pytest.fixture(scope="module")
def faces():
    source = OrlFaces()
    return [decode(source[i]) for i in range(0, 400, 3)]


@pytest.mark.parametrize("kind", ["equal", "near", "mirrored"])
def test_audit_finds_a_leak_and_nothing_else(faces, kind):
    train, held_out = faces[:100], faces[100:]
    leaked = {
        "equal": [train[7], train[42].copy()],
        "near": [reencoded(train[7], 50, 80), reencoded(train[42], 90, 160)],
        "mirrored": [
            np.ascontiguousarray(train[7][:, ::-1]),
            reencoded(train[42][:, ::-1], 80, 92),
        ],
    }[kind]
    report = audit(Images(train), TestImages([Images(held_out), Images(leaked)], []))
    assert report.leaked == len(report.matches) == 2 or kind == "equal"
    assert {match.train for match in report.matches} == {"image 7", "image 42"}
    assert {match.kind for match in report.matches} == {kind}
    assert (report.train_images, report.test_images) == (100, len(held_out) + 2)
    assert f"{report.leaked} (" in format_audit(report)


def test_other_shots_of_a_person_are_no_leak(faces):
    report = audit(Images(faces[0::2]), TestImages([Images(faces[1::2])], []))
    assert report.matches == []


def test_audit_names_shared_identities_whatever_their_spelling(faces):
    train = Images(faces[:2], ["Ada Lovelace", "Bob", "17", "Zoë"])
    report = audit(train, TestImages([Images(faces[2:4])], ["ada_lovelace", "17", "carl", "ZOË"]))
    assert report.identities == ["ada_lovelace", "ZOË"]
    assert "2 names are in both" in format_audit(report)


def test_audit_goes_on_past_what_it_cannot_read(faces):
    report = audit(Images([faces[0], b"x"]), TestImages([Images([b"y", faces[0]])], ["1"]))
    assert not report.clean
    assert len(report.unreadable) == 2
    assert report.leaked == 1
    assert "do not name them" in format_audit(report)


def test_near_search_misses_nothing_that_comparing_all_with_all_finds():
    rng = np.random.default_rng(0)
    known = rng.integers(0, 2**64, (300, 4), dtype=np.uint64)
    queries = known[rng.integers(0, 300, 200)].copy()
    for row, flips in enumerate(rng.integers(0, 25, 200)):
        for bit in rng.choice(256, flips, replace=False):
            queries[row, bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    every = np.array(
        [
            [bin(int(a ^ b)).count("1") for a, b in zip(q, k, strict=True)]
            for q in queries
            for k in known
        ]
    )
    bits = every.sum(axis=1).reshape(200, 300)
    expected = {(int(q), int(k), int(bits[q, k])) for q, k in np.argwhere(bits <= 15)}
    assert {tuple(row) for row in NearSearch(known).near(queries).tolist()} == expected
    assert 80 < len(expected) < 200


def test_the_hash_survives_light_scaling_and_compression(faces):
    for face in faces[:20]:
        plain = perceptual_hash(face)
        brighter = np.clip(face * 0.9 + 12, 0, 255).astype(np.uint8)
        again = decode(Sample(reencoded(face, 60, 100), 0, ""))
        seen = distances(
            np.stack([plain] * 2), np.stack([perceptual_hash(i) for i in (brighter, again)])
        )
        assert seen.max() <= 15


def test_what_is_tested_on_may_be_pairs_or_a_source(face_folder, tmp_path):
    people = face_folder
    assert sorted(open_test_images(str(people)).names) == ["Zoë 10", "Zoë 9", "ada", "bob"]
    (tmp_path / "pairs.csv").write_text(
        f"left,right,same\n{people}/ada/0.jpg,{people}/bob/0.jpg,0\n"
    )
    tested = open_test_images(str(tmp_path / "pairs.csv"))
    assert (tested.names, len(tested.parts[0])) == (["ada", "bob"], 2)
    with pytest.raises(UserError, match=r"No verification set at nowhere"):
        open_test_images("nowhere")


def test_halves_of_orl_share_nobody():
    source = open_source("orl")
    train, test = People(source, range(4)), People(source, range(4, 8))
    report = audit(train, TestImages([test], list(test.class_names)))
    assert (report.leaked, report.identities) == (0, [])


BROKEN = b"\xff\xd8\xff no image"


@pytest.mark.parametrize(
    ("train", "test"),
    [(0, 1), (0, 2), (0, 4), (1, 0), (4, 0), (4, 4)],
    ids=lambda count: f"{count} of 4",
)
def test_an_audit_that_could_not_compare_all_does_not_end_well(tmp_path, capsys, train, test):
    from framl_keras.cli import main

    for name, broken, seed in (("train", train, 0), ("test", test, 50)):
        for number in range(4):
            path = tmp_path / name / f"{name}{number % 2}" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(BROKEN if number < broken else encoded(seed + number))
    with pytest.raises(SystemExit) as end:
        main(["data", "audit", str(tmp_path / "train"), str(tmp_path / "test")])
    said = capsys.readouterr().out
    assert end.value.code == 1
    assert f"{test} of 4 test images and {train} of 4 training images could not be read" in said
    assert ("none of 4 test images could be compared" in said) == (test == 4)
