"""The `train.optimizer` section."""

from typing import Annotated

from pydantic import Field, model_validator

from framl_keras.recipe.section import Section


class OptimizerSection(Section):
    """The optimizer: any of Keras' by name; what it does not take is an error.

    Attributes:
        name: the optimizer's name in Keras, such as `sgd` or `adamw`.
        learning_rate: the peak learning rate.
        momentum: SGD's momentum; other optimizers have none.
        nesterov: whether SGD's momentum is Nesterov's.
        weight_decay: decoupled decay of all weights; none by default.
        clipnorm: largest length of each weight's gradient; longer ones are shortened to it.
        global_clipnorm: largest length of all gradients together.
        clipvalue: largest size of each number of a gradient.
        gradient_accumulation_steps: batches whose mean gradient is one update; clipping
            acts on the mean. The learning rate goes by batches as without.
    """

    name: str = "sgd"
    learning_rate: Annotated[float, Field(gt=0)] = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = True
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    clipnorm: Annotated[float, Field(gt=0)] | None = None
    global_clipnorm: Annotated[float, Field(gt=0)] | None = None
    clipvalue: Annotated[float, Field(gt=0)] | None = None
    gradient_accumulation_steps: Annotated[int, Field(ge=2)] | None = None

    @model_validator(mode="after")
    def _clips_one_way(self) -> "OptimizerSection":
        keys = ("clipnorm", "global_clipnorm", "clipvalue")
        given = [key for key in keys if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other; keep one")
        return self
