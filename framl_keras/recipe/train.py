"""The `train` section: how it is trained."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from framl_keras.recipe.optimizer import OptimizerSection
from framl_keras.recipe.schedule import ScheduleSection
from framl_keras.recipe.section import Section

BEST_BY = r"^(.+ )?(diff|cos|corr|fft_corr|direct_corr|ssim) (accuracy|auc|eer|d_prime)$"

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class EarlyStopSection(Section):
    """Ends a run that no longer becomes better by `best_by`.

    Attributes:
        patience: how many verifications in a row may bring nothing better.
    """

    patience: Annotated[int, Field(ge=1)]


class TrainSection(Section):
    """How it is trained.

    Attributes:
        epochs: passes over the training data.
        batch_size: images in a step.
        images_per_class: balanced batches: so many images of each of `batch_size` divided
            by this classes. Left open, each image is seen once an epoch.
        label_smoothing: part of each label that is spread evenly over all classes that a step
            sees.
        class_weight: what each identity's loss is multiplied with: `balanced`, so that
            identities with few images count as much as others; or `{identity: weight}`, the
            others 1.
        optimizer: which optimizer moves the weights, and its settings.
        schedule: how the learning rate changes during the training.
        verify_every: epochs between verifications; 0 verifies at the end only.
        best_by: which state the run delivers: the best by a similarity and a metric (`accuracy`,
            `auc`, `eer` or `d_prime`), after a set's name if not the first's, on
            `data.validation`. Left open, that is the last state, or the best by `cos accuracy`
            with `early_stop`.
        early_stop: ends the run early once verifications bring nothing better, and delivers the
            best state; off if left out.
        log_every: steps between lines of the log.
        save_steps: steps between checkpoints; 0 saves after each epoch only.
        keep: how many of the newest checkpoints stay, besides the best.
        precision: what the network computes in; head, loss and weights stay in float32.
        jit: whether `fit` compiles with the backend's compiler; `auto` leaves it to Keras.
        fused_batch_norm: take batch statistics with the backend's own kernel, where it has
            one: quicker, and the same but for rounding.
        batch_norm_rows: how many rows of a batch share statistics of batch normalization, in
            groups as they follow; left open, all of them. Several devices send each other
            less where each has whole groups.
        precise_batch_norm: batches of images without augmentation over which batch
            normalization's statistics are averaged anew once training is over; 0 leaves
            those of training. It helps most where images are few and varied a lot. Where a
            state is chosen, each is verified as it would be delivered, which costs these batches
            each time.
    """

    epochs: Annotated[int, Field(ge=1)] = 5
    batch_size: Annotated[int, Field(ge=1)] = 128
    images_per_class: Annotated[int, Field(ge=1)] | None = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_weight: Literal["balanced"] | dict[str, Weight] | None = None
    optimizer: OptimizerSection = OptimizerSection()
    schedule: ScheduleSection = ScheduleSection()
    verify_every: Annotated[int, Field(ge=0)] = 1
    best_by: Annotated[str, Field(pattern=BEST_BY)] | None = None
    early_stop: EarlyStopSection | None = None
    log_every: Annotated[int, Field(ge=1)] = 10
    save_steps: Annotated[int, Field(ge=0)] = 1000
    keep: Annotated[int, Field(ge=1)] = 3
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    jit: Literal["auto", True, False] = "auto"
    fused_batch_norm: bool = True
    batch_norm_rows: Annotated[int, Field(ge=2)] | None = None
    precise_batch_norm: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _has_no_contradiction(self) -> "TrainSection":
        for key in ("early_stop", "best_by"):
            if getattr(self, key) and not self.verify_every:
                raise ValueError(f"`{key}` needs verifications; set `verify_every`")
        if self.images_per_class and self.batch_size % self.images_per_class:
            raise ValueError(
                f"`images_per_class` ({self.images_per_class}) must divide `batch_size` "
                f"({self.batch_size})"
            )
        if self.batch_norm_rows and self.batch_size % self.batch_norm_rows:
            raise ValueError(
                f"`batch_norm_rows` ({self.batch_norm_rows}) must divide `batch_size` "
                f"({self.batch_size})"
            )
        return self
