"""`framl-keras data convert`: write any training data as TFRecord or ArrayRecord."""

import click

from framl_keras.cli.data.columns import chosen_columns, columns_option
from framl_keras.cli.options import (
    chosen_part,
    json_option,
    merge_option,
    part_option,
    tell_part,
)
from framl_keras.cli.show import show

_NAMED = 20


@click.command("convert")
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST", type=click.Path())
@click.option("--format", "format_name", type=click.Choice(["tfrecord", "arrayrecord"]),
              help="The format; by DST's suffix, or else TFRecord.")  # fmt: skip
@click.option("--online", is_flag=True, help="Store the images' paths instead of the images.")
@click.option("--shards", type=click.IntRange(1, 99_999), help="Number of files.")
@click.option("--jobs", type=click.IntRange(1, 256),
              help="Threads that read and encode. By default one, the quickest where images are "
              "copied as they are, or all cores with --resize.")  # fmt: skip
@click.option("--resize", type=click.IntRange(8, 4096), metavar="SIDE",
              help="Stretch images to SIDE x SIDE.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Decides the order.")  # fmt: skip
@click.option("--root", type=click.Path(), help="Folder that paths within SRC start from.")
@columns_option
@click.option("--on-error", type=click.Choice(["raise", "skip"]), default="raise",
              show_default=True, help="Stop at what cannot be read, or leave it out.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace DST and forget interrupted attempts.")
@part_option("Write")
@merge_option
@json_option
def convert(
    source: str,
    destination: str,
    format_name: str | None,
    online: bool,
    shards: int | None,
    jobs: int | None,
    resize: int | None,
    seed: int,
    root: str | None,
    columns: str | None,
    on_error: str,
    overwrite: bool,
    part: str | None,
    merge: bool,
    as_json: bool,
) -> int:
    """Write the images of SRC, shuffled, as records into DST.

    SRC is `orl`, `synthetic:people=100,images=20`, or the path of TFRecord, ArrayRecord,
    MXNet RecordIO, a list `path,label`, or a folder <identity>/<image>.
    Interrupted, the same command goes on where it was.

    Many machines can share it: each writes a part of --shards N files, and one joins them with
    --merge.

    For example: framl-keras data convert faces faces.tfrecord --resize 112
    """
    from dataclasses import asdict
    from pathlib import Path

    from framl_keras import data

    if online and resize:
        raise click.UsageError("--resize changes images, but --online stores only their paths.")
    chosen = chosen_part(part, merge)
    options = (
        format_name, online, shards, jobs, resize, seed, root, on_error, overwrite,
        chosen_columns(columns),
    )  # fmt: skip
    try:
        if chosen is not None:
            return tell_part(data.convert_part(source, destination, chosen, *options))
        written = data.convert(source, destination, *options, parts=merge)
    except KeyboardInterrupt:
        click.echo("\nInterrupted; the same command goes on where it was.", err=True)
        raise click.Abort from None
    if as_json:
        show(asdict(written), as_json)
    else:
        _report(written, Path(destination))
    return 0


def _report(written, path) -> None:  # type: ignore[no-untyped-def]
    """Says what was written, and what was not."""
    for message in written.skipped[:_NAMED]:
        click.echo(f"left out: {message}", err=True)
    if len(written.skipped) > _NAMED:
        click.echo(f"left out: … and more, all in {path}.manifest.json", err=True)
    files = f" in {len(written.shards)} files" if len(written.shards) > 1 else ""
    lost = len(written.skipped) + len(written.left_out)
    skipped = f"; {lost} left out" if lost else ""
    click.echo(f"{path}: {written.records} images of {written.classes} people{files}{skipped}")
