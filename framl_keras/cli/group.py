"""The `framl-keras` group: finds a command by name and prints the user's errors in one line."""

import importlib
import importlib.metadata
import logging
import os
import platform
import sys
from collections.abc import Sequence

import click

from framl_keras.cli.strict_group import StrictGroup
from framl_keras.errors import UserError
from framl_keras.version import __version__

_READER_GONE = 141  # what a shell shows for a program that a broken pipe ends
COMMANDS = {  # name -> (where it is, what `--help` says; importing it just for that would be slow)
    "train": ("framl_keras.cli.train", "Train a recipe and verify the result."),
    "eval": ("framl_keras.cli.eval", "Verify a trained run in one or more similarities."),
    "encode": ("framl_keras.cli.encode", "Turn images into embeddings."),
    "compare": ("framl_keras.cli.compare", "Say whether two images show the same identity."),
    "export": ("framl_keras.cli.export", "Write a run's model for another runtime."),
    "align": ("framl_keras.cli.align", "Find faces in raw photos and align them."),
    "data": ("framl_keras.cli.data", "Convert, check and audit data sets."),
    "parity": ("framl_keras.cli.parity", "Train first steps on each backend and compare."),
    "recipe": ("framl_keras.cli.recipe", "Show recipes and their schema."),
    "identify": ("framl_keras.cli.identify", "Search a gallery: rank-k and open-set rates."),
    "retrieve": ("framl_keras.cli.retrieve", "Look for each image among all others: Recall@k."),
    "calibrate": ("framl_keras.cli.calibrate", "Store thresholds and probabilities with a run."),
    "compare-runs": ("framl_keras.cli.compare_runs", "Test whether two runs differ."),
    "label-noise": ("framl_keras.cli.label_noise", "List images that may have a wrong label."),
    "import-weights": ("framl_keras.cli.import_weights", "Make an embedder of published weights."),
}


EXAMPLES = {  # what a command's help ends with, where its own text has no example
    "train": "train quickstart --set train.epochs=10",
    "eval": "eval --sim cos --sim ssim --protocol both",
    "encode": "encode photos a.png b.png -o embeds.npy",
    "compare": "compare a.png b.png --sim cos",
    "align": "align photos faces --size 112",
    "export": "export runs/mine --format onnx -o mine.onnx",
    "data convert": "data convert faces faces.tfrecord --resize 112",
    "data check": "data check faces --sheet faces.png",
    "data audit": "data audit faces.tfrecord lfw.bin",
    "parity": "parity quickstart --set train.batch_size=8",
    "identify": "identify gallery probes --sim cos",
    "retrieve": "retrieve products --k 1 --k 10",
    "calibrate": "calibrate --far 1e-3 --sim cos",
    "compare-runs": "compare-runs runs/first runs/second",
    "label-noise": "label-noise --angle 75 -o suspects.csv",
    "import-weights": "import-weights backbone.pth --as iresnet50 -o embedder.keras",
    "recipe list": "recipe list",
    "recipe show": "recipe show quickstart --set train.epochs=3",
    "recipe schema": "recipe schema > recipe.schema.json",
}
PACKAGES = {  # the distributions under which each may be installed
    "Keras": ("keras", "keras-nightly"),
    "TensorFlow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly"),
    "JAX": ("jax",),
    "Torch": ("torch",),
}


class LazyGroup(StrictGroup):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands' names, in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's name and short help, without importing it."""
        if cmd_name not in COMMANDS:
            return None
        return click.Command(cmd_name, short_help=COMMANDS[cmd_name][1])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that is called and imports it."""
        name = args[0]
        if name in COMMANDS:
            command = importlib.import_module(COMMANDS[name][0]).command
            return name, with_examples(name, command), args[1:]
        return super().resolve_command(ctx, args)


