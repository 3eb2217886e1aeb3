"""Checking and auditing data, at once or in parts, in one line each."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framl_keras.data.front import Columns, Location, said_of, source_of
from framl_keras.data.parts import Part, WrittenPart, facts_of
from framl_keras.data.sources import Source, columns_for
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.types import Size

if TYPE_CHECKING:
    from framl_keras.data.auditing import AuditReport, TestImages
    from framl_keras.data.checking import CheckReport


def check(
    source: Location | Source,
    size: Size = 112,
    sample: int | None = None,
    central_crop: bool = False,
    seed: int = 0,
    policy: str | None = None,
    jobs: int | None = None,
    root: Location | None = None,
    sheet: Location | None = None,
    columns: Columns = None,
    channels: int = 3,
    aspect_ratio: str = "stretch",
    parts: Location | None = None,
) -> "CheckReport":
    """Counts, reads and decodes images, and measures the input path.

    Args:
        source: see `open`.
        size: side of the training images, or height and width.
        sample: look at this many images only.
        central_crop: crops the middle instead of anywhere.
        seed: decides the order, the sample and the augmentation.
        policy: augment by a layer, such as `keras_cv.rand_augment`.
        jobs: threads that read; None for all cores.
        root: folder that paths within the source start from.
        sheet: where to draw a contact sheet of training images, if anywhere.
        columns: see `open`.
        channels: 3 for RGB, 1 for gray.
        aspect_ratio: what becomes of images of other proportions; see `View`.
        parts: the `output` of `check_part`, all of whose parts are joined; nothing but what
            the contact sheet and the speed take is read then.

    Raises:
        UserError: if nothing is there, or a part is missing.

    Example:
    >>> check("faces").unreadable  # doctest: +SKIP
    []
    """
    from framl_keras.data.checking import check_source  # noqa: PLC0415 - Grain takes a while
    from framl_keras.data.checking.check import check_batches  # noqa: PLC0415
    from framl_keras.data.checking.looks import merged_looks  # noqa: PLC0415

    opened = source_of(source, root, "skip", columns)
    view = View(size, central_crop, channels, aspect_ratio)
    batches = check_batches(opened, view, seed, policy)
    told = _looked_at(opened, source, sample, seed)
    looks = None if parts is None else merged_looks(Path(parts), told)
    threads = jobs or os.cpu_count() or 1
    report = check_source(opened, said_of(source), batches, sample, threads, looks)
    if sheet is not None and len(report.unreadable) < report.checked:
        from framl_keras.data.checking import save_contact_sheet  # noqa: PLC0415 - Matplotlib

        images, labels = batches[0]
        names = [str(opened.class_names[label]) for label in labels[:96]]
        try:
            save_contact_sheet(images[:96], names, Path(sheet))
        except OSError as error:
            raise UserError(f"--sheet {sheet}: cannot be written: {error.strerror}.") from None
    return report


def check_part(
    source: Location | Source,
    output: Location,
    part: tuple[int, int],
    sample: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    root: Location | None = None,
    columns: Columns = None,
) -> WrittenPart:
    """Reads part `i` of `n` of the images and keeps what was seen, for `check` to join.

    A part that is there already, of the same source, is left alone.

    Args:
        source: see `open`; the whole, the same for every part.
        output: a name; parts lie in `<output>.parts`.
        part: `(i, n)`, i from 1.
        sample: see `check`, as are the next four.
        seed: decides the sample.
        jobs: threads that read; None for all cores.
        root: folder that paths within the source start from.
        columns: see `open`.

    Raises:
        UserError: if there is no such part, it is there of another source, or cannot be written.

    Example:
    >>> check_part("faces", "looks", (1, 8))  # doctest: +SKIP
    >>> check("faces", parts="looks").unreadable  # doctest: +SKIP
    []
    """
    from framl_keras.data.checking.check import looks_of, positions_of  # noqa: PLC0415
    from framl_keras.data.checking.looks import read_looks, write_looks  # noqa: PLC0415

    chosen, opened = Part(*part), source_of(source, root, "skip", columns)
    file, told = chosen.file(Path(output)), _looked_at(opened, source, sample, seed)
    is_new = not file.is_file()
    if is_new:
        positions = positions_of(len(opened), sample, seed)
        rows = positions[chosen.within(len(positions))]
        looks = looks_of(opened, rows, jobs or os.cpu_count() or 1)
        write_looks(file, looks, told)
    else:
        looks = read_looks(file, told)
    problems = {str(look.position): look.problem for look in looks if look.problem}
    return WrittenPart(file, is_new, problems)


def audit(
    train: Location | Source,
    test: Location,
    root: Location | None = None,
    jobs: int | None = None,
    columns: Columns = None,
    parts: Location | None = None,
) -> "AuditReport":
    """Finds images and identities of the test data that are in the training data.

    Args:
        train: any training data; see `open`.
        test: a verification set, or training data.
        root: folder that paths within tables start from.
        jobs: threads that read; None for all cores.
        columns: which columns of a table are meant, as for `open` and `open_pairs`.
        parts: the `output` of `audit_part`, all of whose parts are joined; no image is read then.

    Raises:
        UserError: if one of them cannot be opened, or a part is missing.

    Example:
    >>> audit("faces", ["lfw.bin"])  # doctest: +SKIP
    """
    from framl_keras.data.auditing import audit as audit_source  # noqa: PLC0415
    from framl_keras.data.auditing.audit import report_of  # noqa: PLC0415
    from framl_keras.data.auditing.parts import merged  # noqa: PLC0415

    opened, tested = _both(train, test, root, columns)
    if parts is None:
        return audit_source(opened, tested, jobs or os.cpu_count() or 1)
    return report_of(opened, tested, merged(Path(parts), _compared_to(opened, train, tested, test)))


def audit_part(
    train: Location | Source,
    test: Location,
    output: Location,
    part: tuple[int, int],
    root: Location | None = None,
    jobs: int | None = None,
    columns: Columns = None,
) -> WrittenPart:
    """Compares part `i` of `n` of the training images with all of the test, for `audit` to join.

    A part that is there already, of the same data, is left alone.

    Args:
        train: see `audit`; the whole, the same for every part.
        test: see `audit`.
        output: a name; parts lie in `<output>.parts`.
        part: `(i, n)`, i from 1.
        root: see `audit`, as are the next two.
        jobs: threads that read; None for all cores.
        columns: which columns of a table are meant.

    Raises:
        UserError: if there is no such part, it is there of other data, or cannot be written.

    Example:
    >>> audit_part("faces", "lfw.bin", "leaks", (1, 8))  # doctest: +SKIP
    >>> audit("faces", "lfw.bin", parts="leaks").clean  # doctest: +SKIP
    True
    """
    from framl_keras.data.auditing.audit import compare  # noqa: PLC0415
    from framl_keras.data.auditing.parts import read_compared, write_compared  # noqa: PLC0415

    chosen, (opened, tested) = Part(*part), _both(train, test, root, columns)
    file, told = chosen.file(Path(output)), _compared_to(opened, train, tested, test)
    is_new = not file.is_file()
    if is_new:
        rows = range(len(opened))[chosen.within(len(opened))]
        compared = compare(opened, tested, rows, jobs or os.cpu_count() or 1)
        write_compared(file, compared, told)
    else:
        compared = read_compared(file, told)
    return WrittenPart(file, is_new, {line: line for line in compared.unreadable})


def _looked_at(opened: Source, source: Any, sample: int | None, seed: int) -> dict[str, Any]:
    """What a part's looks are of."""
    sampled = {} if sample is None else {"sample": sample, "seed": seed}
    return {**facts_of(opened, said_of(source)), "images": len(opened), **sampled}


def _compared_to(
    opened: Source, train: Any, tested: "TestImages", test: Location
) -> dict[str, Any]:
    """What a part of an audit is about."""
    images = sum(len(each) for each in tested.parts)
    return {
        **facts_of(opened, said_of(train)),
        "tested": os.fspath(test),
        "test_images": images,
    }


def _both(
    train: Any, test: Location, root: Location | None, columns: Columns
) -> "tuple[Source, TestImages]":
    """The training data and what is tested on."""
    from framl_keras.data.auditing import open_test_images  # noqa: PLC0415

    base = None if root is None else os.fspath(root)
    tested = open_test_images(os.fspath(test), base, columns)
    location = isinstance(train, str | os.PathLike)
    chosen = columns_for(os.fspath(train), columns or {}) if location else None
    return source_of(train, root, "skip", chosen), tested
