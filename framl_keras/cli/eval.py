"""`framl-keras eval`: verify a run, or ready embeddings, and write a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from framl_keras.errors import UserError

if TYPE_CHECKING:
    from framl_keras.data.pairs import PairSet
    from framl_keras.evaluation import Result
    from framl_keras.recipe import Recipe
    from framl_keras.runs.directory import RunDirectory


class Evaluated(NamedTuple):
    """Results with what the report says about them."""

    results: "Sequence[Result]"
    pair_sets: "Sequence[PairSet]"
    facts: dict[str, Any]
    run: "RunDirectory"


@click.command("eval")
@click.option(
    "--sim",
    "names",
    metavar="NAME",
    multiple=True,
    default=["cos"],
    help="A similarity: diff, cos, corr, fft_corr, direct_corr, ssim, or all. May repeat.  "
    "[default: cos]",
)
@click.option("--run", "run_path", metavar="DIR", help="The run; the newest when none is named.")
@click.option(
    "--protocol",
    default="exact",
    show_default=True,
    help="How thresholds are chosen: exact, framl, or both.",
)
@click.option(
    "--set",
    "sets",
    metavar="NAME|PATH",
    multiple=True,
    help="A verification set instead of the recipe's. May repeat.",
)
@click.option(
    "--embeddings",
    metavar="FILE",
    help="Verify these instead of a run's: a .npz of embeddings (n, d), is_same (m,), and "
    "optionally pairs (m, 2), folds (m,), identities (n,), keys (n,). Without pairs, rows 0 and "
    "1, 2 and 3, … are pairs. Or a NAME.npy of embeddings beside NAME_list.npy of answers.",
)
@click.option("--normalize", is_flag=True, help="Scale the vectors of --embeddings to length 1.")
@click.option("--out", metavar="DIR", help="Folder of the report instead of the run's reports/.")
@click.option("--no-plots", is_flag=True, help="Numbers only.")
def command(
    names: tuple[str, ...],
    run_path: str | None,
    protocol: str,
    sets: tuple[str, ...],
    embeddings: str | None,
    normalize: bool,
    out: str | None,
    no_plots: bool,
) -> None:
    """Verify a trained run and write a report with plots.

    For example: framl-keras eval --sim cos --sim ssim --protocol both
    """
    from framl_keras.evaluation import SIMILARITIES, check_names, format_table

    similarities = SIMILARITIES if "all" in names else tuple(dict.fromkeys(names))
    check_names(similarities, protocol)
    if embeddings is None:
        found = _of_run(run_path, sets, similarities, protocol)
    else:
        if run_path or sets:
            raise UserError("--embeddings brings its own pairs. Leave out --run and --set.")
        found = _of_embeddings(embeddings, normalize, similarities, protocol)
    click.echo(format_table(found.results))
    page = _write(found, out, plots=not no_plots, images=embeddings is None)
    click.echo(f"\nReport: {page}")


def _write(found: Evaluated, out: str | None, plots: bool, images: bool) -> Path:
    """Writes the report, into the run's reports unless told where."""
    from framl_keras.evaluation.report import write_report

    try:
        folder = Path(out) if out else found.run.new_report()
        return write_report(folder, found.results, found.pair_sets, found.facts, plots, images)
    except OSError as error:
        raise UserError(
            f"Cannot write the report: {error}. Choose another folder with --out DIR."
        ) from None


def _of_run(
    run_path: str | None,
    sets: Sequence[str],
    similarities: Sequence[str],
    protocol: str,
) -> Evaluated:
    """Embeds the sets' images with a run's model."""
    from framl_keras import backend
    from framl_keras.evaluation import evaluate
    from framl_keras.evaluation.report import facts_of
    from framl_keras.runs.trained_run import open_run
    from framl_keras.training.build.data import open_pair_sets

    run = open_run(run_path)
    pair_sets = open_pair_sets(recipe_with_sets(run.known_recipe, sets))
    results = evaluate(
        run.model,
        pair_sets,
        image_size=run.image_size,
        central_crop=run.central_crop,
        similarities=similarities,
        protocol=protocol,
    )
    facts = facts_of(
        backend.choose(),
        run=str(run.directory.path),
        embedder=str(run.path),
        step=run.step,
        weights=run.weights,
        image_size=run.image_size,
        central_crop=run.central_crop,
        data={result.set_name: result.fingerprint for result in results},
    )
    return Evaluated(results, pair_sets, facts, run.directory)


def _of_embeddings(
    path: str, normalize: bool, similarities: Sequence[str], protocol: str
) -> Evaluated:
    """Takes embeddings as they are, from any model."""
    from framl_keras.data.pairs.embeddings import read_embeddings
    from framl_keras.evaluation.ready import fingerprint, verify_ready
    from framl_keras.evaluation.report import facts_of
    from framl_keras.runs.directory import RunDirectory

    ready = read_embeddings(path)
    results = verify_ready(ready, similarities, protocol, normalize)
    facts = facts_of(
        embeddings=str(path), normalized=normalize, fingerprint=fingerprint(ready.embeddings)
    )
    return Evaluated(results, [ready.pair_set()], facts, RunDirectory("."))


def recipe_with_sets(recipe: "Recipe", sets: Sequence[str]) -> "Recipe":
    """The recipe with these verification sets: its own by name, others by path.

    Raises:
        UserError: if it names no set and none is given.
    """
    test = recipe.data.test
    if sets:
        test = {_set_name(name, sets, test): test.get(name, name) for name in sets}
    if not test:
        raise UserError(
            f"The recipe {recipe.name} names no verification set. Name one with --set PATH."
        )
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"test": test})})


def _set_name(name: str, sets: Sequence[str], known: dict[str, str]) -> str:
    """A recipe's name for a set, or the last part of its path if no other set has the same."""
    stem = Path(name).stem
    is_alone = sum(Path(other).stem == stem for other in sets) == 1
    return stem if is_alone and name not in known else name
