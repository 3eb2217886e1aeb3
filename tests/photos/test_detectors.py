import cv2
import numpy as np
import pytest
from photos.moved_photos import perturbed

from framl_keras.errors import UserError
from framl_keras.photos import Detector, Face, LandmarksTable, YuNet, choose, open_detector
from framl_keras.photos.scrfd import decode_scrfd, without_overlaps

HEADER = "photo,x1,y1,x2,y2,x3,y3,x4,y4,x5,y5\n"
POINTS = "30,40,60,40,45,55,33,75,57,75"


def test_yunet_finds_one_face_in_each_photo(orl, yunet):
    assert [len(yunet.detect(photo)) for photo in orl] == [1] * len(orl)


def test_landmarks_come_in_the_templates_order(orl, yunet):
    points = np.stack([yunet.detect(photo)[0].landmarks for photo in orl])
    left_eye, right_eye, nose, left_corner, right_corner = points.transpose(1, 0, 2)

    assert (left_eye[:, 0] < right_eye[:, 0]).all()
    assert (left_corner[:, 0] < right_corner[:, 0]).all()
    assert (left_eye[:, 1] < nose[:, 1]).all()
    assert (nose[:, 1] < left_corner[:, 1]).all()


@pytest.mark.parametrize(
    ("degrees", "scale"), [(0, 1), (15, 1), (-30, 1), (30, 2), (0, 0.8), (-15, 9)]
)
def test_landmarks_follow_a_photo_that_is_turned_and_scaled(orl, yunet, degrees, scale):
    off = []
    for photo in orl[::5]:
        moved, matrix = perturbed(photo, degrees, scale, shift=(7, -5))
        upright, face = yunet.detect(photo)[0], yunet.detect(moved)[0]
        wanted = upright.moved(matrix)
        off.append(np.linalg.norm(face.landmarks - wanted.landmarks, axis=1).mean()
                   / wanted.eye_distance)  # fmt: skip

    assert max(off) < 0.1


def test_all_faces_of_a_group_are_found(orl, yunet):
    rows = [np.concatenate(orl[first : first + 3], axis=1) for first in (0, 3)]
    group = cv2.resize(np.concatenate(rows), None, fx=3, fy=3)

    assert len(yunet.detect(group)) == 6


def test_faces_are_chosen_by_size_place_or_score():
    faces = [
        Face((0, 0, 50, 50), 0.7, np.zeros((5, 2))),
        Face((45, 45, 10, 10), 0.8, np.zeros((5, 2))),
        Face((80, 80, 15, 15), 0.9, np.zeros((5, 2))),
    ]

    chosen = {name: choose(faces, name, 100, 100) for name in ("largest", "center", "best", "all")}

    assert chosen == {
        "largest": [faces[0]], "center": [faces[1]], "best": [faces[2]], "all": faces,
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"no onnx", b"\x08\x07" * 500])
def test_a_damaged_detector_is_one_line(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)

    with pytest.raises(UserError, match=r"broken\.onnx: not a face detector") as caught:
        YuNet(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("photo,x,y\na.jpg,1,2\n", "no column x1"),
        ("", "no column photo"),
        (HEADER + "a.jpg,1,2,3\n", "2: landmarks that are no numbers"),
        (HEADER.replace("y5", "y5,x1") + "a.jpg,1\n", "2 columns are called 'x1'"),
        (HEADER + "a.jpg," + POINTS.replace("30", "nan") + "\n", "not finite"),
        (HEADER + "a.jpg," + POINTS.replace("30", "9000") + "\n", "outside the photo of 92 x 112"),
        ("\udcff", "not a CSV in UTF-8"),
    ],
)
def test_a_table_of_landmarks_is_checked(tmp_path, orl, table, said):
    path = tmp_path / "marks.csv"
    path.write_text(table, encoding="utf-8", errors="surrogateescape")

    with pytest.raises(UserError, match=said):
        LandmarksTable(path).detect(orl[0], "a.jpg")


def test_a_table_gives_the_faces_of_a_photo_below_its_root(tmp_path, orl):
    (tmp_path / "marks.csv").write_text(HEADER + f"in/a.jpg,{POINTS}\nin/a.jpg,{POINTS}\n")
    table = open_detector(str(tmp_path / "marks.csv"), tmp_path)

    assert isinstance(table, Detector)
    assert len(table.detect(orl[0], str(tmp_path / "in" / "a.jpg"))) == 2
    assert table.detect(orl[0], "b.jpg") == []


@pytest.mark.parametrize("text", ["yolo", "scrfd", "yunet:", "scrfd:missing.onnx"])
def test_unknown_detectors_say_what_is_expected(text):
    with pytest.raises(UserError, match=r"Expected|onnxruntime"):
        open_detector(text)


def test_scrfd_s_outputs_are_read_as_its_authors_lay_them_out():
    side, (row, column), stride = 64, (2, 3), 16
    cells = {s: (side // s) ** 2 * 2 for s in (8, 16, 32)}
    scores, boxes, points = (
        [np.zeros((cells[s], width), np.float32) for s in (8, 16, 32)] for width in (1, 4, 10)
    )
    place = (row * (side // stride) + column) * 2 + 1  # the second anchor there
    scores[1][place], boxes[1][place] = 0.9, [1, 2, 3, 4]
    points[1][place] = np.arange(10) / 10

    (face,) = decode_scrfd([*scores, *boxes, *points], side, 0.5)

    assert face.box == (48 - 16, 32 - 32, 64, 96)
    np.testing.assert_allclose(face.landmarks[4], [48 + 0.8 * 16, 32 + 0.9 * 16], rtol=1e-6)
    weaker = Face((33, 1, 64, 96), 0.6, face.landmarks)
    assert without_overlaps([weaker, face], 0.4) == [face]
