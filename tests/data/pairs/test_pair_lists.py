import numpy as np
import pytest
from small_faces import encoded

from framl_keras.data.pairs import PairSet, open_pairs
from framl_keras.errors import UserError

LFW = "2\t2\n" + "".join(
    f"Ann_B\t1\t{n}\nCarl\t1\t2\nAnn_B\t1\tCarl\t{n}\nCarl\t2\tAnn_B\t{n}\n" for n in (2, 3)
)


@pytest.fixture
def folder(tmp_path):
    for person, count in (("Ann_B", 3), ("Carl", 4)):
        for number in range(1, count + 1):
            path = tmp_path / "lfw" / person / f"{person}_{number:04d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded([count, number]))
    return tmp_path


def open_text(folder, text, name="pairs.txt", **options):
    (folder / name).write_text(text)
    (pairs,) = open_pairs(str(folder / name), "set", **options)
    return pairs


def files(pairs):
    keys = [pairs.images[i].key.rsplit("/", 1)[1] for i in range(len(pairs.images))]
    return [(keys[a], keys[b]) for a, b in pairs.pairs]


def test_lfws_list_with_folds(folder):
    pairs = open_text(folder, LFW)
    assert pairs.is_same.tolist() == [True, True, False, False] * 2
    assert pairs.folds.tolist() == [0] * 4 + [1] * 4
    assert files(pairs)[:3] == [
        ("Ann_B_0001.jpg", "Ann_B_0002.jpg"),
        ("Carl_0001.jpg", "Carl_0002.jpg"),
        ("Ann_B_0001.jpg", "Carl_0002.jpg"),
    ]
    assert len(pairs.images) == 6  # each file once
    assert pairs.images[0].image == encoded([3, 1])


@pytest.mark.parametrize("header", ["", "8\n"])
def test_without_folds_and_from_the_folder(folder, header):
    (folder / "pairs.txt").write_text(header + LFW.partition("\n")[2])
    (pairs,) = open_pairs(str(folder), "lfw")
    assert pairs.folds is None
    assert len(pairs) == 8


@pytest.mark.parametrize(
    "line", ["{0} {1} 1\n{0} {2} 0\n", "1 {0} {1}\n-1 {0} {2}\n", "{0}\t{1}\t1\n{0}\t{2}\t0\n"]
)
def test_lists_of_paths_with_the_answer_last_or_first(folder, line):
    names = ("Carl/Carl_0001.jpg", "Carl/Carl_0002.jpg", "Ann_B/Ann_B_0001.jpg")
    pairs = open_text(folder, line.format(*names))
    assert pairs.is_same.tolist() == [True, False]
    assert files(pairs)[1] == ("Carl_0001.jpg", "Ann_B_0001.jpg")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 3\n" + LFW.partition("\n")[2], "announces 2 folds of 6 pairs, but there are 8"),
        ("Ann_B 1 9\n", ":1: no image"),
        ("Ann_B 1 2\nAnn_B x 2\n", ":2: expected `name 1 4`"),
        ("Nobody 1 2\n", "no Nobody in"),
        ("Carl/Carl_0001.jpg Carl/Carl_0002.jpg maybe\n", "the answer 0 or 1 last or first"),
        ("10 300\n", "cannot tell its format|no pairs"),
    ],
)
def test_a_faulty_list_is_named(folder, text, message):
    with pytest.raises(UserError, match=message):
        open_text(folder, text)


@pytest.mark.parametrize(
    ("text", "folds"),
    [
        ("left,right,same\n{0},{1},1\n{0},{2},0\n", None),
        ("same,fold,left,right\ntrue,3,{0},{1}\nFALSE,4,{0},{2}\n", [3, 4]),
        ("{0},{1},same\n{0},{2},different\n", None),
    ],
)
def test_a_table_of_pairs(folder, text, folds):
    names = ("Carl/Carl_0001.jpg", "Carl/Carl_0002.jpg", "Ann_B/Ann_B_0001.jpg")
    pairs = open_text(folder, text.format(*names), "pairs.csv", root=str(folder / "lfw"))
    assert pairs.is_same.tolist() == [True, False]
    assert (None if pairs.folds is None else pairs.folds.tolist()) == folds
    assert files(pairs)[1] == ("Carl_0001.jpg", "Ann_B_0001.jpg")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,b,2", r"pairs\.csv:2: expected same as 0 or 1, not '2'"),
        ("a,b,", "expected same as 0 or 1"),
        ("a,,1", "expected two images"),
        ("a,b", "expected 3 columns"),
        ("a,b,1,x", "expected the number of a fold"),
    ],
)
def test_a_faulty_row_is_named(tmp_path, row, message):
    header = "left,right,same" + (",fold" if row.count(",") == 3 else "")
    with pytest.raises(UserError, match=message):
        open_text(tmp_path, f"{header}\n{row}\n", "pairs.csv")


