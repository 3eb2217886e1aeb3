"""`framl-keras calibrate`: store thresholds and probabilities with a run."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from framl_keras.evaluation.calibration import Calibration
    from framl_keras.runs.trained_run import TrainedRun


@click.command("calibrate")
@click.option(
    "--far",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=1e-3,
    show_default=True,
    help="Share of different-pairs that may be taken for same.",
)
@click.option(
    "--sim",
    "names",
    metavar="NAME",
    multiple=True,
    default=["all"],
    help="A similarity, or all. May repeat.  [default: all]",
)
@click.option("--run", "run_path", metavar="DIR", help="The run; the newest when none is named.")
@click.option(
    "--set",
    "sets",
    metavar="NAME|PATH",
    multiple=True,
    help="A verification set instead of the recipe's. May repeat.",
)
def command(
    far: float, names: tuple[str, ...], run_path: str | None, sets: tuple[str, ...]
) -> None:
    """Find each similarity's threshold at a false accept rate, and its probabilities.

    Both are stored in the run's calibration.json, where `compare` looks for them.
    Where identities are known, all pairs of a set's images are used.
    """
    from framl_keras.evaluation import SIMILARITIES, check_names

    similarities = SIMILARITIES if "all" in names else tuple(dict.fromkeys(names))
    check_names(similarities, "exact")

    from framl_keras.evaluation.calibration import calibrate, write_calibrations
    from framl_keras.runs.trained_run import open_run
    from framl_keras.similarities import comparable_distances

    run = open_run(run_path)
    embeddings, pairs, is_same = _pairs(run, sets)
    model = run.weights
    found = [
        calibrate(comparable_distances(embeddings, pairs, name), is_same, name, far, model)
        for name in similarities
    ]
    for line in _lines(found):
        click.echo(line)
    click.echo(f"\nStored in {write_calibrations(run.directory.path, found)}")


def _pairs(
    run: "TrainedRun", sets: "Sequence[str]"
) -> tuple["np.ndarray", "np.ndarray", "np.ndarray"]:
    """Embeddings, pairs and answers of all sets together."""
    import numpy as np

    from framl_keras.cli.eval import recipe_with_sets
    from framl_keras.evaluation.embed import embed_with, mirror_fused
    from framl_keras.evaluation.identity_pairs import identity_pairs
    from framl_keras.training.build.data import open_pair_sets

    function = mirror_fused(run.model)
    vectors, rows, answers, done = [], [], [], 0
    for pairs in open_pair_sets(recipe_with_sets(run.known_recipe, sets)):
        found = embed_with(
            function, pairs.images, run.image_size, run.central_crop, title=pairs.name
        )
        is_known = found.identities.min() >= 0
        chosen = identity_pairs(found.identities) if is_known else (pairs.pairs, pairs.is_same)
        vectors.append(found.embeddings)
        rows.append(chosen[0] + done)
        answers.append(chosen[1])
        done += len(found.embeddings)
    return np.concatenate(vectors), np.concatenate(rows), np.concatenate(answers)


def _lines(found: "Sequence[Calibration]") -> list[str]:
    """A table of what was found."""
    first = found[0]
    lines = [
        f"{first.num_same:,} same-pairs and {first.num_different:,} different-pairs, "
        f"{first.false_accepts:,} of which are accepted at a false accept rate of {first.far:g}",
        "",
        f"{'similarity':<12}{'distance below':>15}{'TAR %':>9}{'Cllr':>8}{'min Cllr':>10}",
    ]
    for c in found:
        numbers = f"{c.threshold:>15.4f}{100 * c.tar:>9.2f}{c.cllr:>8.3f}{c.min_cllr:>10.3f}"
        lines.append(f"{c.similarity:<12}{numbers}")
    return lines
