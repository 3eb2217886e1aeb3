"""`framl-keras align`: from raw photos to aligned faces."""

import os

import click


@click.command("align")
@click.argument("source", metavar="SRC", type=click.Path())
@click.argument("destination", metavar="DST", type=click.Path())
@click.option("--detector", "detector_name", metavar="NAME", default="yunet", show_default=True,
              help="yunet, yunet:FILE.onnx, scrfd:FILE.onnx, or a CSV of landmarks.")  # fmt: skip
@click.option("--size", type=click.IntRange(16, 1024), default=112, show_default=True,
              help="Side of the aligned images.")  # fmt: skip
@click.option("--faces", type=click.Choice(["largest", "center", "best", "all"]),
              default="largest", show_default=True, help="Which faces of a photo.")  # fmt: skip
@click.option("--border", type=click.Choice(["constant", "replicate", "reflect"]),
              default="constant", show_default=True,
              help="What lies beyond the photo: black, its edge, or its mirror image.")  # fmt: skip
@click.option("--keep", is_flag=True,
              help="Where no face is found, write the photo's middle.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 256), default=lambda: os.cpu_count() or 1,
              help="Threads; all cores by default.")  # fmt: skip
@click.option("--sheet", type=click.Path(), metavar="PNG",
              help="Draw the landmarks of some photos into a picture.")  # fmt: skip
@click.option("--overwrite", is_flag=True,
              help="Begin anew where DST was aligned with other settings.")  # fmt: skip
def command(
    source: str,
    destination: str,
    detector_name: str,
    size: int,
    faces: str,
    border: str,
    keep: bool,
    jobs: int,
    sheet: str | None,
    overwrite: bool,
) -> int:
    """Find the faces in the photos of SRC and write them, aligned, into DST.

    The tree of folders stays as it is. DST/alignment.csv says for each photo what became of it.
    Interrupted, the same command goes on where it was. Ends with status 1 if no photo has a face.

    For example: framl-keras align photos faces --size 112
    """
    import functools

    from tqdm import tqdm

    from framl_keras.photos import AlignOptions, align_folder, open_detector
    from framl_keras.photos.sheet import save_landmark_sheet

    bar = functools.partial(tqdm, unit="photo", disable=None)
    options = AlignOptions(size, faces, border, keep)  # type: ignore[arg-type]
    summary = align_folder(
        source,
        destination,
        open_detector(detector_name, source),
        options,
        jobs=jobs,
        overwrite=overwrite,
        progress=bar,
    )
    click.echo(str(summary))
    if sheet:
        save_landmark_sheet(source, summary.table, sheet)
        click.echo(f"Landmarks: {sheet}", err=True)
    return 0 if summary.counts["aligned"] else 1
