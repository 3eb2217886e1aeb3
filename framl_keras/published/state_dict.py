"""Reads torch's state dicts, from torch's own files or safetensors. Runs no code of theirs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.errors import UserError
from framl_keras.optional import require
from framl_keras.published.safetensors import read_safetensors

WRAPPERS = ("state_dict", "state_dict_backbone")  # Lightning's; arcface_torch's with its optimizer
PREFIXES = ("model.", "module.")  # Lightning's; torch's parallel wrappers'


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Reads the tensors of a file, without the prefixes that trainers add.

    Args:
        path: `.safetensors`, or a file of `torch.save`: a state dict, or a checkpoint
            that holds one.

    Raises:
        UserError: if it cannot be read, or torch is needed and not installed.
    """
    if path.suffix == ".safetensors":
        return _without_prefixes(read_safetensors(path))
    content = _load_with_torch(path)
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise UserError(f"{path}: expected a state dict (names and tensors), found {type(content)}")
    tensors = {name: value for name, value in content.items() if hasattr(value, "detach")}
    try:
        arrays = {str(name): t.detach().float().numpy() for name, t in tensors.items()}
    except Exception as error:  # sparse, quantized, or without data
        raise UserError(f"{path}: a tensor cannot be read: {_reason(error)}.") from error
    return _without_prefixes(arrays)


def _without_prefixes(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors named as in the network alone."""
    for prefix in PREFIXES:
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


class _Inert(dict):
    """Stands for any class that a checkpoint names besides tensors, such as a trainer's."""

    def __init__(self, *_: Any, **__: Any):
        super().__init__()

    def __setstate__(self, _: Any) -> None:
        """Takes nothing over."""


def _load_with_torch(path: Path) -> Any:
    """What a file of `torch.save` holds; classes that are not tensors become inert."""
    torch = require("torch", "torch", f"Reading {path}")
    try:
        with torch.serialization.safe_globals(_stand_ins(torch, path)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damage surfaces as errors of any kind
        raise UserError(
            f"{path}: not a file of torch's that is safe to read ({_reason(error)}). If you "
            "trust it, save its state dict alone, as .safetensors or with torch.save."
        ) from error


def _reason(error: Exception) -> str:
    """What torch found wrong, without its advice."""
    text = " ".join(str(error).split())
    return text.partition("WeightsUnpickler error: ")[2][:160] or text[:160] or "it is empty"


def _stand_ins(torch: Any, path: Path) -> list[Any]:
    """An inert class for every name that torch would refuse to load."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
    except ValueError:  # an old file that is no zip archive cannot be listed
        return []
    return [(_Inert, name) for name in names]
