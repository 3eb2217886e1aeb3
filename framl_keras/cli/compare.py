"""`framl-keras compare`: say whether two images show the same identity."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from framl_keras.runs.trained_run import TrainedRun


@click.command("compare")
@click.argument("left", metavar="A", type=click.Path())
@click.argument("right", metavar="B", type=click.Path())
@click.option(
    "--sim",
    "names",
    metavar="NAME",
    multiple=True,
    default=["all"],
    help="A similarity: diff, cos, corr, fft_corr, direct_corr, ssim, or all. May repeat.  "
    "[default: all]",
)
@click.option("--run", "run_path", metavar="DIR", help="The run; the newest when none is named.")
def command(left: str, right: str, names: tuple[str, ...], run_path: str | None) -> None:
    """Compare images A and B: value, distance, the run's threshold and the verdict.

    After `framl-keras calibrate`, thresholds are those of the false accept rate
    asked for there, and a probability is told.
    """
    from framl_keras.data.files import ImageFiles, find_images
    from framl_keras.data.transforms import decode
    from framl_keras.evaluation import SIMILARITIES, check_similarity

    similarities = SIMILARITIES if "all" in names else tuple(dict.fromkeys(names))
    for name in similarities:
        check_similarity(name)
    images = ImageFiles(find_images([left, right]))
    for image in images:
        decode(image)

    from framl_keras.runs.trained_run import open_run

    for line in _lines(open_run(run_path), images, similarities):
        click.echo(line)


def _lines(run: "TrainedRun", images, similarities) -> list[str]:  # type: ignore[no-untyped-def]
    """A table with a line for each similarity."""
    import numpy as np

    from framl_keras.evaluation import embed
    from framl_keras.evaluation.calibration import read_calibrations
    from framl_keras.runs.thresholds import read_thresholds
    from framl_keras.similarities import comparable_distances

    vectors = embed(run.model, images, run.image_size, run.central_crop, progress=False)
    folder = run.directory.path
    model = run.weights
    calibrations = read_calibrations(folder, model)
    thresholds = read_thresholds(folder, model) | {n: c.threshold for n, c in calibrations.items()}
    lines = [f"{'similarity':<12}{'value':>9}{'distance':>10}{'threshold':>11}  verdict"]
    for name in similarities:
        distance = float(comparable_distances(vectors, np.array([[0, 1]]), name)[0])
        value = distance if name == "diff" else 1 - distance
        line = f"{name:<12}{value:>9.4f}{distance:>10.4f}"
        if name in thresholds:
            same = distance < thresholds[name]
            line += f"{thresholds[name]:>11.4f}  {'same' if same else 'different'}"
        else:
            line += f"{'-':>11}  unknown: verify the run first with framl-keras calibrate"
        if name in calibrations:
            line += f", probability {calibrations[name].probability(distance):.3f}"
        lines.append(line)
    return lines
