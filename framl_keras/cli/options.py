"""Options that several commands have."""

from collections.abc import Callable
from typing import Any

import click

from framl_keras.cli import completion

one_sim_option = click.option(
    "--sim",
    "name",
    metavar="NAME",
    shell_complete=completion.similarity,
    default="cos",
    show_default=True,
    help="Similarity.",
)
recipe_argument = click.argument(
    "recipe_file", metavar="RECIPE", type=click.Path(), shell_complete=completion.recipe
)
run_option = click.option(
    "--run",
    "run_path",
    metavar="WHERE",
    shell_complete=completion.run,
    help="A run's folder, a checkpoint, a .keras file or hf://user/name; the newest run when none "
    "is named.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
set_option = click.option(
    "--set",
    "changes",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a key of the recipe. May repeat.",
)
pairs_option = click.option(
    "--set",
    "sets",
    metavar="NAME|PATH",
    multiple=True,
    help="A verification set instead of the recipe's. May repeat.",
)


align_option = click.option(
    "--align",
    type=click.Choice(["auto", "never", "always"]),
    default="auto",
    show_default=True,
    help="Find the faces and align them, as the run's training images were where it knows that.",
)

engine_option = click.option(
    "--engine",
    metavar="NAME",
    shell_complete=completion.engine,
    default="keras",
    show_default=True,
    help="What computes embeddings: keras, onnx or openvino. For the latter two the model is "
    "exported once, compared with Keras, and kept.",
)


def sim_option(default: str) -> Callable[[Any], Any]:
    """`--sim NAME`, which may repeat."""
    return click.option(
        "--sim",
        "names",
        metavar="NAME",
        shell_complete=completion.similarity,
        multiple=True,
        default=[default],
        help="A similarity: diff, cos, corr, fft_corr, direct_corr, ssim, or all. May repeat.  "
        f"[default: {default}]",
    )
