"""Embedders of torch state dicts: insightface's and AdaFace's."""

import importlib.util
from pathlib import Path

from framl_keras import backbones
from framl_keras.errors import UserError
from framl_keras.models import embedding_model
from framl_keras.published.catalog import TORCH
from framl_keras.published.fill import fill
from framl_keras.published.imported import Imported
from framl_keras.published.layout import (
    Layout,
    Tensors,
    head_options,
    torch_slots,
    without_frozen_gamma,
)
from framl_keras.published.parity import largest_difference
from framl_keras.published.state_dict import read_state_dict


def from_torch(path: Path, backbone: str, image_size: int) -> Imported:
    """Imports a state dict.

    Raises:
        UserError: if nobody published this network in torch, or the tensors don't fit.
    """
    if backbone not in TORCH:
        raise UserError(
            f"{path}: no layout for {backbone} in torch is known. Expected {', '.join(TORCH)}."
        )
    layout, tensors = TORCH[backbone], read_state_dict(path)
    _check_family(path, layout, tensors)
    options = {**backbones.get(backbone).head, **head_options(layout, tensors)}
    embedder = embedding_model(backbone, image_size, **options)
    slots = torch_slots(embedder, layout)
    fill(slots, without_frozen_gamma(layout, tensors), layout.ignorable, str(path))
    if importlib.util.find_spec("torch") is None:
        return Imported(embedder, None, "torch")
    difference = largest_difference(embedder, lambda pixels: layout.reference(tensors, pixels))
    return Imported(embedder, difference, "torch")


def _check_family(path: Path, layout: Layout, tensors: Tensors) -> None:
    """Says so if the tensors are named as in another family of networks."""
    if layout.embed in tensors:
        return
    others = [name for name, other in TORCH.items() if other.embed in tensors]
    if others:
        raise UserError(
            f"{path}: {layout.embed} is missing, and the names are those of another "
            f"network: --as {' or '.join(others)}"
        )
