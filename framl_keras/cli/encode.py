"""`framl-keras encode`: turn images into embeddings."""

from pathlib import Path

import click


@click.command("encode")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("-o", "--output", default="embeds.npy", show_default=True, help="Where to write.")
@click.option("--run", "run_path", metavar="DIR", help="The run; the newest when none is named.")
def command(images: tuple[str, ...], output: str, run_path: str | None) -> int:
    """Write the L2-normalized embeddings of images, or of all images in folders.

    OUTPUT is float32, one row an image; the images' paths go beside it, into
    OUTPUT with .json in place of .npy.
    """
    from framl_keras.data.files import ImageFiles, find_images
    from framl_keras.errors import UserError

    paths = find_images(images)
    readable = [path for path in paths if _is_readable(path, complain=len(paths) > 1)]
    if not readable:
        raise UserError(f"None of {len(paths)} images could be read.")

    from framl_keras.evaluation import embed
    from framl_keras.runs.trained_run import open_run

    run = open_run(run_path)
    embeddings = embed(run.model, ImageFiles(readable), run.image_size, run.central_crop)
    _write(Path(output), embeddings, readable)
    click.echo(f"{output}: {embeddings.shape[0]} embeddings of length {embeddings.shape[1]}")
    return 0 if len(readable) == len(paths) else 1


def _is_readable(path: Path, complain: bool) -> bool:
    """Whether an image decodes; of many, those that don't are named and left out."""
    from framl_keras.data.sources import Sample
    from framl_keras.data.transforms import decode
    from framl_keras.errors import UserError

    try:
        decode(Sample(path.read_bytes(), -1, str(path)))
    except UserError as error:
        if not complain:
            raise
        click.echo(f"framl-keras: {error}", err=True)
        return False
    return True


def _write(output: Path, embeddings, keys: list[Path]) -> None:  # type: ignore[no-untyped-def]
    """Writes the embeddings and, beside them, where each came from."""
    import json

    import numpy as np

    from framl_keras.data.atomic import write_beside

    with write_beside(output) as file, file.open("wb") as stream:
        np.save(stream, embeddings, allow_pickle=False)
    with write_beside(output.with_suffix(".json")) as file:
        text = json.dumps([str(key) for key in keys], ensure_ascii=False, indent=0)
        file.write_text(text, encoding="utf-8")
