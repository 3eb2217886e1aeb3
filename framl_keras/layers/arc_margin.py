"""The margin head: embeddings and labels to logits."""

import math
from typing import Any

import keras
from keras import ops

from framl_keras.ops.class_columns import at_label, replace_at_label
from framl_keras.ops.margins import additive_angular_margin
from framl_keras.ops.precision import at_least_float32, working_dtype
from framl_keras.ops.unit_vectors import unit_vectors

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("framl_keras")
class ArcMarginLayer(keras.layers.Layer):
    """Scaled cosines to class centres, with an angular margin on the true class.

    `layer(embeddings)` gives s·cos θ for every class: for accuracy and inference.
    `layer(embeddings, labels)` gives the same with s·cos(θ + m) at the label, where
    cos θ > cos(π - m), and s·(cos θ - m·sin m) beyond; train it with plain sparse
    cross-entropy from logits.

    Cosines, margin and scaling run in float32 under any dtype policy. Gradients are
    finite everywhere, also for zero embeddings and at cos θ = ±1.

    Args:
        num_classes: number of classes.
        margin: m in radians, within [0, pi).
        scale: s, positive.
        kernel_initializer: initializer of the centres.
        kernel_regularizer: penalty on the centres, if any.

    Call arguments:
        embeddings: `(batch, dim)`, of any length; they are normalised here.
        labels: integers `(batch,)` or `(batch, 1)`; a row with label -1 gets no margin.

    Output shape:
        `(batch, num_classes)` in float32 (float64 under a float64 policy).

    Raises:
        ValueError: if an argument is out of range or the embeddings aren't `(batch, dim)`.

    Example:
    >>> head = ArcMarginLayer(num_classes=10)
    >>> embeddings, labels = np.ones((2, 512)), np.array([3, 7])
    >>> head(embeddings, labels).shape
    (2, 10)

    Reference:
        Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition",
        CVPR 2019, https://arxiv.org/abs/1801.07698
    """

    def __init__(
        self,
        num_classes: int,
        margin: float = 0.5,
        scale: float = 64.0,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        _check_arguments(num_classes, margin, scale)
        self.num_classes = num_classes
        self.margin = margin
        self.scale = scale
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, embeddings_shape: Shape, labels_shape: Shape | None = None) -> None:
        if len(embeddings_shape) != 2 or embeddings_shape[-1] is None:
            raise ValueError(
                "`embeddings` must be of shape (batch, dim) with a known dim. "
                f"Received: embeddings.shape={tuple(embeddings_shape)}"
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.num_classes, embeddings_shape[-1]),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            autocast=False,
        )

    def call(self, embeddings: Tensor, labels: Tensor | None = None) -> Tensor:
        embeddings, kernel = at_least_float32(embeddings, ops.convert_to_tensor(self.kernel))
        cosines = ops.matmul(unit_vectors(embeddings), ops.transpose(unit_vectors(kernel)))
        if labels is not None:
            labels = ops.reshape(ops.cast(labels, "int32"), (-1,))
            target = additive_angular_margin(at_label(cosines, labels), self.margin)
            cosines = replace_at_label(cosines, labels, target)
        return self.scale * cosines

    def compute_output_shape(
        self, embeddings_shape: Shape, labels_shape: Shape | None = None
    ) -> Shape:
        return (embeddings_shape[0], self.num_classes)

    def compute_output_spec(
        self, embeddings: Tensor, labels: Tensor | None = None
    ) -> keras.KerasTensor:
        dtype = working_dtype(embeddings.dtype, self.variable_dtype)
        return keras.KerasTensor(self.compute_output_shape(embeddings.shape), dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "margin": self.margin,
            "scale": self.scale,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


def _check_arguments(num_classes: int, margin: float, scale: float) -> None:
    if not isinstance(num_classes, int) or num_classes < 1:
        raise ValueError(
            f"`num_classes` must be a positive integer. Received: num_classes={num_classes!r}"
        )
    if not 0.0 <= margin < math.pi:
        raise ValueError(
            f"`margin` must be an angle in radians within [0, pi). Received: margin={margin}"
        )
    if not 0.0 < scale < math.inf:
        raise ValueError(f"`scale` must be positive and finite. Received: scale={scale}")
