"""Callbacks for any Keras `fit`: verification between epochs, and a stop at the first NaN."""

import logging
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from framl_keras.data.view import View
from framl_keras.evaluation import POINTS_ALONE, Result, check_names, evaluate
from framl_keras.runs.verification_sets import pair_sets_of

log = logging.getLogger(__name__)


class Verify(keras.callbacks.Callback):
    """Verifies a model on pairs between epochs, and adds the numbers to `fit`'s logs.

    Each set and similarity gives `val_<set>_<similarity>_accuracy`, `…_auc` and `…_eer`, by which
    `EarlyStopping` and `ModelCheckpoint` may go if they come after this one.

    Args:
        embedder: an `Embedder`, or the Keras model from pixels to vectors that is being trained,
            or a part of it.
        pairs: a path, a verification set, triples `(a, b, same)`, or a list of sets.
        every: epochs between verifications.
        similarities: names.
        central_crop: whether a plain model sees only the middle of each image.
        aspect_ratio: how a plain model sees images of other proportions; see `fk.data.View`.

    Raises:
        UserError: if the pairs cannot be read, or a name is unknown.

    Example:
    >>> model.fit(x, y, callbacks=[Verify(model, "lfw.bin"), StopAtNaN()])  # doctest: +SKIP
    """

    def __init__(
        self,
        embedder: Any,
        pairs: Any,
        every: int = 1,
        similarities: Sequence[str] = ("cos",),
        central_crop: bool = False,
        aspect_ratio: str = "stretch",
    ):
        super().__init__()
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"`every` must be 1 or more. Received: every={every!r}")
        check_names(similarities)
        self.embedder, self.every, self.similarities = embedder, every, list(similarities)
        self.pair_sets = pair_sets_of(pairs)
        self.seen = {"central_crop": central_crop, "aspect_ratio": aspect_ratio}
        self.results: list[Result] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Verifies where it is due; the numbers of the last time stay in the logs meanwhile."""
        if (epoch + 1) % self.every == 0:
            self._verify()
            for name, value in self._numbers().items():
                self.history.setdefault(name, []).append(value)
        if logs is not None:
            logs.update(self._numbers())

    def _verify(self) -> None:
        if isinstance(self.embedder, keras.Model):
            model = self.embedder
            view = View.of_facts(model.input_shape, self.seen)
        else:
            model, view = self.embedder.model, self.embedder.view
        _ = self.model  # reading it brings JAX' trained weights back into the layers
        self.results = evaluate(
            model,
            self.pair_sets,
            view,
            similarities=self.similarities,
            judging=POINTS_ALONE,
            baseline=False,
            progress=False,
        )
        for result in self.results:
            log.info("%s: %s accuracy %.4f", result.set_name, result.similarity, result.accuracy)

    def _numbers(self) -> dict[str, float]:
        numbers = {}
        for result in self.results:
            name = f"val_{result.set_name}_{result.similarity}"
            numbers[f"{name}_accuracy"] = float(result.accuracy)
            numbers[f"{name}_auc"] = float(result.verification.auc)
            numbers[f"{name}_eer"] = float(result.verification.eer)
        return numbers


class StopAtNaN(keras.callbacks.Callback):
    """Ends `fit` with an error at the first loss that is NaN or infinite, naming the step.

    Keras' `TerminateOnNaN` ends silently, as if training were done.

    Args:
        every: steps between looks; a look waits for the device.

    Raises:
        FloatingPointError: in `fit`, when a loss is not finite.

    Example:
    >>> model.fit(x, y, callbacks=[StopAtNaN()])  # doctest: +SKIP
    """

    def __init__(self, every: int = 1):
        super().__init__()
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"`every` must be 1 or more. Received: every={every!r}")
        self.every, self._epoch, self._batch = every, 0, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remembers the epoch, for the message."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the loss where it is time to."""
        self._batch = batch
        if (batch + 1) % self.every == 0:
            self._look(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the epoch's loss."""
        self._look(logs)

    def _look(self, logs: dict[str, Any] | None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(float(loss)):
            raise FloatingPointError(
                f"Epoch {self._epoch + 1}, step {self._batch + 1}: the loss is {float(loss)}. "
                "Lower the learning rate, warm it up, or clip gradients (clipnorm=1.0); the "
                "weights may hold NaN now, so load them anew."
            )
