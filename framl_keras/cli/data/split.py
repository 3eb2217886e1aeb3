"""`framl-keras data split`: parts for training, validation and test, cut by identity."""

import click

from framl_keras.cli.data.columns import chosen_columns, columns_option


@click.command("split")
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DIR", type=click.Path(file_okay=False))
@click.option("--shares", type=float, nargs=3, default=(80, 10, 10), show_default=True,
              metavar="TRAIN VALIDATION TEST", help="Shares of the identities.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Decides which identities.")  # fmt: skip
@click.option("--format", "kind", type=click.Choice(["list", "tfrecord", "arrayrecord"]),
              help="A CSV of paths, or records; a CSV if the images are files.")  # fmt: skip
@click.option("--root", type=click.Path(), help="Folder that paths within SRC start from.")
@columns_option
def split(
    source: str,
    destination: str,
    shares: tuple[float, float, float],
    seed: int,
    kind: str | None,
    root: str | None,
    columns: str | None,
) -> None:
    """Cut SRC by identity into DIR/train, DIR/validation and DIR/test.

    No identity is in two parts; the same seed gives the same parts.

    For example: framl-keras data split faces parts --shares 70 15 15
    """
    from pathlib import Path

    from framl_keras.data.sources import open_source
    from framl_keras.data.splitting import split as split_source

    opened = open_source(source, root, columns=chosen_columns(columns))
    for file in split_source(opened, Path(destination), shares, seed, kind):
        part = open_source(str(file))
        click.echo(f"{file}: {len(part)} images of {len(part.class_names)} identities")
