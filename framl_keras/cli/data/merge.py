"""`framl-keras data merge`: several sources as one."""

import click

from framl_keras.cli.data.columns import chosen_columns, columns_option


@click.command("merge")
@click.argument("sources", metavar="SRC...", nargs=-1, required=True)
@click.argument("destination", metavar="DST", type=click.Path())
@click.option("--labels", type=click.Path(), metavar="CSV",
              help="A table name,label[,source] of common names.")  # fmt: skip
@click.option("--root", type=click.Path(), help="Folder that paths within each SRC start from.")
@columns_option
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Decides the order.")  # fmt: skip
@click.option("--on-error", type=click.Choice(["raise", "skip"]), default="raise",
              show_default=True, help="Stop at what cannot be read, or leave it out.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace DST and forget interrupted attempts.")
def merge(
    sources: tuple[str, ...],
    destination: str,
    labels: str | None,
    root: str | None,
    columns: str | None,
    seed: int,
    on_error: str,
    overwrite: bool,
) -> None:
    """Write the images of several sources, of any formats, as records into DST.

    Identities of the same name are the same, except numbers, which are kept apart by the
    source's name (faces/7). --labels gives identities common names.

    For example: framl-keras data merge day1 day2 both.tfrecord
    """
    from framl_keras.data.front import merge as merge_data

    written = merge_data(
        sources, destination, labels, root=root, columns=chosen_columns(columns),
        seed=seed, on_error=on_error, overwrite=overwrite,
    )  # fmt: skip
    click.echo(f"{destination}: {written.records} images of {written.classes} identities")
