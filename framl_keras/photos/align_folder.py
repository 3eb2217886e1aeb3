"""A tree of photos becomes a tree of aligned faces."""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from framl_keras.data.alignment import SETTINGS
from framl_keras.data.atomic import write_beside
from framl_keras.data.decode import decode
from framl_keras.data.files import ImageFiles, find_images
from framl_keras.data.parallel import ordered_map
from framl_keras.data.transforms import resize
from framl_keras.errors import UserError
from framl_keras.photos.align import Aligned, align
from framl_keras.photos.choose import Choice
from framl_keras.photos.face import Detector
from framl_keras.photos.landmarks_table import BOX, POINTS
from framl_keras.photos.template import SIDE, TEMPLATE_NAME, WORST_FIT, Border
from framl_keras.photos.yunet import default_detector
from framl_keras.untrusted.json_text import read_json
from framl_keras.version import __version__

TABLE = "alignment.csv"
COLUMNS = ("photo", "aligned", "outcome", "score", *BOX, *POINTS, "rms")
NAMED = 10  # photos without a face, and so on, that a summary names


@dataclass(frozen=True)
class AlignOptions:
    """How photos are aligned.

    Attributes:
        size: side of the aligned images.
        faces: which faces of a photo: `largest`, `center`, `best` or `all`.
        border: what lies beyond the photo's edge: `constant`, `replicate` or `reflect`.
        keep: whether a photo without a face gives its middle, scaled, instead of nothing.

    Example:
    >>> AlignOptions(size=160, faces="best").size
    160
    """

    size: int = SIDE
    faces: Choice = "largest"
    border: Border = "constant"
    keep: bool = False


@dataclass
class AlignSummary:
    """What became of the photos.

    Attributes:
        table: the CSV with a line for each photo and face.
        counts: photos by outcome: `aligned`, `kept`, `no face`, `unreadable`, and faces by
            `poor fit`, whose landmarks are far from a face's.
        examples: the first few photos of each outcome but `aligned`.
    """

    table: Path
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{self.counts['aligned']:,} photos aligned; see {self.table}"]
        for outcome, names in self.examples.items():
            more = self.counts[outcome] - len(names)
            rest = f" and {more:,} more" if more > 0 else ""
            lines.append(f"{outcome}: {self.counts[outcome]:,} ({', '.join(names)}{rest})")
        return "\n".join(lines)

    def add(self, row: dict[str, Any]) -> None:
        """Counts a line of the table; a photo's second face is no second photo."""
        if not row["aligned"].endswith(_SECOND):
            self._count(row["outcome"], row["photo"])
        if row["rms"] and float(row["rms"]) > WORST_FIT:
            self._count("poor fit", row["photo"])

    def _count(self, outcome: str, photo: str) -> None:
        self.counts[outcome] += 1
        if outcome != "aligned" and self.counts[outcome] <= NAMED:
            self.examples.setdefault(outcome, []).append(photo)


_SECOND = tuple(f"-face{n}.png" for n in range(2, 1000))


def align_folder(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    detector: Detector | None = None,
    options: AlignOptions | None = None,
    *,
    jobs: int = 1,
    overwrite: bool = False,
    progress: Callable[[Sequence[Path]], Any] | None = None,
) -> AlignSummary:
    """Aligns all photos of a folder into a tree of the same shape.

    Images are PNGs under their photo's name; `alignment.csv` says what became of each photo, and
    `alignment.json` how. Interrupted, the same call goes on where it was, with the same result.

    Args:
        source: a folder of photos, at any depth.
        destination: the folder to write to.
        detector: what finds faces; YuNet where none is given.
        options: how photos are aligned.
        jobs: threads.
        overwrite: begins anew where `destination` was aligned with other settings.
        progress: wraps what is passed through, such as `tqdm.tqdm`.

    Raises:
        UserError: if there are no photos, or `destination` lies within `source` or was aligned
            with other settings.

    Example:
    >>> align_folder("photos", "faces", jobs=2)  # doctest: +SKIP
    """
    root, target = Path(source), Path(destination)
    if not root.is_dir():
        raise UserError(f"No such folder: {root}. Expected a folder of photos.")
    if target.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{target} lies within {root}. Write aligned faces to another folder.")
    detector, options = detector or default_detector(), options or AlignOptions()
    photos = find_images([str(root)])
    names = _output_names(photos, root)
    _write_settings(target, detector, options, overwrite)
    summary, done = AlignSummary(target / TABLE), set()
    for row in _go_on(target):
        summary.add(row)
        done.add(row["photo"])
    left = [path for path in photos if _relative(path, root) not in done]

    def one(path: Path) -> list[dict[str, Any]]:
        photo = _relative(path, root)
        return _align_one(Photo(path, photo), target, names[path], detector, options)

    with (target / TABLE).open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        for rows in ordered_map(one, progress(left) if progress else left, jobs):
            writer.writerows(rows)
            file.flush()
            for row in rows:
                summary.add(row)
    return summary


