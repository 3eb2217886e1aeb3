"""`framl-keras encode`: turn images into embeddings."""

import click

from framl_keras.cli.options import align_option, engine_option, json_option, run_option
from framl_keras.cli.show import show


@click.command("encode")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("-o", "--output", default="embeds.npy", show_default=True, help="Where to write.")
@click.option("--plain", is_flag=True, help="Do not add the mirror image's embedding.")
@run_option
@align_option
@engine_option
@json_option
def command(
    images: tuple[str, ...],
    output: str,
    plain: bool,
    run_path: str | None,
    align: str,
    engine: str,
    as_json: bool,
) -> int:
    """Write the L2-normalized embeddings of images, or of all images in folders.

    OUTPUT is float32, one row an image; the images' paths go beside it, into
    OUTPUT with .json in place of .npy. --json prints names and vectors instead.

    For example: framl-keras encode photos -o photos.npy
    """
    from framl_keras.data.inputs import input_images
    from framl_keras.data.transforms import decode

    found = input_images(images)
    if len(found) == 1:
        decode(found[0])  # what is wrong is said before a backend loads

    from framl_keras.embedder import Embedder

    embedder = Embedder.load(run_path, engine)
    encoded = embedder.encode(found, not plain, progress=True, on_error="skip", align=align)
    for message in encoded.left_out.values():
        click.echo(f"framl-keras: {message}", err=True)
    if as_json:
        show(encoded, as_json)
    else:
        rows, dim = encoded.vectors.shape
        click.echo(f"{encoded.save(output)}: {rows} embeddings of length {dim}")
    return 1 if encoded.left_out else 0
