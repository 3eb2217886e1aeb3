"""`framl-keras label-noise`: list training images that may have a wrong label."""

import click

from framl_keras.cli.options import json_option, run_option
from framl_keras.cli.show import show as show_result


@click.command("label-noise")
@run_option
@click.option("--angle", type=click.FloatRange(0, 180), default=75.0, show_default=True,
              help="Degrees from which on an image is listed.")  # fmt: skip
@click.option("--show", type=click.IntRange(min=0), default=20, show_default=True,
              help="Print this many of them.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write all to a CSV file.")
@json_option
def command(
    run_path: str | None, angle: float, show: int, output: str | None, as_json: bool
) -> None:
    """List a run's training images that are far from their identity's dominant center.

    Train with sub-centers (`model.sub_centers: 3`): images of other identities then gather at
    centers of their own, and the one with the most images is the dominant one. Beyond
    about 75 degrees most images have a wrong label, say the authors of sub-center ArcFace.

    For example: framl-keras label-noise --angle 75 -o suspects.csv
    """
    from framl_keras import backend

    backend.choose()

    from framl_keras.api.label_noise import label_noise

    noise = label_noise(run_path, angle)
    if as_json:
        show_result(noise, as_json)
    else:
        click.echo(noise.summary(show))
    if output is not None:
        noise.to_csv(output)
        click.echo(f"\nAll of them: {output}", err=as_json)
