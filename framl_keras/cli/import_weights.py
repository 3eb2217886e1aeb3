"""framl-keras import-weights: make an embedder of published weights."""

from pathlib import Path

import click

from framl_keras import backend
from framl_keras.errors import UserError


@click.command()
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@click.option(
    "--as", "name", metavar="NAME", help="What it is: iresnet50, mbf, adaface_ir50, resnet50, …"
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
def command(
    source: Path,
    name: str | None,
    output: Path,
    image_size: int,
    embedding_dim: int | None,
    tolerance: float,
) -> None:
    """Make an embedder of published weights and compare it with the original.

    SRC is a torch state dict of insightface's arcface_torch or AdaFace (.pth, .pt,
    .ckpt, .safetensors), a TensorFlow checkpoint of FRAML or arcface-tf2 (.index), or
    a .keras model, .weights.h5 or checkpoint (.ckpt) of ours. The embedder takes RGB pixels 0…255.
    """
    if output.suffix != ".keras":
        raise UserError(f"--output {output}: expected a name that ends with .keras")
    backend.choose()
    from framl_keras.data.atomic import write_beside
    from framl_keras.published import import_weights
    from framl_keras.published.imported import Imported
    from framl_keras.runs.checkpoint import is_checkpoint
    from framl_keras.runs.open_embedder import open_embedder

    imported = (
        Imported(open_embedder(source).model, 0.0, "keras")
        if is_checkpoint(source)
        else import_weights(source, name, image_size, embedding_dim)
    )
    _check(source, imported.difference, tolerance)
    with write_beside(output) as file:
        imported.embedder.save(file)
    click.echo(f"{_parity(imported.difference, imported.framework)}\nWrote {output}")


def _check(source: Path, difference: float | None, tolerance: float) -> None:
    """Refuses an embedder that computes something else than the original."""
    if difference is not None and not difference <= tolerance:
        raise UserError(
            f"{source}: embeddings differ from the original's by {difference:.1e}, more than "
            f"--tolerance {tolerance:g}. Nothing was written."
        )


def _parity(difference: float | None, framework: str) -> str:
    """What the comparison with the original gave."""
    if difference is None:
        return f"Parity not checked: {framework} is not installed."
    if framework == "keras":
        return "A Keras model already: nothing to compare."
    return f"Parity with {framework}: unit embeddings differ by at most {difference:.1e}."
