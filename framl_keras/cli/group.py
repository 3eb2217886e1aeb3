"""The `framl-keras` group: finds a command by name and prints the user's errors in one line."""

import importlib
import os
import sys
from collections.abc import Sequence

import click

from framl_keras.errors import UserError
from framl_keras.version import __version__

COMMANDS = {  # name -> (where it is, what `--help` says; importing it just for that would be slow)
    "train": ("framl_keras.cli.train", "Train a recipe and verify the result."),
    "eval": ("framl_keras.cli.eval", "Verify a trained run in one or more similarities."),
    "encode": ("framl_keras.cli.encode", "Turn images into embeddings."),
    "compare": ("framl_keras.cli.compare", "Say whether two images show the same identity."),
    "align": ("framl_keras.cli.align", "Find faces in raw photos and align them."),
    "data": ("framl_keras.cli.data", "Convert, check and audit data sets."),
    "parity": ("framl_keras.cli.parity", "Train first steps on each backend and compare."),
    "recipe": ("framl_keras.cli.recipe", "Show recipes and their schema."),
    "identify": ("framl_keras.cli.identify", "Search a gallery: rank-k and open-set rates."),
    "calibrate": ("framl_keras.cli.calibrate", "Store thresholds and probabilities with a run."),
    "compare-runs": ("framl_keras.cli.compare_runs", "Test whether two runs differ."),
    "label-noise": ("framl_keras.cli.label_noise", "List images that may have a wrong label."),
    "import-weights": ("framl_keras.cli.import_weights", "Make an embedder of published weights."),
}


class LazyGroup(click.Group):
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
            return name, importlib.import_module(COMMANDS[name][0]).command, args[1:]
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="framl-keras")
@click.option("--traceback", is_flag=True, help="Show where in the code an error came up.")
def cli(traceback: bool) -> None:
    """Train, verify and compare recognition embeddings in Keras 3.

    The backend is chosen by KERAS_BACKEND: tensorflow, jax or torch.
    """
    from framl_keras.cli.messages import show_messages

    show_messages()  # before libraries are imported, some of which speak up then


def main(args: Sequence[str] | None = None) -> None:
    """Runs the command line; the user's errors are one line and exit status 2."""
    arguments = list(sys.argv[1:] if args is None else args)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow greets on every start
    try:
        status = cli.main(arguments, prog_name="framl-keras", standalone_mode=False)
    except UserError as error:
        if "--traceback" in arguments:
            raise
        _stop(f"framl-keras: {error}", 2)
    except click.ClickException as error:
        _stop(f"framl-keras: {error.format_message()}", error.exit_code)
    except click.exceptions.Abort:
        _stop("framl-keras: stopped", 130)
    sys.exit(status if isinstance(status, int) else 0)


def _stop(message: str, status: int) -> None:
    click.echo(message, err=True)
    sys.exit(status)
