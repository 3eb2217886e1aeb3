"""`framl-keras label-noise`: list training images that may have a wrong label."""

from typing import TYPE_CHECKING, Any

import click

from framl_keras.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framl_keras.runs.trained_run import TrainedRun


@click.command("label-noise")
@click.option("--run", "run_path", metavar="DIR", help="The run; the newest when none is named.")
@click.option("--angle", type=click.FloatRange(0, 180), default=75.0, show_default=True,
              help="Degrees from which on an image is listed.")  # fmt: skip
@click.option("--show", type=click.IntRange(min=0), default=20, show_default=True,
              help="Print this many of them.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write all to a CSV file.")
def command(run_path: str | None, angle: float, show: int, output: str | None) -> None:
    """List a run's training images that are far from their identity's dominant center.

    Train with sub-centers (`model.sub_centers: 3`): images of other people then gather at
    centers of their own, and the one with the most images is the dominant one. Beyond
    about 75 degrees most images have a wrong label, say the authors of sub-center ArcFace.
    """
    from framl_keras.evaluation.label_noise import find_label_noise
    from framl_keras.runs.trained_run import open_run
    from framl_keras.training.checkpoints.centers import centers_of

    run = open_run(run_path)
    centers, source = centers_of(run.directory), _source(run)
    found = find_label_noise(run.model, source, centers, angle, run.image_size, run.central_crop)
    rows = [_row(suspect, source.class_names) for suspect in found.suspects]
    for line in _lines(found, angle, rows[:show]):
        click.echo(line)
    if output is not None:
        _write(output, rows)
        click.echo(f"\nAll of them: {output}")


COLUMNS = ("angle", "identity", "nearest", "nearest_angle", "image")


def _source(run: "TrainedRun") -> Any:
    """The run's training data, if its identities are still those of the centers."""
    from framl_keras.training.build.data import open_training_source

    source = open_training_source(run.known_recipe)
    if list(source.class_names) != run.directory.class_names():
        raise UserError(
            f"{run.known_recipe.data.train}: its identities are no longer those that "
            f"{run.directory.path} was trained on. Expected the same data; train again."
        )
    return source


def _row(suspect: Any, names: "Sequence[str]") -> tuple[str, ...]:
    return (
        f"{suspect.angle:.1f}",
        names[suspect.label],
        names[suspect.nearest],
        f"{suspect.nearest_angle:.1f}",
        suspect.key,
    )


def _lines(found: Any, angle: float, rows: "Sequence[tuple[str, ...]]") -> list[str]:
    count, total = len(found.suspects), len(found.angles)
    lines = [
        f"{count:,} of {total:,} images ({100 * count / total:.2f} %) are farther than {angle:g} "
        "degrees from their identity's dominant center."
    ]
    if not rows:
        return lines
    table = [tuple(name.replace("_", " ") for name in COLUMNS), *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(COLUMNS))]
    return [*lines, "", *("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)]


def _write(path: str, rows: "Sequence[tuple[str, ...]]") -> None:
    import csv
    from pathlib import Path

    from framl_keras.data.atomic import write_beside

    with write_beside(Path(path)) as file, file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