class Photo(NamedTuple):
    """A photo's file, and its name below the source's folder."""

    path: Path
    name: str


def _align_one(
    photo: Photo, target: Path, output: Path, detector: Detector, options: AlignOptions
) -> list[dict[str, Any]]:
    """Writes a photo's aligned faces below `target`; the table's lines for it."""
    try:
        pixels = decode(ImageFiles([photo.path])[0])
    except UserError:
        return [_row(photo.name, "", "unreadable")]
    aligned = align(
        pixels, detector, size=options.size, faces=options.faces, border=options.border,
        key=str(photo.path),
    )  # fmt: skip
    if not aligned and not options.keep:
        return [_row(photo.name, "", "no face")]
    if not aligned:
        _write_image(target / output, _middle(pixels, options.size))
        return [_row(photo.name, output.as_posix(), "kept")]
    rows = []
    for number, face in enumerate(aligned, 1):
        place = output if number == 1 else output.with_name(f"{output.stem}-face{number}.png")
        _write_image(target / place, face.image)
        rows.append(_row(photo.name, place.as_posix(), "aligned", face))
    return rows


def _row(photo: str, aligned: str, outcome: str, face: Aligned | None = None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row |= {"photo": photo, "aligned": aligned, "outcome": outcome}
    if face is not None:
        numbers = [face.face.score, *face.face.box, *face.face.landmarks.ravel(), face.rms]
        row |= dict(zip(COLUMNS[3:], (repr(float(number)) for number in numbers), strict=True))
    return row


def _middle(photo: np.ndarray, size: int) -> np.ndarray:
    """The largest square in the photo's middle, scaled."""
    height, width = photo.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resize(photo[top : top + side, left : left + side], size)


def _write_image(path: Path, image: np.ndarray) -> None:
    ok, encoded = cv2.imencode(".png", image[:, :, ::-1])
    if not ok:
        raise UserError(f"{path}: OpenCV cannot encode it as PNG.")
    with write_beside(path) as file:
        file.write_bytes(encoded.tobytes())


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _output_names(photos: Sequence[Path], root: Path) -> dict[Path, Path]:
    """Where each photo's first face goes: its name as PNG, with its suffix where two collide."""
    stems = Counter(path.with_suffix("") for path in photos)
    return {
        path: (
            path.relative_to(root).with_suffix(".png")
            if stems[path.with_suffix("")] == 1
            else path.relative_to(root).with_name(f"{path.name}.png")
        )
        for path in photos
    }


def settings_of(detector: Detector, size: int, border: str) -> dict[str, Any]:
    """What metadata says of an alignment: images aligned otherwise are not to be mixed."""
    return {
        "detector": detector.name,
        "detector_sha256": detector.sha256,
        "template": TEMPLATE_NAME,
        "size": size,
        "border": border,
    }


def _write_settings(
    target: Path, detector: Detector, options: AlignOptions, overwrite: bool
) -> None:
    """Writes how the folder is aligned; what was aligned otherwise is not mixed in."""
    settings = asdict(options) | settings_of(detector, options.size, options.border)
    path = target / SETTINGS
    if path.exists():
        before = _read_settings(path)
        before.pop("framl_keras", None)
        changed = [key for key in settings if settings[key] != before.get(key)]
        if changed and not overwrite:
            raise UserError(
                f"{target} was aligned with other settings ({', '.join(changed)}). Choose another "
                "folder, or begin anew with --overwrite."
            )
        if changed:
            (target / TABLE).unlink(missing_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    with write_beside(path) as file:
        text = json.dumps(settings | {"framl_keras": __version__}, indent=1)
        file.write_text(text, encoding="utf-8")


def _read_settings(path: Path) -> dict[str, Any]:
    remedy = "Choose another folder, or remove this one."
    settings = read_json(path, "the settings of a folder of aligned faces", remedy)
    if not isinstance(settings, dict):
        raise UserError(f"{path}: damaged. {remedy}")
    return settings


def _go_on(target: Path) -> list[dict[str, str]]:
    """The table's whole lines from before, whose images are there; the rest is dropped."""
    path = target / TABLE
    rows = _rows_before(path) if path.exists() else []
    whole = [row for row in rows if None not in row and None not in row.values()]
    last = whole[-1]["photo"] if whole else None  # it may have had more faces
    kept = [
        row
        for row in whole
        if row["photo"] != last and (not row["aligned"] or (target / row["aligned"]).is_file())
    ]
    with write_beside(path) as file:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(kept)
        file.write_text(text.getvalue(), encoding="utf-8")
    return kept


def _rows_before(path: Path) -> list[dict[str, str]]:
    """The whole lines of a table.

    Raises:
        UserError: if it is no table of ours.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        rows = list(csv.DictReader(lines))
    except (UnicodeDecodeError, csv.Error):
        lines, rows = ["damaged"], [{}]
    if any("\0" in line for line in lines) or (rows and not set(COLUMNS) <= set(rows[0])):
        raise UserError(f"{path}: damaged. Begin anew with --overwrite, or choose another folder.")
    return rows
