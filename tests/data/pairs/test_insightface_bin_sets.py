import io
import os
import pickle
import pickletools

import numpy as np
import pytest
from small_faces import encoded

from framl_keras.data.decode import decode
from framl_keras.data.pairs import open_pairs
from framl_keras.errors import UserError
from framl_keras.untrusted.plain_pickle import RefusedPickleError, load_plain

IMAGES = [encoded(n) for n in range(6)]
SAME = [True, False, True]
FORMS = {
    "bytes": (IMAGES, SAME),
    "arrays": ([np.frombuffer(image, np.uint8) for image in IMAGES], SAME),
    "numpy bools": (IMAGES, [np.bool_(same) for same in SAME]),
    "array of answers": (IMAGES, np.array(SAME)),
    "integers": ([bytearray(image) for image in IMAGES], [1, 0, 1]),
    "lists": [IMAGES, SAME],
}


def write(tmp_path, content):
    path = tmp_path / "lfw.bin"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("form", FORMS)
def test_every_protocol_and_form(tmp_path, protocol, form):
    location = write(tmp_path, pickle.dumps(FORMS[form], protocol=protocol))
    (pairs,) = open_pairs(location, "lfw")
    assert [sample.image for sample in pairs.images] == IMAGES
    assert pairs.is_same.tolist() == SAME
    assert pairs.images[5].key == f"{location}#5"
    assert decode(pairs.images[5]).shape == (24, 24, 3)


def test_what_python_2_wrote(tmp_path):
    """Python 2 pickled `str`, which are bytes, as BINSTRING."""
    image = b"U" + bytes([4]) + b"\xff\xd8\xff\x80"
    location = write(tmp_path, b"\x80\x02](" + image + image + b"e](\x88e\x86.")
    (pairs,) = open_pairs(location, "lfw")
    assert [s.image for s in pairs.images] == [b"\xff\xd8\xff\x80"] * 2


def test_what_python_2_wrote_by_default(tmp_path):
    """Protocol 0 is text: `repr` of each string, and numbers in decimal."""
    image = rb"S'\xff\xd8\'\n\x80'" + b"\np%d\na"
    written = b"((lp0\n" + image % 1 + image % 2 + b"(lp3\nI01\natp4\n."
    (pairs,) = open_pairs(write(tmp_path, written), "lfw")
    assert [s.image for s in pairs.images] == [b"\xff\xd8'\n\x80"] * 2
    assert pairs.is_same.tolist() == [True]


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps((IMAGES, SAME))[:-40],
        pickle.dumps((IMAGES, SAME), 0)[:-9],
        b"(lp0\nS'no end\na.",
        b"(lp0\nI" + b"9" * 5000 + b"\na.",
        b"(lg7\n.",
        b"\x80\x02\xfe.",
    ],
)
def test_damage_is_one_sentence(tmp_path, data):
    with pytest.raises(UserError, match=r"lfw\.bin: damaged: .*restore the file\.$") as error:
        open_pairs(write(tmp_path, data), "lfw")
    assert "refused" not in str(error.value)


def test_a_text_encoded_many_times_is_refused():
    text = b"X" + (1 << 20).to_bytes(4, "little") + b"x" * (1 << 20) + b"q\x00"
    call = b"c_codecs\nencode\nh\x00\x8c\x06latin1\x86R"
    with pytest.raises(RefusedPickleError, match="many times its size"):
        load_plain(b"\x80\x04(" + text + call * 1000 + b"t.")


def test_an_array_that_stands_many_times_is_copied_once(tmp_path):
    image = np.zeros(1 << 20, dtype=np.uint8)
    (pairs,) = open_pairs(write(tmp_path, pickle.dumps(([image] * 2000, SAME + [True] * 997))), "x")
    assert pairs.images[0].image is pairs.images[1999].image


def test_a_folder_gives_all_its_sets(tmp_path):
    for name in ("lfw", "agedb_30"):
        (tmp_path / f"{name}.bin").write_bytes(pickle.dumps(FORMS["bytes"]))
    (tmp_path / "other.bin").write_bytes(b"no pickle")
    assert [s.name for s in open_pairs(str(tmp_path), "all")] == ["agedb_30", "lfw"]


class Runs:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def hostile(tmp_path):
    mark = str(tmp_path / "ran")
    yield Runs(os.mkdir, mark)
    yield Runs(os.system, f"touch {mark}")
    yield Runs(eval, f"open({mark!r}, 'w')")
    yield Runs(getattr, "x", "upper")
    yield Runs(np.load, mark)
    yield Runs(np.memmap, mark, "uint8", "w+", 0, 4)
    yield np.array([Runs(os.mkdir, mark)], dtype=object)
    yield {"a": Runs(os.mkdir, mark)}


def test_a_pickle_that_would_run_code_runs_none(tmp_path):
    for protocol in range(6):
        for thing in hostile(tmp_path):
            for content in (thing, ([thing], [True]), (IMAGES, thing)):
                location = write(tmp_path, pickle.dumps(content, protocol=protocol))
                with pytest.raises(UserError, match="refused, nothing was run"):
                    open_pairs(location, "lfw")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.",
        b"\x80\x02cnumpy\nndarray\n)R.",
        b"\x80\x02i__main__\nX\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0bf2py.runner\x93.",
        b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.",
        b"\x80\x02]q\x00h\x00a.",  # a list that holds itself
        b"\x80\x02r\xff\xff\xff\x7f.",  # a memo of two thousand million
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # more bytes than memory
        b"\x80\x02]",
        b"\x80\x02.",
        b"",
    ],
)
def test_odd_pickles_are_refused(data):
    with pytest.raises(RefusedPickleError):
        load_plain(data)


def test_nested_references_do_not_explode():
    lists = b"](" + b"K\x01" * 100 + b"eq\x00"
    for level in range(1, 4):
        lists += b"](" + (b"h" + bytes([level - 1])) * 10_000 + b"eq" + bytes([level])
    with pytest.raises(RefusedPickleError):
        load_plain(b"\x80\x02" + lists + b".")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ((IMAGES[:5], SAME), "5 images and 3 answers"),
        ((IMAGES, SAME[:2]), "6 images and 2 answers"),
        (([], []), "0 images and 0 answers"),
        ((IMAGES,), "not a pair of lists"),
        ((5, SAME), "expected lists"),
        (([*IMAGES[:5], "text"], SAME), "#5: expected an encoded image, not str"),
        ((IMAGES, [0.5, 1, 0]), "expected answers true or false"),
        ((IMAGES, [float("nan"), 1, 0]), "expected answers true or false"),
    ],
)
def test_other_contents_are_refused(tmp_path, content, message):
    with pytest.raises(UserError, match=r"lfw\.bin") as error:
        open_pairs(write(tmp_path, pickle.dumps(content)), "lfw")
    assert message in str(error.value)


def test_arrays_have_their_order_and_shape():
    arrays = [np.arange(6, dtype=">i4").reshape(2, 3), np.asfortranarray(np.eye(3))]
    for protocol in (0, 1, 2, 4, 5):
        for array in arrays:
            assert np.array_equal(load_plain(pickle.dumps([array], protocol=protocol))[0], array)


def test_the_samples_above_use_the_operations_they_mean_to():
    stream = io.StringIO()
    pickletools.dis(pickle.dumps(FORMS["arrays"], protocol=2), stream)
    assert "_reconstruct" in stream.getvalue()
