"""The margin head: embeddings and labels to logits."""

import copy
import math
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from framl_keras import margins
from framl_keras.layers.head_arguments import (
    check_has_labels,
    filter_of,
    is_number,
    row_optimizer_of,
    two_of,
)
from framl_keras.layers.row_sgd import RowSGD
from framl_keras.layers.sampled_kernel import SampledKernel, Seen
from framl_keras.ops.arguments import count, one_of, positive, real, weights_of_classes, whole
from framl_keras.ops.backend import (
    all_rows,
    class_shards,
    class_share,
    is_concrete,
    max_of_classes,
    right_transposed,
    shares_of_rows,
    sum_of_classes,
)
from framl_keras.ops.class_blocks import Block, in_blocks, layout_of
from framl_keras.ops.class_columns import (
    ABSENT,
    at_label,
    first_columns,
    is_nearest,
    larger,
    log_sum_of_classes,
    of_all_classes,
    replace_at_label,
    row_max,
    spread_columns,
    without_padding,
)
from framl_keras.ops.cross_entropies import (
    cross_entropies,
    mean_logit,
    over_labeled,
    smoothed,
    weighted,
)
from framl_keras.ops.labels import check_labels, nan_unless, nan_unless_all, sound_labels
from framl_keras.ops.own_and_others import own_and_others
from framl_keras.ops.precision import at_least_float32, working_dtype
from framl_keras.ops.row_share import rows_of_classes
from framl_keras.ops.unit_vectors import lengths, unit_rows, unit_vectors

Tensor = Any
Shape = tuple[int | None, ...]
Backward = Literal["exact", "straight_through"]


