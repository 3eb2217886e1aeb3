"""The `model` section: what is trained."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from framl_keras.recipe.margins import Margin
from framl_keras.recipe.section import Section


class RowOptimizerSection(Section):
    """SGD for the centers of a head with `sample_rate` below 1; see `layers.RowSGD`.

    Attributes:
        learning_rate: the peak learning rate; `train.schedule` holds for it too.
        momentum: SGD's momentum, kept for each center.
        nesterov: whether the momentum is Nesterov's.
        weight_decay: decay of the centers that a step sees.
        coupled_decay: whether the decay is part of the gradient, and so inside the momentum,
            as in torch's SGD; the recipes of insightface assume it.
    """

    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = False
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    coupled_decay: bool = False


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ModelSection(Section):
    """What is trained.

    Attributes:
        backbone: name of the network from pixels to feature map.
        weights: `imagenet`, a weights file, or none to start from random weights.
        init: a trained embedder to start from: a run's folder, a `.keras` file, or the
            `.weights.h5` of a whole embedder. A run's centers are taken too, for the
            identities that it knows.
        new_centers: centers of identities that `init` does not know: `drawn` at random, or
            the `mean` embedding of their images.
        zero_init_residual: begin with residual branches that add nothing, their last batch
            normalization's gamma being zero, so that a deep network's first gradients
            don't explode (Goyal et al. 2017). Where weights are drawn, that is.
        freeze: patterns of the names of layers that are not trained, such as `stage1_*`;
            `backbone` stands for the whole network.
        embedding_dim: length of the feature vector.
        dropout: part of the feature map dropped in training; the backbone's own choice if open.
        pooling: how the feature map becomes a vector: `flatten`, `gdc`, `average` or `gem`; the
            backbone's own choice if open.
        embedding_l2: L2 penalty on the kernel that makes the embedding, and on nothing else.
        head: `arcface`, scaled cosines with a margin, or `softmax`, a plain Dense.
        margin: ArcFace's margin in radians, or any margin by name with its arguments, such
            as `{name: CosFace, margin: 0.35}`.
        scale: the factor of all cosines (s in the papers).
        sub_centers: centers a class, of which the nearest counts.
        backward: whether the margin is differentiated: `exact`, or `straight_through` as
            in insightface's torch code.
        interclass_filter: negatives with a cosine above this are left out, if given.
        sample_rate: part of the classes that a step sees (Partial FC).
        row_optimizer: how the centers are trained where `sample_rate` is below 1; by
            `train.optimizer`'s settings if that is `sgd`.
        class_blocks: in how many blocks of classes, one after another, the loss is computed,
            where the logits of all do not fit; the same result but for rounding.
    """

    backbone: str
    weights: str | None = None
    init: str | None = None
    new_centers: Literal["drawn", "mean"] = "drawn"
    zero_init_residual: bool = False
    freeze: Annotated[list[str], BeforeValidator(_as_list)] = Field(default=[])
    embedding_dim: Annotated[int, Field(ge=1)] = 512
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    pooling: Literal["flatten", "gdc", "average", "gem"] | None = None
    embedding_l2: Annotated[float, Field(ge=0)] = 5e-4
    head: Literal["arcface", "softmax"] = "arcface"
    margin: Margin = 0.5
    scale: Annotated[float, Field(gt=0)] = 64.0
    sub_centers: Annotated[int, Field(ge=1)] = 1
    backward: Literal["exact", "straight_through"] = "exact"
    interclass_filter: Annotated[float, Field(gt=-1, le=1)] | None = None
    sample_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    row_optimizer: RowOptimizerSection | None = None
    class_blocks: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _has_no_contradiction(self) -> "ModelSection":
        if self.head == "softmax" and (idle := self._idle_without_margin()):
            raise ValueError(f"`head: softmax` has no {', '.join(idle)}; use `head: arcface`")
        if self.weights and self.init:
            raise ValueError("`weights` and `init` both say where to start from; leave one out")
        if self.new_centers == "mean" and not (self.init or self.weights):
            raise ValueError("`new_centers: mean` needs a trained embedder; give `init`")
        if self.row_optimizer and self.sample_rate == 1.0:
            raise ValueError("`row_optimizer` is for a `sample_rate` below 1; leave it out")
        return self

    def _idle_without_margin(self) -> list[str]:
        """Keys that are set although a plain Dense does not have what they are about."""
        keys = (
            *("sub_centers", "backward", "interclass_filter"),
            *("sample_rate", "row_optimizer", "class_blocks"),
        )
        defaults = type(self).model_fields
        idle = [key for key in keys if getattr(self, key) != defaults[key].default]
        return idle + (["margin"] if isinstance(self.margin, Section) else [])
