"""Keras' AugMix with its chains drawn for each image."""

import functools
from collections.abc import Iterator
from typing import Any

Tensor = Any


def drawn_in_graph(aug_mix: type) -> type:
    """The class with every step of a chain drawn in the graph.

    Keras draws with Python's `random` which steps a chain has: in a graph this happens
    once, as it is traced, and all images would have the same chains.

    Args:
        aug_mix: `keras.layers.AugMix`.
    """

    class AugMix(aug_mix):
        """AugMix in which each step is one of the layers, or none."""

        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.drawn_step = _Step([getattr(self, name) for name in self._augment_layers])
            self._augment_layers: Any = _Always("drawn_step")

    return AugMix


class _Always:
    """Stands for a list of layers, and gives the same name whatever is chosen from it."""

    def __init__(self, name: str):
        self._name = name

    def __iter__(self) -> Iterator[str]:
        return iter([self._name])

    def __add__(self, _: list[Any]) -> list[str]:
        return [self._name]


class _Step:
    """A step of a chain: one of some layers, or none, all equally likely."""

    def __init__(self, layers: list[Any]):
        self._layers = layers
        self.backend = layers[0].backend  # AugMix sets it to TensorFlow

    def get_random_transformation(self, data: Any, seed: Any) -> dict[str, Any]:
        """Draws the layer; what it does is drawn as it is done."""
        chosen = self.backend.random.randint((), 0, len(self._layers) + 1, seed=seed)
        return {"chosen": chosen, "data": data, "seed": seed}

    def transform_images(self, images: Tensor, drawn: dict[str, Any]) -> Tensor:
        """The images, transformed by the chosen layer."""

        def by(layer: Any) -> Tensor:
            layer.backend.set_backend("tensorflow")
            transformation = layer.get_random_transformation(drawn["data"], seed=drawn["seed"])
            return layer.transform_images(images, transformation)

        branches = [functools.partial(by, layer) for layer in self._layers]
        return self.backend.core.switch(drawn["chosen"], [*branches, lambda: images])
