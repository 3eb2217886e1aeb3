"""`framl-keras compare-runs`: is one run, or one similarity, better than another?"""

from typing import TYPE_CHECKING

import click

from framl_keras.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framl_keras.evaluation import Result


@click.command("compare-runs")
@click.argument("first", metavar="A")
@click.argument("second", metavar="[B]", required=False)
@click.option(
    "--sim",
    "names",
    metavar="NAME",
    multiple=True,
    default=["cos"],
    help="A similarity, or all. May repeat; with one run, the others are compared with the first."
    "  [default: cos]",
)
@click.option(
    "--set",
    "sets",
    metavar="NAME|PATH",
    multiple=True,
    help="A verification set instead of the recipe's of A. May repeat.",
)
def command(first: str, second: str | None, names: tuple[str, ...], sets: tuple[str, ...]) -> None:
    """Test whether the runs A and B differ on the same pairs, or similarities of A.

    Differences are B's minus A's, with a 95% interval that respects what pairs share:
    identities, where they are known or follow from the pairs; and McNemar's exact test.
    """
    from framl_keras.evaluation import SIMILARITIES, check_names

    similarities = SIMILARITIES if "all" in names else tuple(dict.fromkeys(names))
    check_names(similarities, "exact")
    if second is None and len(similarities) < 2:
        raise UserError("Nothing to compare with. Name two runs, or two similarities with --sim.")

    from framl_keras.runs.open_embedder import check_embedder

    for path in filter(None, (first, second)):
        check_embedder(path)  # so that a mistyped B is told before A is embedded
    results = _results(first, first, sets, similarities)
    if second is None:
        couples = [(one, other) for one, *others in _by_set(results) for other in others]
    else:
        couples = list(zip(results, _results(second, first, sets, similarities), strict=True))
    for one, other in couples:
        _print_test(one, other)


def _results(
    path: str, recipe_of: str, sets: "Sequence[str]", similarities: "Sequence[str]"
) -> "list[Result]":
    """A run's results on the verification sets of another's recipe."""
    from framl_keras.cli.eval import recipe_with_sets
    from framl_keras.evaluation import evaluate
    from framl_keras.runs.open_embedder import open_embedder
    from framl_keras.training.build.data import open_pair_sets

    run = open_embedder(path)
    other = run if path == recipe_of else open_embedder(recipe_of)
    pair_sets = open_pair_sets(recipe_with_sets(other.known_recipe, sets))
    return evaluate(
        run.model,
        pair_sets,
        image_size=run.image_size,
        central_crop=run.central_crop,
        similarities=similarities,
        baseline=False,
        source=path,
    )


def _by_set(results: "Sequence[Result]") -> "list[list[Result]]":
    names = dict.fromkeys(result.set_name for result in results)
    return [[result for result in results if result.set_name == name] for name in names]


def _print_test(one: "Result", other: "Result") -> None:
    """Prints both accuracies and what tells them apart."""
    from framl_keras.evaluation.significance import paired_test

    test = paired_test(one.verification, other.verification)
    click.echo(f"{one.set_name} ({len(one.verification.is_same):,} pairs)")
    for letter, result in (("A", one), ("B", other)):
        found = result.verification
        click.echo(
            f"  {letter}  {result.source}, {result.similarity}: accuracy "
            f"{100 * found.accuracy:.2f} ± {100 * found.accuracy_sd:.2f} %, "
            f"AUC {found.auc:.4f}, EER {100 * found.eer:.2f} %"
        )
    for name, difference in test.differences.items():
        scale, unit = (1, "") if name == "auc" else (100, " points")
        text = f"  B - A  {name:<9}{scale * difference.value:+.4f}{unit}  "
        if difference.interval is None:
            click.echo(f"{text}too few {test.resampled} for an interval")
            continue
        low, high = (scale * end for end in difference.interval)
        click.echo(
            f"{text}95% {low:+.4f} to {high:+.4f}  p = {difference.p:.3f} "
            f"(resampled {test.resampled})"
        )
    click.echo(
        f"  right in A only: {test.only_first}, in B only: {test.only_second}; McNemar's exact "
        f"p = {test.mcnemar_p:.3g} (takes pairs to be independent)\n"
    )
