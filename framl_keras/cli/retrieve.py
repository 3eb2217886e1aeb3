"""`framl-keras retrieve`: whether the nearest images are of the same class."""

import click

from framl_keras.cli.options import engine_option, json_option, one_sim_option, run_option
from framl_keras.cli.show import show


@click.command("retrieve")
@click.argument("data", required=False)
@click.option("--k", "ks", type=click.IntRange(1), multiple=True, default=(1, 2, 4, 8),
              show_default=True, help="Of Recall@k; may repeat.")  # fmt: skip
@one_sim_option
@run_option
@engine_option
@json_option
def command(
    data: str | None,
    ks: tuple[int, ...],
    name: str,
    run_path: str | None,
    engine: str,
    as_json: bool,
) -> None:
    """Look for each image of DATA among all others: Recall@k, R-precision and MAP@R.

    DATA is a folder <class>/<image>, or other training data. Without it, the run's own
    verification images are used.
    """
    from framl_keras.evaluation import check_similarity

    check_similarity(name)
    from framl_keras.api.retrieve import retrieve

    retrieved = retrieve(run_path, data, ks, name, engine, progress=True)
    if as_json:
        show(retrieved, as_json)
    else:
        click.echo(retrieved.summary())
