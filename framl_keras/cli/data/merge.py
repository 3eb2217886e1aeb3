"""`framl-keras data merge`: several sources as one."""

import click

from framl_keras.errors import UserError


@click.command("merge")
@click.argument("sources", metavar="SRC...", nargs=-1, required=True)
@click.argument("destination", metavar="DST", type=click.Path())
@click.option("--labels", type=click.Path(), metavar="CSV",
              help="A table name,label[,source] of common names.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Decides the order.")  # fmt: skip
@click.option("--on-error", type=click.Choice(["raise", "skip"]), default="raise",
              show_default=True, help="Stop at what cannot be read, or leave it out.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace DST and forget interrupted attempts.")
def merge(
    sources: tuple[str, ...],
    destination: str,
    labels: str | None,
    seed: int,
    on_error: str,
    overwrite: bool,
) -> None:
    """Write the images of several sources, of any formats, as records into DST.

    Identities of the same name are the same, except numbers, which are kept apart by the
    source's name (faces/7). --labels gives identities common names.

    For example: framl-keras data merge day1 day2 both.tfrecord
    """
    from pathlib import Path

    from framl_keras.data.conversion import ConvertOptions, convert
    from framl_keras.data.conversion.options import format_for
    from framl_keras.data.sources import Merged, open_source
    from framl_keras.data.sources.merged import names_of_sources, read_label_map

    if len(sources) < 2:
        raise UserError(f"One source only ({sources[0]}). Expected several, and then DST.")
    names = names_of_sources(sources)
    mapped = read_label_map(Path(labels), names) if labels else None
    opened = [open_source(location, on_error=on_error) for location in sources]
    path = Path(destination)
    options = ConvertOptions(format_for(path), seed=seed, on_error=on_error)
    merged = Merged(opened, names, mapped)
    written = convert(merged, path, options, " + ".join(sources), overwrite)
    click.echo(f"{path}: {written.records} images of {written.classes} identities")
