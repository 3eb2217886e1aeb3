import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from small_faces import encoded, picture

from framl_keras.data.conversion import ConvertOptions, convert
from framl_keras.data.conversion import convert as convert_source
from framl_keras.data.conversion.convert import _ShardTask
from framl_keras.data.conversion.encoding import RecordEncoder, source_ids
from framl_keras.data.conversion.progress import Progress
from framl_keras.data.decode import decode
from framl_keras.data.sources import ImageFolder, ImageList, People, Sample, Source, open_source
from framl_keras.errors import UserError

FORMS = {
    "one file": ("faces.tfrecord", {}),
    "shards": ("faces.tfrecord", {"shards": 5, "jobs": 3}),
    "paths": ("faces.tfrecord", {"online": True}),
    "array record": ("faces.arrayrecord", {"format": "arrayrecord"}),
    "array record shards": ("faces.arrayrecord", {"format": "arrayrecord", "shards": 3}),
}


def content(source):
    """Every image's name, label and pixels, in an order of its own."""
    samples = [source[i] for i in range(len(source))]
    return sorted(
        (source.class_names[s.label], s.label, hashlib.md5(decode(s).tobytes()).hexdigest())
        for s in samples
    )


@pytest.mark.parametrize("form", FORMS)
def test_folder_to_records_keeps_images_labels_and_names(face_folder, converted, form):
    name, options = FORMS[form]
    written = open_source(str(converted(name, **options)))
    original = ImageFolder(face_folder)
    assert list(written.class_names) == list(original.class_names)
    assert content(written) == content(original)


@pytest.mark.parametrize("form", FORMS)
def test_records_are_indexed_as_they_are_written(converted, form, monkeypatch):
    name, options = FORMS[form]
    path = converted(name, **options)

    def refuse(*_):
        raise AssertionError("the file was read again")

    kept = content(open_source(str(path)))
    for module in ("tfrecord.index_tfrecord", "array_record.index_array_record"):
        monkeypatch.setattr(f"framl_keras.data.sources.{module}", refuse)
    assert content(open_source(str(path))) == kept
    monkeypatch.undo()
    for index in path.parent.glob("*.index"):
        index.unlink()
    assert content(open_source(str(path))) == kept


def test_framls_reader_reads_what_we_write(face_folder, converted):
    tf = pytest.importorskip("tensorflow")
    path = converted()
    specs = {
        "image/source_id": tf.io.FixedLenFeature([], tf.int64),
        "image/filename": tf.io.FixedLenFeature([], tf.string),
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
    }
    source = open_source(str(path))
    for position, data in enumerate(tf.data.TFRecordDataset(str(path))):
        record = tf.io.parse_single_example(data, specs)
        assert int(record["image/source_id"]) == source.labels[position]
        assert record["image/encoded"].numpy() == source[position].image
        pixels = tf.image.decode_jpeg(
            record["image/encoded"], channels=3, dct_method="INTEGER_ACCURATE"
        ).numpy()
        assert np.abs(pixels.astype(int) - decode(source[position])).max() <= 2
        name = record["image/filename"].numpy().decode()
        assert name.split("/")[0] == source.class_names[source.labels[position]]
    assert position == 11


def test_framls_reader_reads_our_paths(face_folder, converted):
    tf = pytest.importorskip("tensorflow")
    for data in tf.data.TFRecordDataset(str(converted(online=True))):
        path = tf.io.parse_single_example(
            data, {"image/img_path": tf.io.FixedLenFeature([], tf.string)}
        )["image/img_path"]
        assert os.path.isfile(path.numpy())


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["0", "1", "10"], [0, 1, 10]),
        (["3", "007", "12"], [3, 7, 12]),
        (["7", "007"], [0, 1]),
        (["10", "9"], [0, 1]),
        (["ada", "1"], [0, 1]),
        (["9" * 30, "1"], [0, 1]),
    ],
)
def test_folders_called_by_numbers_keep_them(names, expected):
    assert source_ids(names) == expected


