"""Opens a trained run for the commands that use its model."""

from typing import TYPE_CHECKING, NamedTuple

from framl_keras import backend
from framl_keras.errors import UserError
from framl_keras.runs.directory import RunDirectory, find_run

if TYPE_CHECKING:
    import keras

    from framl_keras.recipe import Recipe


class TrainedRun(NamedTuple):
    """A run's files, recipe and embedding model."""

    directory: RunDirectory
    recipe: "Recipe"
    model: "keras.Model"


def open_run(path: str | None) -> TrainedRun:
    """Opens the named run, or the newest, on the chosen backend.

    Raises:
        UserError: if there is none, or its model cannot be loaded.
    """
    directory = find_run(path)
    recipe = directory.recipe()
    backend.choose()

    import keras  # noqa: PLC0415 - the backend is chosen first

    try:
        model = keras.saving.load_model(directory.embedder, compile=False)
    except (ValueError, OSError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{directory.embedder}: not a model that Keras can load: {reason}. Train it again."
        ) from None
    return TrainedRun(directory, recipe, model)