def with_examples(name: str, command: click.Command) -> click.Command:
    """Ends the help of a command, and of those in a group, with an example."""
    for inner, each in getattr(command, "commands", {}).items():
        with_examples(f"{name} {inner}", each)
    if name in EXAMPLES and "For example" not in (command.help or ""):
        command.epilog = f"\b\nFor example: framl-keras {EXAMPLES[name]}"
    return command


def show_versions(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    """Prints the version, and those of Python, Keras and the backends; imports none of them."""
    if not asked or ctx.resilient_parsing:
        return
    click.echo(f"framl-keras, version {__version__}")
    click.echo(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for title, packages in PACKAGES.items():
        click.echo(f"{title} {next(filter(None, map(_version, packages)), 'is not installed')}")
    if chosen := os.environ.get("KERAS_BACKEND"):
        click.echo(f"KERAS_BACKEND={chosen}")
    ctx.exit()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_versions,
    help="Show the versions of framl-keras, Python, Keras and the backends.",
)
@click.option("--traceback", is_flag=True, help="Show where in the code an error came up.")
def cli(traceback: bool) -> None:
    """Train, verify and compare recognition embeddings in Keras 3.

    The backend is chosen by KERAS_BACKEND: tensorflow, jax or torch.

    \b
    framl-keras train quickstart
    framl-keras eval --sim all
    framl-keras compare a.png b.png

    Commands and options complete in bash after this (zsh and fish alike):

    \b
    eval "$(_FRAML_KERAS_COMPLETE=bash_source framl-keras)"
    """

    show_messages()  # before libraries are imported, some of which speak up then


def main(args: Sequence[str] | None = None) -> None:
    """Runs the command line; the user's errors are one line and exit status 2."""
    arguments = list(sys.argv[1:] if args is None else args)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow greets on every start
    try:
        status = cli.main(arguments, prog_name="framl-keras", standalone_mode=False)
        sys.stdout.flush()  # where that fails, it is said below
    except OSError as error:
        if "--traceback" in arguments:
            raise
        _stop_for_the_disk(error)
    except UserError as error:
        if "--traceback" in arguments:
            raise
        _stop(f"framl-keras: {error}", 2)
    except click.ClickException as error:
        _stop(f"framl-keras: {error.format_message()}", error.exit_code)
    except click.exceptions.Abort:
        _stop("framl-keras: stopped", 130)
    sys.exit(status if isinstance(status, int) else 0)


def _stop_for_the_disk(error: OSError) -> None:
    """Ends in one line where a disk is full or refuses, quietly where a pipe's reader has gone.

    Raises:
        OSError: the same, if it is of another kind.
    """
    from framl_keras.runs.disk import explain, is_of_the_disk

    if not isinstance(error, BrokenPipeError) and not is_of_the_disk(error):
        raise error
    if sys.__stdout__ is not None and sys.stdout is sys.__stdout__:  # flushed at Python's end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
    if isinstance(error, BrokenPipeError):
        sys.exit(_READER_GONE)
    again = "Make room and run the command again."
    _stop(f"framl-keras: {explain(error, 'The output', again)}", 2)


def _stop(message: str, status: int) -> None:
    click.echo(message, err=True)
    sys.exit(status)


class _TqdmHandler(logging.Handler):
    """Prints above whatever bar is being shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one message."""
        from tqdm import tqdm

        tqdm.write(self.format(record), file=sys.stderr)


def show_messages() -> None:
    """Sends what `framl_keras` logs, from INFO up, to the terminal; of the rest, warnings."""
    logging.getLogger("framl_keras").setLevel(logging.INFO)
    root = logging.getLogger()  # where libraries would put one of theirs, were there none
    if not any(isinstance(handler, _TqdmHandler) for handler in root.handlers):
        handler = _TqdmHandler()
        handler.addFilter(_concerns_the_user)
        root.addHandler(handler)


def _concerns_the_user(record: logging.LogRecord) -> bool:
    """Not so that Grain finds no JAX to profile, where another backend trains."""
    return "jax profiler" not in record.getMessage()