def test_the_seed_decides_the_order_and_threads_do_not(face_folder, tmp_path):
    digests = []
    for number, (seed, jobs) in enumerate([(0, 1), (0, 4), (1, 1)]):
        path = tmp_path / f"{number}.tfrecord"
        convert(ImageFolder(face_folder), path, ConvertOptions(seed=seed, jobs=jobs))
        digests.append(hashlib.md5(path.read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_the_manifest_says_what_was_written(face_folder, tmp_path):
    contents = set()
    for name, options in FORMS.values():
        if options.get("online"):
            continue
        path = tmp_path / f"{len(contents)}{len(options)}{name}"
        manifest = convert(ImageFolder(face_folder), path, ConvertOptions(**options), "faces")
        stored = json.loads(path.with_name(path.name + ".manifest.json").read_text())
        assert (stored["records"], stored["classes"]) == (12, 4)
        assert stored["class_names"] == ["Zoë 9", "Zoë 10", "ada", "bob"]
        assert stored["images_per_class"] == [3, 3, 3, 3]
        assert sum(shard["records"] for shard in stored["shards"]) == 12
        sizes = [path.with_name(shard["file"]).stat().st_size for shard in stored["shards"]]
        assert sizes == [shard["bytes"] for shard in stored["shards"]]
        contents.add(manifest.content)
    assert len(contents) == 1  # the same images in any format and number of shards


class Pictures(Source):
    def __init__(self, *images):
        self.images = images
        self.class_names = ["a/b", "c"]
        self.labels = np.arange(len(images)) % 2

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return Sample(self.images[index], int(self.labels[index]), f"somewhere/{index}.img")


@pytest.mark.parametrize("image", [encoded(0), encoded(0, ".png"), encoded(0, ".bmp"), picture(0)])
@pytest.mark.parametrize("size", [None, 24, 16])
def test_images_are_stretched_once_and_nothing_else_changes(image, size):
    data = RecordEncoder(Pictures(image), False, size).encode(0)
    before = decode(Sample(image, 0, ""))
    from framl_keras.data.records.example import parse

    written = parse(data.data).image
    after = decode(Sample(written, 0, ""))
    assert after.shape == ((24, 24, 3) if size is None else (size, size, 3))
    if size != 16:
        assert np.array_equal(after, before)
    if size is None and isinstance(image, bytes) and image[:2] != b"BM":
        assert written == image
    assert data.name == "a_b/0.img"


def test_a_list_outside_folders_keeps_its_labels(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(encoded(number))
    (tmp_path / "list.csv").write_text("".join(f"{n}.jpg,p{n % 2}\n" for n in range(4)))
    source = ImageList(tmp_path / "list.csv")
    convert(source, tmp_path / "x.tfrecord", ConvertOptions())
    assert content(open_source(str(tmp_path / "x.tfrecord"))) == content(source)


def test_records_converted_again_keep_names_and_people(converted, tmp_path):
    source = open_source(str(converted()))
    part = People(source, [1, 3])
    convert(part, tmp_path / "again.arrayrecord", ConvertOptions("arrayrecord"))
    again = open_source(str(tmp_path / "again.arrayrecord"))
    assert content(again) == content(part)
    names = {again.name_of(position) for position in range(6)}
    assert names == {f"{n}/{k}" for n in ("Zoë 10", "bob") for k in ("0.jpg", "1.png", "2.bmp")}
    with pytest.raises(UserError, match="it holds the image itself"):
        convert(part, tmp_path / "x.tfrecord", ConvertOptions(online=True))


def test_records_of_paths_converted_again_keep_the_paths(converted, tmp_path):
    source = open_source(str(converted(online=True)))
    convert(source, tmp_path / "again.tfrecord", ConvertOptions(online=True))
    again = open_source(str(tmp_path / "again.tfrecord"))
    paths = [sorted(map(records.path_of, range(len(records)))) for records in (source, again)]
    assert paths[0] == paths[1]
    assert content(again) == content(source)


def test_paths_of_images_that_are_not_files_cannot_be_stored(tmp_path):
    with pytest.raises(UserError, match="--online stores the paths of image files"):
        convert(Pictures(encoded(0)), tmp_path / "x.tfrecord", ConvertOptions(online=True))


def test_what_cannot_be_read_stops_or_is_left_out_and_counted(tmp_path):
    source = Pictures(encoded(0), b"no image", encoded(2), encoded(3))
    with pytest.raises(UserError, match=r"somewhere/1\.img: not a readable image"):
        convert(source, tmp_path / "x.tfrecord", ConvertOptions())
    assert not (tmp_path / "x.tfrecord").exists()
    manifest = convert(source, tmp_path / "y.tfrecord", ConvertOptions(on_error="skip"))
    assert manifest.records == 3
    assert [m.split(":")[0] for m in manifest.skipped] == ["somewhere/1.img"]
    assert manifest.images_per_class == [2, 1]


def test_what_is_there_is_not_replaced_unasked(face_folder, tmp_path):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"precious")
    with pytest.raises(UserError, match=r"x\.tfrecord exists already.*--overwrite"):
        convert(ImageFolder(face_folder), path, ConvertOptions())
    assert path.read_bytes() == b"precious"
    convert(ImageFolder(face_folder), path, ConvertOptions(), overwrite=True)
    assert len(open_source(str(path))) == 12


MANY = 300


@pytest.fixture
def many():
    return Pictures(*(encoded(n) for n in range(MANY)))


def stop_at(monkeypatch, position):
    """Ctrl-C while a later sample is encoded."""
    original = RecordEncoder.encode
    calls = []

    def encode(self, number):
        calls.append(number)
        if len(calls) > position:
            raise KeyboardInterrupt
        return original(self, number)

    monkeypatch.setattr(RecordEncoder, "encode", encode)
    return calls


@pytest.mark.parametrize("form", ["one file", "shards", "array record shards"])
@pytest.mark.parametrize("position", [0, 100, 299])
def test_an_interrupted_conversion_goes_on_to_the_very_same_files(
    many, tmp_path, monkeypatch, form, position
):
    name, options = FORMS[form]
    options = ConvertOptions(**{**options, "jobs": 1})
    whole = tmp_path / "whole" / name
    expected = convert(many, whole, options)
    broken = tmp_path / "broken" / name
    with monkeypatch.context() as patch:
        stop_at(patch, position)
        with pytest.raises(KeyboardInterrupt):
            convert(many, broken, options)
    visible = [f for f in broken.parent.iterdir() if f.name[0] != "." and f.suffix != ".index"]
    for file in visible:  # nothing half-written under a final name
        assert file.read_bytes() == (whole.parent / file.name).read_bytes()
    calls = stop_at(monkeypatch, 10**9)
    finished = convert(many, broken, options)
    assert finished == expected
    if position > 200 and form != "array record shards":
        assert len(calls) < MANY - 128  # it went on where it was
    for file in whole.parent.iterdir():
        if file.suffix != ".index":
            assert (broken.parent / file.name).read_bytes() == file.read_bytes()
    assert {f.name for f in broken.parent.iterdir()} == {f.name for f in whole.parent.iterdir()}


def test_a_kill_between_two_savings_costs_only_what_came_after(many, tmp_path, monkeypatch):
    path = tmp_path / "x.tfrecord"
    expected = convert(many, tmp_path / "y.tfrecord", ConvertOptions(jobs=1))
    with monkeypatch.context() as patch:
        stop_at(patch, 200)
        with pytest.raises(KeyboardInterrupt):
            convert(many, path, ConvertOptions(jobs=1))
    with (tmp_path / ".x.tfrecord.partial").open("ab") as file:
        file.write(b"half a record")  # what a kill leaves after the last saving
    assert convert(many, path, ConvertOptions(jobs=1)).content == expected.content
    assert path.read_bytes() == (tmp_path / "y.tfrecord").read_bytes()


@pytest.mark.parametrize("form", ["one file", "array record", "array record shards"])
def test_saving_the_progress_on_the_way_harms_no_file(many, tmp_path, monkeypatch, form):
    name, options = FORMS[form]
    quick = convert_source(many, tmp_path / "quick" / name, ConvertOptions(**options))
    monkeypatch.setitem(_ShardTask.run.__globals__, "_SAVE_EVERY", 0.0)  # after each chunk
    slow = convert_source(many, tmp_path / "slow" / name, ConvertOptions(**options))
    assert slow.content == quick.content
    found, expected = (content(open_source(str(tmp_path / at / name))) for at in ("slow", "quick"))
    assert found == expected


def test_other_options_do_not_go_on_with_an_interrupted_conversion(many, tmp_path, monkeypatch):
    path = tmp_path / "x.tfrecord"
    with monkeypatch.context() as patch:
        stop_at(patch, 100)
        with pytest.raises(KeyboardInterrupt):
            convert(many, path, ConvertOptions())
    with pytest.raises(UserError, match="with other data or options was interrupted here"):
        convert(many, path, ConvertOptions(seed=1))
    (tmp_path / ".x.tfrecord.progress.json").write_text("{")
    with pytest.raises(UserError, match=r"progress\.json: not the progress"):
        convert(many, path, ConvertOptions())
    assert convert(many, path, ConvertOptions(seed=1), overwrite=True).records == MANY


def test_a_full_disk_is_said_and_can_be_gone_on_from(many, tmp_path, monkeypatch):
    path = tmp_path / "x.tfrecord"

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_ShardTask, "_write", full)
        with pytest.raises(UserError, match=r"No space left on device.*goes on where it was"):
            convert_source(many, path, ConvertOptions())
    assert convert(many, path, ConvertOptions()).records == MANY


@pytest.mark.parametrize(
    "options", [{"format": "hdf5"}, {"online": True, "resize": 112}], ids=["format", "resize"]
)
def test_options_that_make_no_sense(options):
    with pytest.raises(ValueError, match=r"`format` must be|`resize` changes"):
        ConvertOptions(**options)


def test_progress_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "progress.json"
    path.write_text(json.dumps({"task": {}, "shards": [{"unknown": 1}]}))
    with pytest.raises(UserError, match="not the progress"):
        Progress(path, {}, 1)


@pytest.mark.parametrize("kind", ["tfrecord", "arrayrecord"])
def test_a_conversion_that_stopped_goes_on_leaving_out_what_stopped_it(tmp_path, kind):
    images = [encoded(0), b"no image", encoded(2), encoded(3)]
    path = tmp_path / f"x.{kind}"
    with pytest.raises(UserError, match=r"repeat the command, .* or .* --on-error skip"):
        convert(Pictures(*images), path, ConvertOptions(kind))
    manifest = convert(Pictures(*images), path, ConvertOptions(kind, on_error="skip"))
    assert (manifest.records, len(manifest.skipped)) == (3, 1)
    assert len(open_source(str(path))) == 3


def test_what_was_left_out_is_not_kept_if_nothing_may_be(tmp_path, monkeypatch):
    class Stopping(Pictures):
        def __getitem__(self, index):
            if index == last:
                raise ZeroDivisionError
            return super().__getitem__(index)

    images = [b"no image"] * 64 + [encoded(0)]
    monkeypatch.setitem(_ShardTask._write.__globals__, "_CHUNK", 1)
    last = int(np.random.default_rng(0).permutation(65)[-1])
    images[last] = encoded(0)
    with pytest.raises(ZeroDivisionError):
        convert(Stopping(*images), tmp_path / "x.tfrecord", ConvertOptions(on_error="skip"))
    with pytest.raises(UserError, match=r"left out 6[34] images.*--on-error skip.*--overwrite"):
        convert(Pictures(*images), tmp_path / "x.tfrecord", ConvertOptions())


def test_a_conversion_of_nothing_readable_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match=r"none of its images could be read, the first: somewhere"):
        convert(Pictures(b"x", b"y"), tmp_path / "x.tfrecord", ConvertOptions(on_error="skip"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["tfrecord", "arrayrecord"])
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(tmp_path, kind):
    code = (
        "import resource, signal\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from framl_keras.cli import main\n"
        f"main(['data', 'convert', 'synthetic:people=3,images=4', 'x.{kind}'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          cwd=tmp_path, check=False)  # fmt: skip
    assert (done.returncode, done.stderr.count("Traceback")) == (2, 0)
    assert f"x.{kind}: cannot be written: " in done.stderr
    assert "repeat the command" in done.stderr
    source = open_source("synthetic:people=3,images=4")
    location = "synthetic:people=3,images=4"
    assert convert(source, tmp_path / f"x.{kind}", ConvertOptions(kind), location).records == 12
