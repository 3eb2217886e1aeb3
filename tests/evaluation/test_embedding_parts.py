"""Parts of a list of images, encoded by different processes, give the bytes of one."""

import keras
import numpy as np
import pytest

from framl_keras import Embedder, encode_part, merge_parts
from framl_keras.data.atomic import write_beside
from framl_keras.data.parts import Part, part_of
from framl_keras.errors import UserError
from framl_keras.evaluation.embeddings import Embeddings


@pytest.fixture(scope="module")
def embedder():
    keras.utils.set_random_seed(0)
    pixels = keras.Input((16, 16, 3))
    features = keras.layers.Conv2D(8, 3, strides=2)(keras.layers.Rescaling(1 / 255)(pixels))
    return Embedder(keras.Model(pixels, keras.layers.Dense(6)(keras.layers.Flatten()(features))))


@pytest.fixture
def images(monkeypatch):
    """Five batches, of which two can be listed at a time; two images cannot be read."""
    monkeypatch.setattr("framl_keras.embedder.READ_AHEAD", 130)
    rng = np.random.default_rng(0)
    found = list(rng.integers(0, 256, (300, 16, 16, 3)).astype(np.uint8))
    found[3] = found[270] = b"no image"
    return found


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_parts_have_the_bytes_of_one_process(embedder, images, tmp_path, count):
    whole = Embedder(embedder.model).encode(images, on_error="skip")
    for index in range(count, 0, -1):  # each by an embedder of its own, as in processes
        embedder = Embedder(embedder.model)
        assert encode_part(embedder, images, tmp_path / "x.npy", (index, count)).is_new

    merged = merge_parts(tmp_path / "x.npy")

    assert merged.vectors.tobytes() == whole.vectors.tobytes()
    assert (merged.names, dict(merged.left_out)) == (whole.names, dict(whole.left_out))
    assert len(merged.left_out) == 2


def test_a_part_that_is_there_is_not_encoded_again(embedder, images, tmp_path):
    written = encode_part(embedder, images, tmp_path / "x.npy", (1, 2))
    before = written.file.stat().st_mtime_ns
    again = encode_part(embedder, images, tmp_path / "x.npy", (1, 2))
    assert (written.is_new, again.is_new) == (True, False)
    assert list(written.left_out) == list(again.left_out) == ["image 3 (bytes)"]
    assert written.file.stat().st_mtime_ns == before


def test_a_part_that_was_stopped_is_written_whole_the_next_time(
    embedder, images, tmp_path, monkeypatch
):
    def stopped(*paths):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", stopped)
        with pytest.raises(KeyboardInterrupt):
            encode_part(embedder, images, tmp_path / "x.npy", (1, 1))
    assert encode_part(embedder, images, tmp_path / "x.npy", (1, 1)).is_new
    assert len(merge_parts(tmp_path / "x.npy")) == 298


def test_parts_of_other_settings_are_not_mixed(embedder, images, tmp_path):
    encode_part(embedder, images, tmp_path / "x.npy", (1, 2))
    with pytest.raises(UserError, match="made with other settings: fused was True, is False"):
        encode_part(embedder, images, tmp_path / "x.npy", (1, 2), fused=False)
    encode_part(embedder, images, tmp_path / "x.npy", (2, 2), fused=False)
    with pytest.raises(UserError, match="other settings"):
        merge_parts(tmp_path / "x.npy")


def cut_short(folder):
    file = folder / "part-00002-of-00003.npz"
    file.write_bytes(file.read_bytes()[:-40])


DAMAGE = {
    "one is missing": (
        lambda f: (f / "part-00002-of-00003.npz").unlink(),
        "1 of 3 parts are",
    ),
    "one is damaged": (cut_short, "part-00002-of-00003.npz: damaged"),
    "of two counts": (lambda f: (f / "part-00001-of-00004.npz").touch(), "parts of 3 and of 4"),
    "none": (lambda f: [file.unlink() for file in f.iterdir()], "no parts"),
}


@pytest.mark.parametrize(("harm", "message"), DAMAGE.values(), ids=DAMAGE)
def test_what_is_not_whole_is_not_merged(embedder, images, tmp_path, harm, message):
    for index in (1, 2, 3):
        encode_part(embedder, images, tmp_path / "x.npy", (index, 3))
    harm(tmp_path / "x.npy.parts")
    with pytest.raises(UserError, match=message):
        merge_parts(tmp_path / "x.npy")


def test_every_image_is_in_one_part():
    for images, count in [(0, 3), (10, 1), (100, 7), (97, 50)]:
        shares = [Part(i, count).within(images, 10) for i in range(1, count + 1)]
        assert [n for share in shares for n in range(images)[share]] == list(range(images))


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "0/0", "a/b", "-1/4", "1/4/2"])
def test_what_is_no_part(text):
    with pytest.raises(UserError, match="--part: expected i/n"):
        part_of(text)


@pytest.mark.parametrize("replaced", [1, 2])
def test_a_killed_save_leaves_no_vectors_beside_other_names(tmp_path, monkeypatch, replaced):
    """Stopped at the first or second of its two renames."""
    old = Embeddings(np.zeros((2, 3), np.float32), ["old 0", "old 1"])
    new = Embeddings(np.ones((2, 3), np.float32), ["new 0", "new 1"])
    old.save(tmp_path / "x.npy")
    calls, replace = [], write_beside.__wrapped__.__globals__["os"].replace

    def stopped(*paths):
        calls.append(paths)
        if len(calls) == replaced:
            raise KeyboardInterrupt
        replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", stopped)
        with pytest.raises(KeyboardInterrupt):
            new.save(tmp_path / "x.npy")

    names = (tmp_path / "x.json").read_text() if (tmp_path / "x.json").exists() else ""
    vectors = np.load(tmp_path / "x.npy")
    assert not (vectors.any() and "old" in names)
    assert vectors.any() or "new" not in names
