"""`framl-keras encode`: turn images into embeddings."""

from typing import TYPE_CHECKING, Any

import click

from framl_keras.cli.options import (
    align_option,
    chosen_part,
    engine_option,
    json_option,
    merge_option,
    part_option,
    run_option,
    tell_part,
)
from framl_keras.cli.show import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from framl_keras.evaluation.embeddings import Embeddings


@click.command("encode")
@click.argument("images", metavar="IMAGE...", nargs=-1)
@click.option("-o", "--output", default="embeds.npy", show_default=True, help="Where to write.")
@click.option("--plain", is_flag=True, help="Do not add the mirror image's embedding.")
@part_option("Encode")
@merge_option
@run_option
@align_option
@engine_option
@json_option
def command(
    images: tuple[str, ...],
    output: str,
    plain: bool,
    part: str | None,
    merge: bool,
    run_path: str | None,
    align: str,
    engine: str,
    as_json: bool,
) -> int:
    """Write the L2-normalized embeddings of images, or of all images in folders.

    OUTPUT is float32, one row an image; the images' paths go beside it, into
    OUTPUT with .json in place of .npy. --json prints names and vectors instead.

    Processes that torchrun, SLURM or the like started share the images by themselves. Many
    machines can share a list without: each encodes a part, and one merges them. The bytes are
    those of one process; a part that is there is not encoded again.

    For example: framl-keras encode photos -o photos.npy
    """
    if merge:
        return _done(_merged(images, part, output), output, as_json)
    if not images:
        raise click.UsageError("Name images or folders to encode.")

    from framl_keras.data.inputs import input_images
    from framl_keras.data.transforms import decode

    chosen = chosen_part(part, merge)
    inputs = input_images(images)
    if len(inputs) == 1:
        decode(inputs[0])  # what is wrong is said before a backend loads

    from framl_keras.processes import ALONE, join

    processes = ALONE if chosen else join()  # before anything is computed
    from framl_keras.embedder import Embedder

    options: Any = {"fused": not plain, "align": align, "progress": processes.writes}
    with processes.scope():
        embedder = Embedder.load(run_path, engine)
        if chosen is not None:
            from framl_keras.api.encode_part import encode_part

            return tell_part(encode_part(embedder, inputs, output, chosen, **options))
        if processes.processes > 1:
            from framl_keras.api.encode_together import encode_together

            whole = encode_together(embedder, inputs, output, processes, **options)
            return 0 if whole is None else _done(whole, output, as_json, has_parts=True)
        return _done(embedder.encode(inputs, on_error="skip", **options), output, as_json)


def _merged(images: tuple[str, ...], part: str | None, output: str) -> "Embeddings":
    if images or part:
        raise click.UsageError("--merge takes no images and no --part: the parts have them.")
    from framl_keras.evaluation.embedding_parts import merge_parts

    return merge_parts(output)


def _done(encoded: "Embeddings", output: str, as_json: bool, has_parts: bool = False) -> int:
    """Says what was left out, and writes or prints the rest; the exit status."""
    status = _told(encoded.left_out)
    if as_json:
        show(encoded, as_json)
    else:
        rows, dim = encoded.vectors.shape
        click.echo(f"{encoded.save(output)}: {rows} embeddings of length {dim}")
    if has_parts:
        from framl_keras.evaluation.embedding_parts import remove_parts

        remove_parts(output)
    return status


def _told(left_out: "Mapping[str, str]") -> int:
    """Says what was left out; the exit status."""
    for message in left_out.values():
        click.echo(f"framl-keras: {message}", err=True)
    return 1 if left_out else 0
