"""`framl-keras eval`: verify a run, or ready embeddings, and write a report."""

import click

from framl_keras.cli.options import (
    engine_option,
    json_option,
    pairs_option,
    run_option,
    sim_option,
)
from framl_keras.cli.show import show
from framl_keras.errors import UserError


@click.command("eval")
@sim_option("cos")
@run_option
@click.option(
    "--protocol",
    default="exact",
    show_default=True,
    help="How thresholds are chosen: exact, framl, or both.",
)
@pairs_option
@click.option(
    "--embeddings",
    metavar="FILE",
    help="Verify these instead of a run's: a .npz of embeddings (n, d), is_same (m,), and "
    "optionally pairs (m, 2), folds (m,), identities (n,), keys (n,). Without pairs, rows 0 and "
    "1, 2 and 3, … are pairs; with identities and no is_same, all pairs are. Or a NAME.npy of "
    "embeddings beside NAME_list.npy of answers.",
)
@click.option("--normalize", is_flag=True, help="Scale the vectors of --embeddings to length 1.")
@click.option("--out", metavar="DIR", help="Folder of the report instead of the run's reports/.")
@click.option("--no-plots", is_flag=True, help="Numbers only.")
@engine_option
@json_option
def command(
    names: tuple[str, ...],
    run_path: str | None,
    protocol: str,
    sets: tuple[str, ...],
    embeddings: str | None,
    normalize: bool,
    out: str | None,
    no_plots: bool,
    engine: str,
    as_json: bool,
) -> None:
    """Verify a trained run and write a report with plots.

    Processes that torchrun, SLURM or the like started share the images.

    For example: framl-keras eval --sim cos --sim ssim --protocol both
    """
    from framl_keras.evaluation import check_names

    check_names([name for name in names if name != "all"])
    if embeddings and (run_path or sets):
        raise UserError("--embeddings brings its own pairs. Leave out --run and --set.")

    from framl_keras.processes import join

    processes = join()  # before anything is computed
    from framl_keras.api.evaluate import evaluate

    with processes.scope():
        results = evaluate(
            embeddings or run_path,
            list(sets) or None,
            names,
            protocol,
            normalize,
            progress=True,
            engine=engine,
            processes=processes,
        )
        if processes.writes:
            show(results, as_json)
            page = results.report(out or results.new_folder(), plots=not no_plots)
            click.echo(f"\nReport: {page}", err=as_json)
