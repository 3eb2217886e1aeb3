"""Makes embedders from torch state dicts of insightface and AdaFace."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from framl_keras import backbones
from framl_keras.errors import UserError
from framl_keras.models import embedding_model
from framl_keras.published.arcface_torch import ARCFACE_TORCH
from framl_keras.published.catalog import TORCH
from framl_keras.published.fill import fill
from framl_keras.published.imported import Imported
from framl_keras.published.layout import (
    STEM,
    Layout,
    Tensors,
    head_options,
    torch_slots,
    without_frozen_gamma,
)
from framl_keras.published.parity import largest_difference
from framl_keras.published.state_dict import read_state_dict


def from_torch(path: Path, backbone: str, image_size: int, is_asked_for: bool = False) -> Imported:
    """Imports a state dict.

    Args:
        path: the file.
        backbone: the network's name, one of `TORCH`.
        image_size: side of the input in pixels.
        is_asked_for: whether the layout was named, so that marks of another one don't count.

    Raises:
        UserError: if nobody published this network in torch, or the tensors don't fit.
    """
    if backbone not in TORCH:
        raise UserError(
            f"{path}: no layout for {backbone} in torch is known. Expected {', '.join(TORCH)}."
        )
    layout, content = TORCH[backbone], read_state_dict(path)
    prefix = prefix_of(content, layout, path)
    tensors = {n.removeprefix(prefix): t for n, t in content.items() if n.startswith(prefix)}
    _check_family(path, layout, tensors)
    if not is_asked_for:
        _check_is_not_magface(path, backbone, prefix, tensors)
    left_out = tuple(name for name in content if not name.startswith(prefix))
    options = {**backbones.get(backbone).head, **head_options(layout, tensors)}
    embedder = embedding_model(backbone, image_size, **options)
    slots = torch_slots(embedder, layout)
    fill(slots, without_frozen_gamma(layout, tensors), layout.ignorable, str(path))
    if importlib.util.find_spec("torch") is None:
        return Imported(embedder, None, "torch", layout.assumptions, left_out)
    difference = largest_difference(embedder, lambda pixels: layout.reference(tensors, pixels))
    return Imported(embedder, difference, "torch", layout.assumptions, left_out)


def _check_is_not_magface(path: Path, backbone: str, prefix: str, tensors: Tensors) -> None:
    """Says so if insightface's names are of a file with marks of MagFace's trainer."""
    if TORCH[backbone] is not ARCFACE_TORCH:
        return
    gamma = tensors.get("features.weight")
    marks = {
        f"the names begin with {prefix}": prefix in ("features.", "features.module."),
        "features.weight is not 1": gamma is not None and bool((gamma != 1).any()),
    }
    if shown := [mark for mark, is_there in marks.items() if is_there]:
        raise UserError(
            f"{path}: {' and '.join(shown)}, as in MagFace, whose networks have the names of "
            f"{backbone} but another epsilon and other pixels. Say which it is: --layout magface "
            "or --layout arcface_torch."
        )


def _check_family(path: Path, layout: Layout, tensors: Tensors) -> None:
    """Raises an error if the tensors' names are those of another family of networks."""
    if layout.embed in tensors:
        return
    others = [name for name, other in TORCH.items() if other.embed in tensors]
    if others:
        raise UserError(
            f"{path}: {layout.embed} is missing, and the names are those of another "
            f"network: --as {' or '.join(others)}"
        )


def prefix_of(names: Iterable[str], layout: Layout, path: Path) -> str:
    """What stands before each of a network's names, such as `features.module.` or nothing.

    Args:
        names: all that the file has.
        layout: the network's; its first and its last kernel tell where it is.
        path: the file, for errors.

    Raises:
        UserError: if the file holds several such networks.
    """
    names = set(names)
    stem = f"{layout.prefix(STEM)}.weight"
    ends = [name.removesuffix(stem) for name in sorted(names) if name.endswith(stem)]
    prefixes = [e for e in ends if (not e or e.endswith(".")) and e + layout.embed in names]
    if len(prefixes) > 1:
        listed = ", ".join(f"{prefix}*" if prefix else stem for prefix in prefixes)
        raise UserError(
            f"{path}: holds {len(prefixes)} networks, {listed}. Expected one: save the state dict "
            "of the one that is meant alone."
        )
    return prefixes[0] if prefixes else ""
