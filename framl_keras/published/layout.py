"""A layout: how a published model names and stores its tensors."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from framl_keras.published.slots import TORCH_NAMES, Slot, torch_slot, weights_of

COUNTERS = re.compile(r"num_batches_tracked$")
STEM = "stem_conv"

Tensors = Mapping[str, np.ndarray]


class Layout(NamedTuple):
    """One way to store a network in torch.

    Attributes:
        prefix: from a layer's name here to what its tensors' names begin with there.
        embed: the Dense that makes the embedding.
        reference: the original's arithmetic in torch: tensors and RGB pixels
            `(batch, size, size, 3)` to embeddings.
        ignorable: names that may be left over.
        frozen_gamma: the last batch norm's gamma, where the original keeps it at 1.
        absent: `layer/variable` that is not stored and keeps its constant.
        bgr: whether the network was trained on BGR.
        epsilon: of its batch norms.
        scaling: what it does to pixels 0…255 first.
    """

    prefix: Callable[[str], str]
    embed: str
    reference: Callable[[Tensors, np.ndarray], np.ndarray]
    ignorable: re.Pattern[str] = COUNTERS
    frozen_gamma: str | None = None
    absent: frozenset[str] = frozenset()
    bgr: bool = False
    epsilon: float = 1e-5
    scaling: str = "(x - 127.5) / 127.5"

    @property
    def assumptions(self) -> str:
        """What the original's code says, and no file of weights can prove."""
        order = "BGR" if self.bgr else "RGB"
        return f"batch norm epsilon {self.epsilon:g}, {order} pixels, scaled as {self.scaling}"


def torch_slots(embedder: keras.Model, layout: Layout) -> dict[str, Slot]:
    """The slots of an embedder by the tensors' names in a layout.

    A network for BGR becomes one for RGB: its first convolution takes the channels
    in reverse.
    """
    channels = embedder.get_layer("representation").input.shape[-1]
    slots = {}
    for layer, variable in weights_of(embedder):
        if f"{layer.name}/{variable.name}" in layout.absent:
            continue
        slot = torch_slot(layer, variable, channels)
        if layout.bgr and layer.name == STEM:
            slot = _reversed_channels(slot)
        slots[f"{layout.prefix(layer.name)}.{TORCH_NAMES[variable.name]}"] = slot
    return slots


def _reversed_channels(slot: Slot) -> Slot:
    """A first convolution for RGB, of one for BGR."""
    return slot._replace(convert=lambda tensor: slot.convert(tensor)[:, :, ::-1, :])


def head_options(layout: Layout, tensors: Tensors) -> dict[str, Any]:
    """Arguments of `FeatureRepresentation` that the tensors decide."""
    options: dict[str, Any] = {}
    if layout.embed in tensors:
        options["embedding_dim"] = len(tensors[layout.embed])
    if layout.frozen_gamma is not None:
        options["final_scale"] = not _is_ones(tensors.get(layout.frozen_gamma))
    return options


def without_frozen_gamma(layout: Layout, tensors: Tensors) -> Tensors:
    """The tensors without a gamma that is 1 everywhere: our network has no variable for it."""
    if layout.frozen_gamma is None or not _is_ones(tensors.get(layout.frozen_gamma)):
        return tensors
    return {name: tensor for name, tensor in tensors.items() if name != layout.frozen_gamma}


def _is_ones(tensor: np.ndarray | None) -> bool:
    return tensor is not None and bool((tensor == 1).all())
