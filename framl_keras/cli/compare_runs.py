"""`framl-keras compare-runs`: is one run, or one similarity, better than another?"""

import click

from framl_keras.cli import completion
from framl_keras.cli.options import json_option, pairs_option, sim_option
from framl_keras.cli.show import show


@click.command("compare-runs")
@click.argument("first", metavar="A", shell_complete=completion.run)
@click.argument("second", metavar="[B]", required=False, shell_complete=completion.run)
@sim_option("cos")
@pairs_option
@json_option
def command(
    first: str, second: str | None, names: tuple[str, ...], sets: tuple[str, ...], as_json: bool
) -> None:
    """Test whether the runs A and B differ on the same pairs, or similarities of A.

    With one run, the first --sim is compared with the others. Differences are B's minus A's,
    with a 95% interval that respects what pairs share: identities, where they are known or
    follow from the pairs; and McNemar's exact test.

    For example: framl-keras compare-runs runs/a runs/b --sim cos
    """
    from framl_keras.api.compare_runs import compare_runs

    comparison = compare_runs(first, second, names, list(sets) or None, progress=True)
    show(comparison, as_json)
