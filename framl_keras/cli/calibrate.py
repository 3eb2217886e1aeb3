"""`framl-keras calibrate`: store thresholds and probabilities with a run."""

import click

from framl_keras.cli.options import json_option, pairs_option, run_option, sim_option
from framl_keras.cli.show import show


@click.command("calibrate")
@click.option(
    "--far",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=1e-3,
    show_default=True,
    help="Share of different-pairs that may be taken for same.",
)
@sim_option("all")
@run_option
@pairs_option
@json_option
def command(
    far: float,
    names: tuple[str, ...],
    run_path: str | None,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find each similarity's threshold at a false accept rate, and its probabilities.

    Both are stored in the run's calibration.json, where `compare` looks for them.
    Where identities are known, all pairs of a set's images are used.

    For example: framl-keras calibrate --far 0.001
    """
    from framl_keras.evaluation import check_names

    check_names([name for name in names if name != "all"])

    from framl_keras.embedder import Embedder

    embedder = Embedder.load(run_path)
    calibrations = embedder.calibrate(list(sets) or None, far, names, progress=True)
    if not as_json:
        click.echo(f"{calibrations.summary}\n")
    show(calibrations, as_json)
    if not as_json:
        click.echo(f"\nStored in {embedder.keep_calibrations()}")
