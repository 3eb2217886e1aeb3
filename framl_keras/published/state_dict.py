"""Reads torch's state dicts, from torch's own files or safetensors. Runs no code of theirs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.errors import UserError
from framl_keras.optional import require
from framl_keras.untrusted.safetensors import read_safetensors

# Lightning's, arcface_torch's with its optimizer, and others'; the first of equals is taken.
WRAPPERS = ("state_dict", "state_dict_backbone", "model", "model_state_dict", "backbone", "net")
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
    tensors = state_dict_in(content)
    if not tensors:
        raise UserError(f"{path}: {_without_tensors(content)}")
    try:
        arrays = {name: tensor.detach().float().numpy() for name, tensor in tensors.items()}
    except Exception as error:  # sparse, quantized, or without data
        raise UserError(f"{path}: a tensor cannot be read: {_reason(error)}.") from error
    return _without_prefixes(arrays)


def state_dict_in(content: Any) -> dict[str, Any]:
    """The state dict within a trainer's wrappers: the mapping with the most tensors.

    Args:
        content: what a file of torch's holds.
    """
    best: dict[str, Any] = {}
    waiting, seen = [content], set()
    while waiting:
        part = waiting.pop(0)
        if not isinstance(part, Mapping) or id(part) in seen:
            continue
        seen.add(id(part))
        tensors = {str(name): value for name, value in part.items() if hasattr(value, "detach")}
        best = tensors if len(tensors) > len(best) else best
        known = [part[name] for name in WRAPPERS if name in part]
        others = [value for name, value in part.items() if name not in WRAPPERS]
        waiting = [*known, *others, *waiting]
    return best


def _without_tensors(content: Any) -> str:
    """What a file is that holds no tensors, and what to do."""
    advice = "In the program that made it: torch.save(model.state_dict(), 'model.pth')."
    parts = [content, *(content.values() if isinstance(content, Mapping) else [])]
    if any(isinstance(part, _Inert) for part in parts):
        return f"a whole pickled module, whose classes are not here. {advice}"
    kind = "no tensors" if isinstance(content, Mapping) else f"a {type(content).__name__}"
    return f"expected a state dict (names and tensors), found {kind}. {advice}"


def _without_prefixes(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors named as in the network alone."""
    for prefix in PREFIXES:
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


class _Inert(dict[str, Any]):
    """Stands for any class that a checkpoint names besides tensors, such as a trainer's."""

    def __init__(self, *_: Any, **__: Any):
        super().__init__()

    def __setstate__(self, _: Any) -> None:
        """Ignores the state."""


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
    """What torch says is wrong, without its advice."""
    text = " ".join(str(error).split())
    if "TorchScript" in text:
        return "a TorchScript archive; torch.jit.load reads it"
    return text.partition("WeightsUnpickler error: ")[2][:160] or text[:160] or "it is empty"


def _stand_ins(torch: Any, path: Path) -> list[Any]:
    """An inert class for every name that torch would refuse to load."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
    except ValueError:  # an old file that is no zip archive cannot be listed
        return []
    return [(_Inert, name) for name in names]
