"""`framl-keras identify`: who is on each image, and how well identities are found."""

from pathlib import Path

import click

from framl_keras.cli.options import (
    align_option,
    engine_option,
    json_option,
    one_sim_option,
    run_option,
)
from framl_keras.cli.show import show
from framl_keras.errors import UserError


@click.command("identify")
@click.argument("gallery", required=False)
@click.argument("probes", required=False, nargs=-1)
@one_sim_option
@run_option
@click.option("--top", type=click.IntRange(1), default=1, show_default=True,
              help="Identities to name for each probe.")  # fmt: skip
@click.option("--show", "shown", type=click.IntRange(0), default=20, show_default=True,
              help="Print this many lines of them.")  # fmt: skip
@click.option(
    "--strangers",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.3,
    show_default=True,
    help="Without GALLERY: share of the identities that are left out of it.",
)
@click.option("--out", metavar="FILE.csv|DIR",
              help="Write who is on each image as CSV; into a folder, with the CMC as a "
              "picture.")  # fmt: skip
@align_option
@engine_option
@json_option
def command(
    gallery: str | None,
    probes: tuple[str, ...],
    name: str,
    run_path: str | None,
    top: int,
    shown: int,
    strangers: float,
    out: str | None,
    align: str,
    engine: str,
    as_json: bool,
) -> None:
    """Find who of GALLERY, arranged as <identity>/<image>, is on each image of PROBES.

    PROBES are images or folders. Each gets its nearest identities with their scores, and the
    verdict at the run's threshold. Where PROBES is arranged as <identity>/<image> too, rates
    tell how many were found; identities that are not in the gallery are strangers. Without
    the two, the run's own verification images are used: each identity's first image is the
    gallery.

    For example: framl-keras identify people visitor.jpg --out who.csv
    """
    from framl_keras.evaluation import check_similarity

    check_similarity(name)
    if gallery is not None and not probes:
        raise UserError("A gallery without probes. Expected both GALLERY and PROBES, or neither.")

    from framl_keras.embedder import Embedder

    images = probes[0] if len(probes) == 1 else probes or None
    embedder = Embedder.load(run_path, engine)
    identified = embedder.identify(
        gallery, images, name, top, strangers, progress=True, align=align
    )
    if as_json:
        show(identified, as_json)
    else:
        click.echo(identified.summary(shown))
    if out is not None:
        for path in identified.write(Path(out)):
            click.echo(f"Wrote {path}", err=True)
