"""What a run leaves: the state that was chosen, or else the last, and a file that says which."""

from collections.abc import Iterable
from typing import Any

import keras

from framl_keras.runs.open_embedder import put_weights
from framl_keras.training.build.precise_batch_norm import average_batch_norm
from framl_keras.training.callbacks.progress import Progress
from framl_keras.training.callbacks.verification import VerifyBetweenEpochs
from framl_keras.training.checkpoints.folder import Checkpoints


def settle(
    embedder: keras.Model,
    checkpoints: Checkpoints,
    verification: VerifyBetweenEpochs,
    progress: Progress,
    images: Iterable[Any],
    on_test: bool = False,
) -> dict[str, Any]:
    """Puts an embedder into the state that the run delivers.

    That is the best where one was chosen, which has its statistics of batch normalization
    averaged already, and else the last, whose statistics are averaged now.

    Args:
        embedder: the model that was trained.
        checkpoints: where the best state is.
        verification: what chose.
        progress: how far the run is.
        images: what batch normalization's statistics are averaged over.
        on_test: whether the set that chose is one of the test's.

    Returns:
        What the embedder's file says of the state; see `describe_state`.
    """
    facts: dict[str, Any] = {"step": progress.step, "total_steps": progress.total_steps}
    best = verification.best() if verification.chooses else None
    checkpoint = checkpoints.best() if best else None
    if best is None or checkpoint is None:
        average_batch_norm(embedder, images)
        return facts
    put_weights(embedder, checkpoint, checkpoints.best_path)
    chosen = {"by": best["by"], "on": best["on"], "value": abs(best["score"]), "on_test": on_test}
    return {**facts, "step": best["step"], "selection": chosen}
