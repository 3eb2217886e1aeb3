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
    default="auto",
    show_default=True,
    help="What computes embeddings: keras, onnx or openvino. For the latter two the model is "
    "exported once, compared with Keras, and kept. auto takes onnx for 20,000 images and more on "
    "a processor, where it is installed.",
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


merge_option = click.option("--merge", is_flag=True, help="Join all parts, which are there.")


def part_option(what: str) -> Callable[[Any], Any]:
    """`--part`, for work that many machines share.

    Args:
        what: what is done with a part.
    """
    return click.option("--part", metavar="i/n", help=f"{what} only part i of n, from 1.")


def parts_name_option(default: str) -> Callable[[Any], Any]:
    """`-o`, the name of work in parts that has no output of its own."""
    return click.option(
        "-o", "--output", default=default, show_default=True, type=click.Path(),
        help="Parts are kept in OUTPUT.parts.",
    )  # fmt: skip


def chosen_part(part: str | None, merge: bool) -> tuple[int, int] | None:
    """The part that is asked for; both it and `--merge` are none."""
    if part is None:
        return None
    if merge:
        raise click.UsageError("--merge takes no --part: it joins them all.")
    from framl_keras.data.parts import part_of

    chosen = part_of(part)
    return chosen.index, chosen.count


def tell_part(done: Any) -> int:
    """Says what became of a part, and what was left out; the exit status."""
    for message in done.left_out.values():
        click.echo(f"framl-keras: {message}", err=True)
    click.echo(f"{done.file}: {'written' if done.is_new else 'is there'}")
    return 1 if done.left_out else 0
