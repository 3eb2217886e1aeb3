import shutil

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from photos.moved_photos import perturbed

from framl_keras.cli.align import command
from framl_keras.errors import UserError
from framl_keras.photos import AlignOptions, align, align_folder
from framl_keras.photos.align_folder import TABLE


@pytest.fixture
def photos(tmp_path, orl):
    """Six photos with a face in two folders, one without, one that is no image."""
    root = tmp_path / "photos"
    for number, photo in enumerate(orl[:6]):
        moved, _ = perturbed(photo, degrees=5 * number, scale=2)
        path = root / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), moved[:, :, ::-1])
    cv2.imwrite(str(root / "a" / "sky.png"), np.full((90, 120, 3), 200, np.uint8))
    (root / "a" / "cut.jpg").write_bytes((root / "a" / "0.jpg").read_bytes()[:500])
    return root


def tree(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_tree_of_photos_becomes_a_tree_of_faces(tmp_path, photos, yunet):
    summary = align_folder(photos, tmp_path / "faces", yunet)

    assert summary.counts == {"aligned": 6, "no face": 1, "unreadable": 1}
    assert summary.examples == {"no face": ["a/sky.png"], "unreadable": ["a/cut.jpg"]}
    images = sorted(tree(tmp_path / "faces"))
    assert images == ["a/0.png", "a/2.png", "a/4.png", TABLE, "alignment.json",
                      "b/1.png", "b/3.png", "b/5.png"]  # fmt: skip
    assert cv2.imread(str(tmp_path / "faces/a/0.png")).shape == (112, 112, 3)


def test_going_on_after_a_kill_gives_the_same_bytes(tmp_path, photos, yunet):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    align_folder(photos, whole, yunet, jobs=2)
    align_folder(photos, cut, yunet)
    table = (cut / TABLE).read_bytes()
    (cut / TABLE).write_bytes(table[: len(table) * 2 // 3])  # torn within a line
    (cut / "a/2.png").unlink()
    shutil.rmtree(cut / "b")

    align_folder(photos, cut, yunet)

    rows = {name: sorted(tree(folder)[TABLE].splitlines()) for name, folder in
            (("whole", whole), ("cut", cut))}  # fmt: skip
    assert rows["whole"] == rows["cut"]
    assert {k: v for k, v in tree(whole).items() if k != TABLE} == {
        k: v for k, v in tree(cut).items() if k != TABLE
    }


def test_other_settings_are_not_mixed_in(tmp_path, photos, yunet):
    align_folder(photos, tmp_path / "faces", yunet)

    with pytest.raises(UserError, match=r"other settings \(size\)"):
        align_folder(photos, tmp_path / "faces", yunet, AlignOptions(size=96))
    align_folder(photos, tmp_path / "faces", yunet, AlignOptions(size=96), overwrite=True)
    assert cv2.imread(str(tmp_path / "faces/a/0.png")).shape == (96, 96, 3)


def test_the_middle_is_kept_where_no_face_is_found(tmp_path, photos, yunet):
    summary = align_folder(photos, tmp_path / "faces", yunet, AlignOptions(keep=True))

    assert summary.counts["kept"] == 1
    assert (cv2.imread(str(tmp_path / "faces/a/sky.png")) == 200).all()


def test_names_that_differ_in_the_suffix_alone_stay_apart(tmp_path, photos, yunet):
    image = cv2.imread(str(photos / "a/0.jpg"))
    cv2.imwrite(str(photos / "a/0.png"), image)

    align_folder(photos, tmp_path / "faces", yunet)

    assert {"a/0.jpg.png", "a/0.png.png"} <= tree(tmp_path / "faces").keys()


def test_a_table_corrected_by_hand_aligns_as_it_says(tmp_path, photos, yunet):
    align_folder(photos, tmp_path / "faces", yunet)
    table, again = tmp_path / "faces" / TABLE, tmp_path / "again"
    arguments = [str(photos), str(again), "--detector", str(table), "--jobs", "1"]

    done = CliRunner().invoke(command, [*arguments, "--sheet", str(tmp_path / "sheet.png")])

    assert "6 photos aligned" in done.output, done.output
    before, after = (tree(folder) for folder in (tmp_path / "faces", again))
    assert [before[name] == after[name] for name in before if name.endswith(".png")] == [True] * 6
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None


def test_alignment_undoes_what_moved_a_photo(orl, yunet):
    for photo in orl[:4]:
        moved, _ = perturbed(photo, degrees=20, scale=3, shift=(9, 9))
        plain, other = (
            align(image, yunet, border="replicate")[0].image for image in (photo, moved)
        )
        middle = np.s_[24:88, 24:88]  # beyond lies what the turn brought in

        assert np.corrcoef(plain[middle].ravel(), other[middle].ravel())[0, 1] > 0.75
