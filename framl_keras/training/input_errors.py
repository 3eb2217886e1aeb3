"""What goes wrong while batches are read, as itself, whatever a backend's `fit` makes of it."""

import logging
from collections.abc import Callable, Iterator
from types import TracebackType

from framl_keras.errors import UserError
from framl_keras.training.not_finite_error import NotFiniteError
from framl_keras.training.steps import whole_after_error
from framl_keras.training.steps.fit_mode import Batch

log = logging.getLogger(__name__)

_OURS = (UserError, NotFiniteError)  # said by the training itself, so about something else


class InputErrors:
    """Keeps the first error of the batches that pass, and raises it from the block around `fit`.

    TensorFlow runs the input path within its own threads and wraps what is raised there.

    Args:
        keep_state: saves the state after the last whole step, where that is still at hand;
            None where it can't be saved by one process alone.
    """

    def __init__(self, keep_state: Callable[[], None] | None):
        self.keep_state = keep_state
        self.first: Exception | None = None

    def watched(self, batches: Iterator[Batch], num_classes: int) -> Iterator[Batch]:
        """The same batches, which never end and whose labels are checked."""
        try:
            for pixels, labels in batches:
                if labels.min() < -1 or labels.max() >= num_classes:
                    wrong = labels[(labels < -1) | (labels >= num_classes)][0]
                    raise UserError(
                        f"data.train: label {wrong} is not within 0 to {num_classes - 1}, the "
                        f"labels of {num_classes} identities. Look with: framl-keras data check"
                    )
                yield pixels, labels
            raise RuntimeError(
                "The training's batches ended, though there is no end to them: an augmentation or "
                "a source raised StopIteration."
            )
        except Exception as error:
            self.first = error
            raise

    def __enter__(self) -> "InputErrors":
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.first is None or not isinstance(error, Exception):
            return
        if isinstance(error, _OURS) and error is not self.first:
            return
        try:
            if whole_after_error and self.keep_state is not None:
                self.keep_state()
        except Exception as also:  # what is told is why the run ends
            log.warning("The state before it could not be kept: %s", also)
        if error is not self.first:
            raise self.first from None