@keras.saving.register_keras_serializable("framl_keras")
class ArcMarginLayer(keras.layers.Layer):
    """Scaled cosines to class centers, with a margin on the true class.

    - `layer(embeddings)` gives s·cos θ for every class: for accuracy and inference.
    - `layer(embeddings, labels)` gives the same with the margin at the label, see `logits`;
      train it with plain sparse cross-entropy from logits.
    - `layer(embeddings, labels, losses=True)` gives the cross-entropies themselves, for
      little memory, see `cross_entropies`; train it with `losses.as_given`.

    With a number m for `margin` the label's logit is s·cos(θ + m) where cos θ > cos(π - m),
    and s·(cos θ - m·sin m) beyond.

    Cosines, margin and scaling run in float32 under any dtype policy. Gradients are
    finite everywhere, also for zero embeddings and at cos θ = ±1.

    Args:
        num_classes: number of classes.
        margin: ArcFace's m in radians, within [0, pi); or a margin of `framl_keras.margins`
            or its name, such as `"CosFace"`. The head takes a copy of it.
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
            its centers itself. Use `losses=True` then: the logits have a column for each
            class, -1e30 for those that are not seen.
        row_optimizer: a `RowSGD`, how the sampled centers are updated where
            `sample_rate` is below 1. The others get no gradient, momentum or decay.
        seed: of the sampling.
        label_smoothing: ε within [0, 1): the `losses` are those against 1 - ε at the label and
            ε spread evenly over the classes that are seen.
        class_weights: what the `losses` of each class are multiplied with, `num_classes`
            positive numbers; `None` for 1. Logits know neither: give both to your own loss.
        class_blocks: in how many blocks of classes, one after another, the `losses` are
            computed: only one block's logits are there at a time. Values and gradients are the
            same but for rounding.

    Call arguments:
        embeddings: `(batch, dim)`, of any length; they are normalized here. A list of
            embeddings and labels is taken, too.
        labels: integers `(batch,)` or `(batch, 1)`; a row with label -1 gets no margin.
        losses: gives the cross-entropies in place of the logits.

    Output shape:
        `(batch, num_classes)` in float32 (float64 under a float64 policy). With `losses` two
        of `(batch,)`: each row's cross-entropy, 0 for label -1 and so weighted that the mean
        is that of the other rows; and 1 where the label's class is the nearest of those that
        are seen, without margin, else 0. The logits are then there twice at most, see
        `own_and_others`; but not with several sub-centers, an `interclass_filter`, or a
        margin on other classes, such as CurricularFace's.

    Raises:
        ValueError: if an argument is out of range, the embeddings aren't `(batch, dim)`, or
            a label is neither a class nor -1. In a compiled graph, where nothing can be
            raised, its loss and all logits are NaN, without gradient.

    What no head can see: a Keras model casts labels to the dtype of their `Input` before
    they come here. int32 makes 2.7 a 2 and 2**32 + 3 a 3, uint8 makes 257 a 1, and in
    bfloat16 numbers above 256 are rounded, in float16 above 2048. A float32 `Input` shows the
    head fractions and NaN, and holds whole numbers up to 2**24; `wrong_label` looks at an
    array beforehand.

    Example:
    >>> head = ArcMarginLayer(num_classes=10)
    >>> embeddings, labels = np.ones((2, 512)), np.array([3, 7])
    >>> tuple(head(embeddings, labels).shape)
    (2, 10)
    >>> head = ArcMarginLayer(num_classes=10, margin="CosFace", sub_centers=3)
    >>> losses, is_right = head(embeddings, labels, losses=True)
    >>> tuple(losses.shape), tuple(is_right.shape)
    ((2,), (2,))

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
        margin: "float | str | margins.Margin" = 0.5,
        scale: float = 64.0,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        sub_centers: int = 1,
        backward: Backward = "exact",
        interclass_filter: float | None = None,
        sample_rate: float = 1.0,
        row_optimizer: RowSGD | dict[str, Any] | None = None,
        seed: int = 0,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        class_blocks: int = 1,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.num_classes = count("num_classes", num_classes)
        self.scale = positive("scale", scale)
        self.sub_centers = count("sub_centers", sub_centers)
        self.backward = one_of("backward", backward, ("exact", "straight_through"))
        self.interclass_filter = filter_of(interclass_filter)
        self.seed = whole("seed", seed)
        self.label_smoothing = real("label_smoothing", label_smoothing, 0.0, 1.0, "within [0, 1)")
        self.class_weights = weights_of_classes(class_weights, self.num_classes)
        self.class_blocks = count("class_blocks", class_blocks)
        self.sample_rate = real(
            "sample_rate", sample_rate, math.ulp(0.0), math.nextafter(1.0, 2.0), "within (0, 1]"
        )
        self.row_optimizer = row_optimizer_of(self.sample_rate, row_optimizer, kernel_regularizer)
        rule = margins.get(margin)
        self.margin = rule.get_config()["margin"] if is_number(margin) else rule
        # A copy, so that a margin which is given to two heads has a state in each.
        self.margin_rule = copy.deepcopy(rule)
        self.margin_rule.check(self.num_classes)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self._sampled = self._sampled_kernel()

    @property
    def sampled_kernel(self) -> SampledKernel | None:
        """How centers are sampled, if they are."""
        return self._sampled

    def _sampled_kernel(self) -> SampledKernel | None:
        if self.row_optimizer is None:
            return None
        return SampledKernel(
            self.num_classes, self.sub_centers, self.sample_rate, self.row_optimizer, self.seed
        )

    def build(self, embeddings_shape: Shape, labels_shape: Shape | None = None) -> None:
        if len(embeddings_shape) != 2 or embeddings_shape[-1] is None:
            raise ValueError(
                "`embeddings` must be of shape (batch, dim) with a known dim. "
                f"Received: embeddings.shape={tuple(embeddings_shape)}"
            )
        # Row k * class_rows + c is sub-center k of class c. Where devices share the rows, it is
        # row c * sub_centers + k, and equal shares may need some more classes than there are.
        place, shares = class_share()
        shards = class_shards()
        padded = -(-self.num_classes // shards) * shards
        if self._sampled:
            padded = self._sampled.classes_with_padding if shards > 1 else self.num_classes
        self.class_rows = padded // shares
        self.first_class = place * self.class_rows
        self._by_class = shards > 1
        with rows_of_classes():
            self.kernel = self.add_weight(
                name="kernel",
                shape=(self.sub_centers * self.class_rows, embeddings_shape[-1]),
                initializer=self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                autocast=False,
                trainable=self._sampled is None,
            )
        if self._sampled:
            self._sampled.build(self.add_weight, self.kernel, embeddings_shape[-1])
        state = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        known = len(self.non_trainable_variables)
        self.margin_rule.build(partial(self.add_weight, **state))
        self._margin_state = self.non_trainable_variables[known:]

    def __call__(self, embeddings: Any, labels: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As Keras' own, after a look at the labels before Keras rounds them to its dtypes."""
        if isinstance(embeddings, list | tuple):
            embeddings, labels = two_of(embeddings, labels)
        if labels is not None:
            rows = embeddings.shape[0] if len(getattr(embeddings, "shape", ())) else None
            labels = check_labels(labels, self.num_classes, rows)
        return super().__call__(embeddings, labels, *args, **kwargs)

    def call(
        self,
        embeddings: Tensor,
        labels: Tensor | None = None,
        training: bool | None = None,
        losses: bool = False,
    ) -> Any:
        if labels is None:
            check_has_labels(losses)
            self._check_has_all_classes()
            cosines = self._cosines(embeddings, self._all_centers())
            return self.scale * first_columns(cosines, self.num_classes)
        form = self.cross_entropies if losses else self.logits
        return form(embeddings, labels, bool(training))

    def logits(self, embeddings: Tensor, labels: Tensor, training: bool = False) -> Tensor:
        """Scaled cosines with the margin at the label: `layer(embeddings, labels)`.

        Args:
            embeddings: `(batch, dim)`.
            labels: `(batch,)` or `(batch, 1)`.
            training: whether margins learn, and classes are sampled.

        Returns:
            `(batch, num_classes)`; NaN, with a loss that is, if a compiled graph meets a
            label that is none.
        """
        self._check_has_all_classes()
        given = labels
        labels, is_right = sound_labels(labels, self.num_classes)
        seen = self._seen(labels, training)
        is_right = _all_drawn(is_right, labels, seen)
        cosines = self._cosines(embeddings, seen.rows, seen.is_class)
        logits, _, _ = self._logits(embeddings, cosines, labels, seen, training)
        if seen.classes is not None:
            logits = spread_columns(logits, seen.classes, self.num_classes)
        logits = first_columns(logits, self.num_classes)
        if not is_concrete(given):
            self.add_loss(nan_unless(ops.zeros(()), ops.all(is_right)))
        return nan_unless_all(logits, is_right, given, self.num_classes)

    def cross_entropies(
        self, embeddings: Tensor, labels: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """What the logits are for, for little memory: `layer(embeddings, labels, losses=True)`.

        Args:
            embeddings: `(batch, dim)`.
            labels: `(batch,)` or `(batch, 1)`.
            training: whether margins learn, and classes are sampled.

        Returns:
            Two of `(batch,)`: each row's cross-entropy, 0 for label -1 and NaN where the
            label is none, weighted so that the mean is that of the rows with a label; and
            1 where the label's class is the nearest of those that are seen, else 0. Where
            several processes share a batch's rows, those of all of them.
        """
        embeddings, labels = all_rows(embeddings), all_rows(labels)
        labels, is_right = sound_labels(labels, self.num_classes)
        seen = self._seen(labels, training)
        form = self._lean if self._is_lean else self._from_logits
        if self.class_blocks > 1:
            form = self._in_blocks
        losses, is_nearest_own = form(embeddings, labels, seen, training)
        losses = over_labeled(weighted(losses, labels, self.class_weights), labels)
        losses = losses + self._shared_penalty(embeddings, labels)
        return nan_unless(losses, _all_drawn(is_right, labels, seen)), is_nearest_own

    def _seen(self, labels: Tensor, training: bool) -> Seen:
        """The centers that are seen, and each label's place among their classes."""
        if self._sampled:
            return self._sampled.sample(labels, training)
        here = labels - self.first_class
        if self._has_all_classes:
            places = labels
        else:
            places = ops.where(ops.logical_and(here >= 0, here < self.class_rows), here, -1)
        return Seen(self._all_centers(), places, self._is_class())

    def _is_class(self) -> Tensor | None:
        """Which of the classes of the kernel's rows are classes; None for all."""
        if self.first_class + self.class_rows <= self.num_classes:
            return None
        classes = self.first_class + ops.arange(self.class_rows, dtype="int32")
        return classes < self.num_classes

    def centers(self) -> np.ndarray:
        """The centers as they are now, `(sub_centers, num_classes, dim)`, not normalized.

        Raises:
            ValueError: if this process has only some of them.
        """
        self._check_has_all_classes()
        kernel = ops.convert_to_numpy(self._all_centers())
        if self._by_class:
            rows = kernel.reshape(self.class_rows, self.sub_centers, -1).swapaxes(0, 1)
        else:
            rows = kernel.reshape(self.sub_centers, self.class_rows, -1)
        return rows[:, : self.num_classes]

    def rows_of(self, labels: np.ndarray) -> np.ndarray:
        """The kernel's rows of some classes, `(sub_centers, n)`; among all processes' rows."""
        centers = np.arange(self.sub_centers)[:, None]
        if self._by_class:
            return labels * self.sub_centers + centers
        return centers * self.class_rows + labels

    @property
    def _has_all_classes(self) -> bool:
        """Whether this program has them all; Torch's processes have a share each."""
        return class_share()[1] == 1

    def _check_has_all_classes(self) -> None:
        if not self._has_all_classes:
            place, shares = class_share()
            raise ValueError(
                f"Process {place} of {shares} has its share of the centers only, so there are no "
                "logits for all classes. Expected `layer(embeddings, labels, losses=True)`."
            )

    def _all_centers(self) -> Tensor:
        return self._sampled.current() if self._sampled else ops.convert_to_tensor(self.kernel)

    def _logits(
        self, embeddings: Tensor, cosines: Tensor, labels: Tensor, seen: Seen, training: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Scaled cosines to the classes that are seen, with the margin at the label's place.

        Also the cosine to the label's class, without margin and with it, `(batch,)` both.
        """
        norms = lengths(*at_least_float32(embeddings))
        cosine = at_label(cosines, seen.places)
        if not self._has_all_classes:
            cosine = of_all_classes(cosine, seen.places)
        target = self._target(cosine, norms, labels, training)
        others = self._filtered(self._others(cosines, cosine, labels))
        logits = self.scale * replace_at_label(others, seen.places, target)
        return without_padding(logits, seen.is_class, ABSENT), cosine, target

    def _cosines(
        self, embeddings: Tensor, kernel: Tensor, is_class: Tensor | None = None
    ) -> Tensor:
        """To the nearest sub-center of each class in a kernel, `(batch, classes)`; -1 of none."""
        embeddings, kernel = at_least_float32(embeddings, kernel)
        return self._cosines_of(unit_vectors(embeddings), kernel, is_class)

    def _cosines_of(self, units: Tensor, kernel: Tensor, is_class: Tensor | None) -> Tensor:
        """As `_cosines`, of embeddings of length 1."""
        cosines = right_transposed(units, unit_rows(kernel))
        if self.sub_centers > 1:
            cosines = reduce(larger, self._by_sub_center(cosines))
        return without_padding(cosines, is_class, -1.0)

    def _by_sub_center(self, cosines: Tensor) -> list[Tensor]:
        """Columns `(batch, rows)` as one `(batch, classes)` for each sub-center."""
        count, rows = self.sub_centers, cosines.shape[1]
        if self._by_class:
            split = ops.reshape(cosines, (-1, rows // count, count))
            return [split[:, :, center] for center in range(count)]
        starts = range(0, rows, rows // count)
        return [cosines[:, start : start + rows // count] for start in starts]

    @property
    def _is_lean(self) -> bool:
        """Whether all that the loss needs of the other classes is one sum."""
        others_stay = type(self.margin_rule).others is margins.Margin.others
        return self.sub_centers == 1 and self.interclass_filter is None and others_stay

    def _count_of_classes(self) -> int:
        """How many classes are seen in all."""
        return self._sampled.num_sampled if self._sampled else self.num_classes

    def _from_logits(
        self, embeddings: Tensor, labels: Tensor, seen: Seen, training: bool
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropies and which rows are right, both `(batch,)`."""
        cosines = self._cosines(embeddings, seen.rows, seen.is_class)
        logits, cosine, target = self._logits(embeddings, cosines, labels, seen, training)
        smoothing, count = self.label_smoothing, self._count_of_classes()
        losses = cross_entropies(logits, self.scale * target, count, smoothing, seen.is_class)
        return losses, is_nearest(cosine, max_of_classes(row_max(cosines)), labels)

    def _lean(
        self, embeddings: Tensor, labels: Tensor, seen: Seen, training: bool
    ) -> tuple[Tensor, Tensor]:
        """As `_from_logits`, without the logits."""
        embeddings, kernel = at_least_float32(embeddings, seen.rows)
        units = unit_vectors(embeddings)
        is_here = None if self._has_all_classes else seen.places >= 0
        own, others, largest = own_and_others(
            units, kernel, ops.maximum(seen.places, 0), self.scale, seen.is_class, is_here
        )
        if is_here is not None:
            own, others = of_all_classes(own, seen.places), log_sum_of_classes(others)
            largest = max_of_classes(largest)
        target = self._target(own, lengths(embeddings), labels, training)
        losses = ops.softplus(others - self.scale * target)
        if self.label_smoothing:
            count = self._count_of_classes()
            mean = mean_logit(units, kernel, own, target, self.scale, count, seen.is_class)
            losses = smoothed(losses, self.scale * target, mean, self.label_smoothing)
        return losses, is_nearest(own, largest, labels)

    def _in_blocks(
        self, embeddings: Tensor, labels: Tensor, seen: Seen, training: bool
    ) -> tuple[Tensor, Tensor]:
        """As `_from_logits`, of blocks of classes one after another."""
        embeddings, kernel = at_least_float32(embeddings, seen.rows)
        units = unit_vectors(embeddings)
        own = self._own(units, kernel, seen.places)
        target = self.scale * self._target(own, lengths(embeddings), labels, training)

        # A gradient computes blocks again when the margin's state may have moved on.
        state = [(kept, ops.convert_to_tensor(kept) + 0.0) for kept in self._margin_state]

        def of_block(units: Tensor, rows: Tensor, own: Tensor, block: Block) -> Tensor:
            is_class = block.is_class(seen.is_class)
            places = block.places(seen.places)
            cosines = self._cosines_of(units, rows, is_class)
            with keras.StatelessScope(state_mapping=state):
                others = self._others(cosines, own, labels)
            logits = self.scale * self._filtered(others)
            without_own = replace_at_label(logits, places, ops.full_like(own, ABSENT))
            without_own = without_padding(without_own, is_class, ABSENT)
            total = ops.zeros_like(own)
            if self.label_smoothing:
                nothing = replace_at_label(logits, places, total)
                total = ops.sum(without_padding(nothing, is_class, 0.0), axis=1)
            no_own = replace_at_label(cosines, places, ops.full_like(own, -1.0))
            largest = ops.stop_gradient(row_max(no_own))
            return ops.stack([ops.logsumexp(without_own, axis=1), total, largest])

        layout = layout_of(kernel.shape[0], self.sub_centers, self._by_class)
        sums = in_blocks(of_block, units, kernel, own, layout, self.class_blocks)
        others, total, largest = ops.unstack(sums, 3)
        others, largest = log_sum_of_classes(others), max_of_classes(largest)
        losses = ops.softplus(others - target)
        if self.label_smoothing:
            mean = (sum_of_classes(total) + target) / self._count_of_classes()
            losses = smoothed(losses, target, mean, self.label_smoothing)
        return losses, is_nearest(own, largest, labels)

    def _own(self, units: Tensor, kernel: Tensor, places: Tensor) -> Tensor:
        """The cosine to the nearest sub-center of each row's own class, `(batch,)`."""
        classes, here = kernel.shape[0] // self.sub_centers, ops.maximum(places, 0)
        starts = range(self.sub_centers)
        by_class = [here * self.sub_centers + center for center in starts]
        rows = by_class if self._by_class else [here + center * classes for center in starts]
        centers = [unit_rows(ops.take(kernel, some, axis=0)) for some in rows]
        own = reduce(larger, [ops.sum(units * center, axis=1) for center in centers])
        return own if self._has_all_classes else of_all_classes(own, places)

    def _target(self, cosine: Tensor, norms: Tensor, labels: Tensor, training: bool) -> Tensor:
        """The cosine to the label's class with the margin, `(batch,)`."""
        labeled = ops.cast(labels >= 0, cosine.dtype)
        if training:
            self.margin_rule.update(cosine, norms, labeled)
        options = {"labels": labels} if margins.sees_labels(self.margin_rule) else {}
        target = self.margin_rule.target(cosine, norms, training=training, **options)
        if self.backward == "straight_through":
            target = cosine + ops.stop_gradient(target - cosine)
        penalty = self.margin_rule.penalty(norms, labeled)
        if penalty is not None and shares_of_rows() == 1:
            self.add_loss(ops.cast(penalty, keras.config.floatx()))  # as Keras' own losses
        return target

    def _shared_penalty(self, embeddings: Tensor, labels: Tensor) -> Tensor | float:
        """What is added to each row's loss instead, where devices share a batch's rows.

        TensorFlow's replicas would each count the losses that all of them added.
        """
        if shares_of_rows() == 1:
            return 0.0
        norms = lengths(*at_least_float32(embeddings))
        penalty = self.margin_rule.penalty(norms, ops.cast(labels >= 0, norms.dtype))
        return 0.0 if penalty is None else penalty

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
        self, embeddings_shape: Shape, labels_shape: Shape | None = None, losses: bool = False
    ) -> Any:
        batch = embeddings_shape[:1]
        return (batch, batch) if losses else (*batch, self.num_classes)

    def compute_output_spec(
        self,
        embeddings: Tensor,
        labels: Tensor | None = None,
        training: bool | None = None,
        losses: bool = False,
    ) -> Any:
        if labels is None:
            check_has_labels(losses)
        dtype = working_dtype(embeddings.dtype, self.variable_dtype)
        if losses:
            return tuple(keras.KerasTensor(embeddings.shape[:1], dtype=dtype) for _ in range(2))
        return keras.KerasTensor((embeddings.shape[0], self.num_classes), dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        margin = self.margin
        if not is_number(margin):
            margin = keras.saving.serialize_keras_object(margin)
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
            "label_smoothing": self.label_smoothing,
            "class_weights": self.class_weights,
            "class_blocks": self.class_blocks,
        }


def _all_drawn(is_right: Tensor, labels: Tensor, seen: Seen) -> Tensor:
    """Which labels are sound, and their classes among those that are seen."""
    if seen.is_drawn is None:
        return is_right
    return ops.logical_and(is_right, ops.logical_or(labels < 0, seen.is_drawn))
