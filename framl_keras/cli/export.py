"""`framl-keras export`: one file for another runtime, shown to give what Keras gives."""

from typing import TYPE_CHECKING

import click

from framl_keras.cli import completion

if TYPE_CHECKING:
    from framl_keras.export import Exported


@click.command("export")
@click.argument("run_path", metavar="[RUN]", required=False, shell_complete=completion.run)
@click.option(
    "--format",
    "format_name",
    default="onnx",
    show_default=True,
    metavar="FORMAT",
    help="onnx, saved_model, litert, openvino, torch or stablehlo.",
)
@click.option("-o", "--output", help="The file to write.  [default: RUN's name and the suffix]")
@click.option(
    "--precision",
    default="float32",
    show_default=True,
    metavar="NAME",
    help="float32, float16 or int8. int8 is kept only if it verifies as well.",
)
@click.option("--plain", is_flag=True, help="The bare embedding, neither mirrored nor scaled.")
@click.option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(),
    metavar="PATH",
    help="An image or a folder to compare on, instead of the run's sets. May repeat.",
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME|PATH",
    help="A verification set instead of the recipe's. May repeat.",
)
@click.option(
    "--import",
    "modules",
    multiple=True,
    metavar="MODULE",
    help="A module that registers layers of your own. May repeat.",
)
@click.option(
    "--sim",
    "similarity",
    metavar="NAME",
    shell_complete=completion.similarity,
    help="A file of two image batches that gives their similarity.",
)
@click.option(
    "--dim",
    type=click.IntRange(1),
    help="With --sim: compare vectors of this length, and no images; needs no run.",
)
@click.option("--license", "license_text", metavar="TEXT", help="What the model card is to say.")
def command(
    run_path: str | None,
    format_name: str,
    output: str | None,
    precision: str,
    plain: bool,
    images: tuple[str, ...],
    sets: tuple[str, ...],
    modules: tuple[str, ...],
    similarity: str | None,
    dim: int | None,
    license_text: str | None,
) -> None:
    """Export RUN's embedder, or the newest run's, with mirror fusion and unit length in it.

    The file takes uint8 pixels. It is compared with Keras on real images and on the
    verification sets; a file that gives anything else is not written. MODEL_CARD.md beside
    it says what it is. With --sim, the file compares two batches of images, or of vectors.
    """
    from framl_keras.errors import UserError
    from framl_keras.export import (
        check_format,
        check_precision,
        export_pair_of_run,
        export_run,
        export_similarity,
    )
    from framl_keras.export.formats import writers_of

    suffix = check_format(format_name).suffix
    check_precision(precision, format_name)
    if similarity and (plain or precision != "float32"):
        raise UserError("--sim goes with neither --plain nor --precision.")
    if dim and not (similarity and run_path is None):
        raise UserError("--dim goes with --sim and without a run: it compares vectors.")
    writers_of(format_name)  # what is missing is said before any work
    if similarity and dim:
        path = export_similarity(similarity, dim, output or similarity + suffix, format_name)
        click.echo(f"Written to {path}")
        return
    from framl_keras.runs.open_embedder import open_embedder
    from framl_keras.similarities import check_similarity

    if similarity:
        check_similarity(similarity)
    run = open_embedder(run_path)
    name = output or run.directory.path.absolute().name + suffix
    if similarity:
        parity = export_pair_of_run(
            run, similarity, name, format_name, images, sets, modules, license_text
        )
        click.echo(
            f"{name}: {format_name}, {similarity} of two images, at most {parity.largest:.1e} from "
            "our own evaluation"
        )
        return
    exported = export_run(
        run, name, format_name, plain, images, sets, modules, precision, license_text
    )
    click.echo("\n".join(_lines(exported)))


def _lines(exported: "Exported") -> list[str]:
    """What was written and how far from Keras it is."""
    lines = [
        f"{exported.path}: {exported.format}, at most {exported.parity.largest:.1e} from Keras in "
        f"unit embeddings of {exported.parity.images} images"
    ]
    for each in exported.verification:
        (keras, file), others = each.accuracy, each.other_verdicts
        lines.append(
            f"{each.set_name}: accuracy {100 * keras:.2f} % by Keras, {100 * file:.2f} % by the "
            f"file; {others} of {each.pairs:,} pairs judged otherwise"
        )
    return lines