def test_a_missing_image_names_the_list(tmp_path):
    pairs = open_text(tmp_path, "left,right,same\ngone.jpg,x.jpg,1\n", "pairs.csv")
    with pytest.raises(UserError, match=r"pairs\.csv: cannot read the image .*gone\.jpg"):
        pairs.images[0]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "x.bin", "the file is empty"),
        (b"\x00\x01\x02", "x.dat", "cannot tell its format. Tried bcolz"),
        (b"PK\x03\x04", "x.npz", "ready embeddings"),
        (b"hello\n", "x.txt", "cannot tell its format"),
    ],
)
def test_what_cannot_be_told_says_what_was_tried(tmp_path, content, name, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        open_pairs(str(tmp_path / name), "x")


@pytest.mark.parametrize("location", ["nowhere", "nowhere\0", "x" * 5000])
def test_nothing_there(location):
    with pytest.raises(UserError, match=r"No verification set at nowhere|cannot be read"):
        open_pairs(location, "x")


def test_an_empty_folder(tmp_path):
    with pytest.raises(UserError, match="No verification set in the folder"):
        open_pairs(str(tmp_path), "x")


@pytest.fixture
def cfp(tmp_path):
    """Two people, two frontal images and one profile each, in CFP's arrangement."""
    root = tmp_path / "cfp-dataset"
    (root / "Protocol").mkdir(parents=True)
    for side, kind, count in (("F", "frontal", 2), ("P", "profile", 1)):
        lines = []
        for person in ("001", "002"):
            for number in range(1, count + 1):
                path = f"Data/Images/{person}/{kind}/{number:02d}.jpg"
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(path.encode())
                lines.append(f"{len(lines) + 1} ../{path}")
        (root / "Protocol" / f"Pair_list_{side}.txt").write_text("\n".join(lines) + "\n")
    for fold, (same, different) in {"01": ("1,1", "1,2"), "02": ("4,2", "3,1")}.items():
        split = root / "Protocol/Split/FP" / fold
        split.mkdir(parents=True)
        (split / "same.txt").write_text(same + "\n")
        (split / "diff.txt").write_text(different + "\n")
    return root


@pytest.mark.parametrize("place", [".", "Protocol"])
def test_cfps_own_protocol(cfp, place):
    (pairs,) = open_pairs(str(cfp / place), "cfp")
    assert pairs.name == "cfp_fp"
    assert pairs.is_same.tolist() == [True, False, True, False]
    assert pairs.folds.tolist() == [0, 0, 1, 1]
    seen = [[pairs.images[at].image.decode()[12:] for at in pair] for pair in pairs.pairs]
    assert seen == [
        ["001/frontal/01.jpg", "001/profile/01.jpg"],
        ["001/frontal/01.jpg", "002/profile/01.jpg"],
        ["002/frontal/02.jpg", "002/profile/01.jpg"],
        ["002/frontal/01.jpg", "001/profile/01.jpg"],
    ]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Split/FP/02/diff.txt", "9,1", r"diff\.txt:1: expected two numbers of the lists"),
        ("Split/FP/02/diff.txt", "1", r"diff\.txt:1: expected two numbers of the lists"),
        ("Pair_list_P.txt", "1", r"Pair_list_P\.txt:1: expected a number and a path"),
    ],
)
def test_a_damaged_protocol_is_named(cfp, file, text, message):
    (cfp / "Protocol" / file).write_text(text)
    with pytest.raises(UserError, match=message):
        open_pairs(str(cfp), "cfp")


@pytest.mark.parametrize(
    ("pairs", "is_same", "message"),
    [
        (np.zeros((2, 3), int), np.ones(2, bool), r"expected pairs of shape \(n, 2\)"),
        (np.zeros((2, 2), int), np.ones(3, bool), "2 pairs but 3 answers"),
        (np.array([[0, 4]]), np.ones(1, bool), "names image 4 of 4"),
        (np.array([[-1, 0]]), np.ones(1, bool), "Expected positions within"),
    ],
)
def test_a_pair_set_fits_together(pairs, is_same, message):
    with pytest.raises(UserError, match=message):
        PairSet("x", [None] * 4, pairs, is_same)


def test_lfws_list_says_who_is_in_its_images_and_lists_of_paths_do_not(folder):
    pairs = open_text(folder, LFW)
    names = [pairs.images[row].key.rsplit("/", 2)[1] for row in range(len(pairs.images))]
    labels = [pairs.images[row].label for row in range(len(pairs.images))]
    assert sorted(set(zip(names, labels, strict=True))) == [("Ann_B", 0), ("Carl", 1)]
    listed = open_text(folder, "Carl/Carl_0001.jpg Carl/Carl_0002.jpg 1\n", "listed.txt")
    assert [listed.images[row].label for row in range(2)] == [-1, -1]
