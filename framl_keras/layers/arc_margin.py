"""The margin head: embeddings and labels to logits."""

from functools import partial, reduce
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from framl_keras import margins
from framl_keras.layers.arc_margin_arguments import check_arguments, row_optimizer_of
from framl_keras.layers.row_sgd import RowSGD
from framl_keras.layers.sampled_kernel import SampledKernel
from framl_keras.ops.backend import right_transposed
from framl_keras.ops.class_columns import at_label, is_nearest, replace_at_label
from framl_keras.ops.cross_entropies import cross_entropies, over_labeled
from framl_keras.ops.own_and_others import own_and_others
from framl_keras.ops.precision import at_least_float32, working_dtype
from framl_keras.ops.unit_vectors import lengths, unit_rows, unit_vectors

Tensor = Any
Shape = tuple[int | None, ...]
Backward = Literal["exact", "straight_through"]


@keras.saving.register_keras_serializable("framl_keras")
class ArcMarginLayer(keras.layers.Layer):
    """Scaled cosines to class centers, with a margin on the true class.

    `layer(embeddings)` gives s·cos θ for every class: for accuracy and inference.
    `layer(embeddings, labels)` gives the same with the margin at the label; train it
    with plain sparse cross-entropy from logits. With a number m for `margin` the label's
    logit is s·cos(θ + m) where cos θ > cos(π - m), and s·(cos θ - m·sin m) beyond.

    Cosines, margin and scaling run in float32 under any dtype policy. Gradients are
    finite everywhere, also for zero embeddings and at cos θ = ±1.

    Args:
        num_classes: number of classes.
        margin: ArcFace's m in radians, within [0, pi), or a margin of `framl_keras.margins`.
        scale: s, positive.
        kernel_initializer: initializer of the centers.
        kernel_regularizer: penalty on the centers, if any.
        sub_centers: centers a class; the nearest one counts (sub-center ArcFace).
        backward: `exact` differentiates the margin, as the papers and insightface's first
            (MXNet) code do. `straight_through` lets the gradient with respect to the
            cosine be the scale, as if there were no margin: insightface's torch code
            (arcface_torch) does so, and models published there were trained so.
        interclass_filter: negatives with a cosine above this get the logit 0, with no
            gradient (arcface_torch's `interclass_filtering_threshold`); `None` keeps all.
        sample_rate: part of the classes that a training step sees (Partial FC): the
            batch's own and random others, drawn anew each step. Below 1 the layer trains
            its centers itself, and `layer(embeddings, labels)` gives three tensors, from which
            `losses` makes what is trained.
        row_optimizer: a `RowSGD`, how the sampled centers are updated where
            `sample_rate` is below 1. The others get no gradient, momentum or decay.
        seed: of the sampling.

    Call arguments:
        embeddings: `(batch, dim)`, of any length; they are normalized here.
        labels: integers `(batch,)` or `(batch, 1)`; a row with label -1 gets no margin.
        losses: gives the cross-entropies instead, for little memory; see below, and
            `losses.as_given`, with which they are trained.

    Output shape:
        `(batch, num_classes)` in float32 (float64 under a float64 policy). With labels and
        a `sample_rate` below 1: logits `(batch, num_sampled)`; int32 `(batch,)`, the
        label's place among the sampled classes, -1 where there is no label; and `(batch,)`,
        1 where that class is the nearest of them, without margin, and 0 elsewhere.

        With `losses` two tensors `(batch,)`: each row's cross-entropy, 0 for label -1 and
        so weighted that the mean is that of the other rows; and 1 where the label's class
        is the nearest, else 0. The logits, `(batch, num_classes)`, are then there twice at
        most, see `own_and_others`; but not with several sub-centers, an
        `interclass_filter`, or a margin on other classes, such as CurricularFace's.

    Raises:
        ValueError: if an argument is out of range or the embeddings aren't `(batch, dim)`.

    Example:
    >>> head = ArcMarginLayer(num_classes=10)
    >>> embeddings, labels = np.ones((2, 512)), np.array([3, 7])
    >>> tuple(head(embeddings, labels).shape)
    (2, 10)
    >>> head = ArcMarginLayer(num_classes=10, margin=framl_keras.margins.CosFace(0.4))
    >>> losses, is_right = head(embeddings, labels, losses=True)

    Reference:
        Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition",
        CVPR 2019, https://arxiv.org/abs/1801.07698
        Deng et al., "Sub-center ArcFace: Boosting Face Recognition by Large-scale Noisy
        Web Faces", ECCV 2020
        An et al., "Partial FC: Training 10 Million Identities on a Single Machine",
        ICCVW 2021, https://arxiv.org/abs/2010.05222
    """

    def __init__(
        self,
        num_classes: int,
        margin: "float | margins.Margin" = 0.5,
        scale: float = 64.0,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        sub_centers: int = 1,
        backward: Backward = "exact",
        interclass_filter: float | None = None,
        sample_rate: float = 1.0,
        row_optimizer: RowSGD | dict[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        check_arguments(num_classes, scale, sub_centers, backward, interclass_filter)
        self.row_optimizer = row_optimizer_of(sample_rate, row_optimizer, kernel_regularizer)
        self.margin_rule = margins.get(margin)
        self.num_classes = num_classes
        self.margin = margin if isinstance(margin, int | float) else self.margin_rule
        self.scale = scale
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.sub_centers = sub_centers
        self.backward = backward
        self.interclass_filter = interclass_filter
        self.sample_rate, self.seed = sample_rate, seed
        self._sampled = (
            SampledKernel(num_classes, sub_centers, sample_rate, self.row_optimizer, seed)
            if self.row_optimizer
            else None
        )

    def build(self, embeddings_shape: Shape, labels_shape: Shape | None = None) -> None:
        if len(embeddings_shape) != 2 or embeddings_shape[-1] is None:
            raise ValueError(
                "`embeddings` must be of shape (batch, dim) with a known dim. "
                f"Received: embeddings.shape={tuple(embeddings_shape)}"
            )
        # Row k * num_classes + c is sub-center k of class c.
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.sub_centers * self.num_classes, embeddings_shape[-1]),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            autocast=False,
            trainable=self._sampled is None,
        )
        if self._sampled:
            self._sampled.build(self.add_weight, self.kernel, embeddings_shape[-1])
        self.margin_rule.build(partial(self.add_weight, trainable=False, autocast=False))

    def call(
        self,
        embeddings: Tensor,
        labels: Tensor | None = None,
        training: bool | None = None,
        losses: bool = False,
    ) -> Any:
        if labels is None:
            return self.scale * self._cosines(embeddings, self._all_centers())
        labels, training = ops.reshape(ops.cast(labels, "int32"), (-1,)), bool(training)
        if self._sampled is None:
            rows = self._all_centers()
        else:
            rows, labels = self._sampled.sample(labels, training)
        if losses and self._is_lean:
            return self._cross_entropies(embeddings, rows, labels, training)
        cosines = self._cosines(embeddings, rows)
        logits = self._logits(embeddings, cosines, labels, training)
        if losses:
            return cross_entropies(logits, labels), is_nearest(cosines, labels)
        if self._sampled is None:
            return logits
        return logits, labels, is_nearest(cosines, labels)

    def centers(self) -> np.ndarray:
        """The centers as they are now, `(sub_centers, num_classes, dim)`, not normalized."""
        kernel = ops.convert_to_numpy(self._all_centers())
        return kernel.reshape(self.sub_centers, self.num_classes, -1)

    def _all_centers(self) -> Tensor:
        return self._sampled.current() if self._sampled else ops.convert_to_tensor(self.kernel)

    def _logits(
        self, embeddings: Tensor, cosines: Tensor, labels: Tensor, training: bool
    ) -> Tensor:
        """Scaled cosines with the margin at the label."""
        norms = lengths(*at_least_float32(embeddings))
        return self.scale * self._with_margin(cosines, norms, labels, training)

    def _cosines(self, embeddings: Tensor, kernel: Tensor) -> Tensor:
        """To the nearest sub-center of each class in a kernel, `(batch, classes)`."""
        embeddings, kernel = at_least_float32(embeddings, kernel)
        cosines = right_transposed(unit_vectors(embeddings), unit_rows(kernel))
        if self.sub_centers == 1:
            return cosines
        classes = kernel.shape[0] // self.sub_centers
        starts = range(0, kernel.shape[0], classes)
        return reduce(ops.maximum, [cosines[:, start : start + classes] for start in starts])

    @property
    def _is_lean(self) -> bool:
        """Whether all that the loss needs of the other classes is one sum."""
        others_stay = type(self.margin_rule).others is margins.Margin.others
        return self.sub_centers == 1 and self.interclass_filter is None and others_stay

    def _cross_entropies(
        self, embeddings: Tensor, kernel: Tensor, labels: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropies and which rows are right, both `(batch,)`, without the logits."""
        embeddings, kernel = at_least_float32(embeddings, kernel)
        own, others, largest = own_and_others(
            unit_vectors(embeddings), kernel, ops.maximum(labels, 0), self.scale
        )
        target = self._target(own, lengths(embeddings), labels, training)
        losses = ops.softplus(others - self.scale * target)
        is_right = ops.logical_and(own >= largest, labels >= 0)
        return over_labeled(losses, labels), ops.cast(is_right, losses.dtype)

    def _with_margin(
        self, cosines: Tensor, norms: Tensor, labels: Tensor, training: bool
    ) -> Tensor:
        """The cosines `(batch, num_classes)` with the margin at the label."""
        cosine = at_label(cosines, labels)
        target = self._target(cosine, norms, labels, training)
        others = self._filtered(self._others(cosines, cosine, labels))
        return replace_at_label(others, labels, target)

    def _target(self, cosine: Tensor, norms: Tensor, labels: Tensor, training: bool) -> Tensor:
        """The cosine to the label's class with the margin, `(batch,)`."""
        labeled = ops.cast(labels >= 0, cosine.dtype)
        if training:
            self.margin_rule.update(cosine, norms, labeled)
        target = self.margin_rule.target(cosine, norms, training)
        if self.backward == "straight_through":
            target = cosine + ops.stop_gradient(target - cosine)
        penalty = self.margin_rule.penalty(norms, labeled)
        if penalty is not None:
            self.add_loss(penalty)
        return target

    def _others(self, cosines: Tensor, cosine: Tensor, labels: Tensor) -> Tensor:
        others = self.margin_rule.others(cosines, cosine)
        if others is cosines:
            return cosines
        return ops.where((labels >= 0)[:, None], others, cosines)

    def _filtered(self, cosines: Tensor) -> Tensor:
        if self.interclass_filter is None:
            return cosines
        return ops.where(cosines > self.interclass_filter, 0.0, cosines)

    def compute_output_shape(
        self, embeddings_shape: Shape, labels_shape: Shape | None = None
    ) -> Any:
        if labels_shape is None or self._sampled is None:
            return (embeddings_shape[0], self.num_classes)
        batch = (embeddings_shape[0],)
        return (*batch, self._sampled.num_sampled), batch, batch

    def compute_output_spec(
        self,
        embeddings: Tensor,
        labels: Tensor | None = None,
        training: bool | None = None,
        losses: bool = False,
    ) -> Any:
        dtype = working_dtype(embeddings.dtype, self.variable_dtype)
        if losses and labels is not None:
            return tuple(keras.KerasTensor(embeddings.shape[:1], dtype=dtype) for _ in range(2))
        if labels is None or self._sampled is None:
            return keras.KerasTensor(self.compute_output_shape(embeddings.shape), dtype=dtype)
        shapes = self.compute_output_shape(embeddings.shape, labels.shape)
        dtypes = (dtype, "int32", dtype)
        return tuple(keras.KerasTensor(*spec) for spec in zip(shapes, dtypes, strict=True))

    def get_config(self) -> dict[str, Any]:
        is_number = isinstance(self.margin, int | float)
        margin = self.margin if is_number else keras.saving.serialize_keras_object(self.margin)
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "margin": margin,
            "scale": self.scale,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "sub_centers": self.sub_centers,
            "backward": self.backward,
            "interclass_filter": self.interclass_filter,
            "sample_rate": self.sample_rate,
            "row_optimizer": keras.saving.serialize_keras_object(self.row_optimizer),
            "seed": self.seed,
        }
