"""What a margin is to the head that carries it."""

import inspect
from collections.abc import Callable
from typing import Any

from keras import ops

Tensor = Any
AddWeight = Callable[..., Any]


class Margin:
    """Base of margins: rules that make the true class harder to reach.

    The head calls, in this order, on a copy of its own: `check` and `build` once; `update`
    in training; `target`; `others`; `penalty`. A subclass defines `target` and whatever
    else it needs. Its constructor takes exactly what `get_config` returns.

    With `@margins.register` a recipe knows it by name, `margin: {name: MyMargin, ...}`, and
    saved models load it; see `register`.

    Example:
    >>> class Softer(Margin):
    ...     def target(self, cosine, lengths):
    ...         return cosine - 0.1
    >>> from framl_keras.layers import ArcMarginLayer
    >>> head = ArcMarginLayer(num_classes=10, margin=Softer())
    """

    def build(self, add_weight: AddWeight) -> None:
        """Makes the margin's state.

        Args:
            add_weight: makes a weight of the head that is saved but not trained;
                takes `name`, `shape`, `initializer` and `dtype`.
        """

    def update(self, cosine: Tensor, norms: Tensor, labeled: Tensor) -> None:
        """Follows a training batch.

        Args:
            cosine: cos θ to each row's class, `(batch,)`.
            norms: lengths of the embeddings, `(batch,)`.
            labeled: 1.0 for rows with a label and 0.0 for those with -1, `(batch,)`.
        """

    def check(self, num_classes: int) -> None:
        """Raises a ValueError if the margin cannot serve so many classes."""

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        """The cosine to the true class, with the margin.

        Args:
            cosine: cos θ to each row's class, `(batch,)`.
            norms: lengths of the embeddings, `(batch,)`.
            training: whether this is a training step.
            labels: each row's class, int32 `(batch,)`, -1 for none: for margins that
                differ by class. A subclass that has no use for them may leave them out.

        Returns:
            `(batch,)`; what stands in rows without a label is not used.
        """
        raise TypeError(f"{type(self).__name__} must define `target`")

    def others(self, cosines: Tensor, cosine: Tensor) -> Tensor:
        """The cosines to all classes; the head then writes `target` over the true one.

        Args:
            cosines: `(batch, num_classes)`.
            cosine: cos θ to each row's class, `(batch,)`.

        Returns:
            `(batch, num_classes)`; rows without a label are left as they were.
        """
        return cosines

    def penalty(self, norms: Tensor, labeled: Tensor) -> Tensor | None:
        """A scalar to add to the loss, if any.

        Args:
            norms: lengths of the embeddings, `(batch,)`.
            labeled: as in `update`.
        """
        return None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Margin":
        """The margin with these arguments."""
        return cls(**config)


def sees_labels(margin: Margin) -> bool:
    """Whether a margin's `target` takes `labels`, which a subclass may leave out.

    Example:
    >>> from framl_keras.margins import DynamicMargin
    >>> sees_labels(DynamicMargin(class_sizes=[3, 4]))
    True
    """
    return "labels" in inspect.signature(margin.target).parameters


def mean_of(values: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean of `(batch,)`, and 0 where all weights are."""
    return ops.sum(values * weights) / ops.maximum(ops.sum(weights), 1.0)
