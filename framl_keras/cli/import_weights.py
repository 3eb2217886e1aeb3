"""framl-keras import-weights: make an embedder of published weights."""

from pathlib import Path

import click

from framl_keras import backend
from framl_keras.cli import completion
from framl_keras.cli.options import json_option
from framl_keras.cli.show import show
from framl_keras.errors import UserError


@click.command()
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "name",
    metavar="NAME",
    shell_complete=completion.published,
    help="What it is: iresnet50, mbf, adaface_ir50, resnet50, …",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("embedder.keras"),
    show_default=True, help="The model to write.",
)  # fmt: skip
@click.option("--image-size", type=click.IntRange(16), default=112, show_default=True)
@click.option("--embedding-dim", type=click.IntRange(1), help="For .weights.h5 only.")
@click.option(
    "--tolerance", type=click.FloatRange(0), default=1e-4, show_default=True,
    help="The largest difference to the original's unit embeddings to accept.",
)  # fmt: skip
@click.option("--layout", metavar="NAME", help="arcface_torch or magface: their names are equal.")
@json_option
def command(
    source: Path,
    name: str | None,
    output: Path,
    image_size: int,
    embedding_dim: int | None,
    tolerance: float,
    layout: str | None,
    as_json: bool,
) -> None:
    """Make an embedder of published weights and compare it with the original.

    SRC is a torch state dict of insightface's arcface_torch, MagFace or AdaFace (.pth, .pt,
    .ckpt, .safetensors), a TensorFlow checkpoint of FRAML or arcface-tf2 (.index), or
    a .keras model, .weights.h5 or checkpoint (.ckpt) of ours. The embedder takes RGB pixels 0…255.
    """
    if output.suffix != ".keras":
        raise UserError(f"--output {output}: expected a name that ends with .keras")
    backend.choose()

    from framl_keras.api.import_weights import import_weights

    embedder = import_weights(source, name, image_size, embedding_dim, tolerance, layout)
    told = {"path": embedder.save(output), "dim": embedder.dim, **embedder.facts}
    show(told if as_json else f"{told['parity']}\nWrote {told['path']}", as_json)
