"""`framl-keras compare`: say whether two images show the same identity."""

import click

from framl_keras.cli.options import align_option, json_option, run_option, sim_option
from framl_keras.cli.show import show


@click.command("compare")
@click.argument("left", metavar="A", type=click.Path())
@click.argument("right", metavar="B", type=click.Path())
@sim_option("all")
@run_option
@align_option
@json_option
def command(
    left: str,
    right: str,
    names: tuple[str, ...],
    run_path: str | None,
    align: str,
    as_json: bool,
) -> None:
    """Compare images A and B: value, distance, the run's threshold and the verdict.

    After `framl-keras calibrate`, thresholds are those of the false accept rate
    asked for there, and a probability is told.

    For example: framl-keras compare ada.jpg visitor.jpg --sim cos
    """
    from framl_keras.data.inputs import one_image
    from framl_keras.data.transforms import decode
    from framl_keras.evaluation import check_names

    check_names([name for name in names if name != "all"])
    for path in (left, right):
        decode(one_image(path, path)[0])  # what is wrong is said before a backend loads

    from framl_keras.embedder import Embedder

    answer = Embedder.load(run_path).compare(left, right, names, align)
    show(answer, as_json)
    if not as_json and any(judgment.same is None for judgment in answer):
        click.echo(
            "\nNo threshold is known where it says unknown. Find one with: framl-keras calibrate",
            err=True,
        )
