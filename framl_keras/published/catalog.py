"""What can be imported, by the names that people use."""

import difflib
import re
from collections.abc import Callable, Mapping

import numpy as np

from framl_keras import backbones
from framl_keras.backbones.faces import ADAFACE_DEPTHS, DEPTHS
from framl_keras.errors import UserError
from framl_keras.published.adaface import adaface
from framl_keras.published.arcface_torch import ARCFACE_TORCH
from framl_keras.published.layout import Layout
from framl_keras.published.magface import MAGFACE
from framl_keras.published.mobilefacenet import MOBILEFACENET
from framl_keras.published.tensorflow_reference import mobilenet_v2_embeddings, resnet50_embeddings

Reference = Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray]

ALIASES = {
    **{f"r{depth}": f"IResNet{depth}" for depth in DEPTHS},
    **{f"magfacer{depth}": f"MagFaceIResNet{depth}" for depth in (18, 34, 50, 100)},
    **{f"magfaceir{depth}": f"MagFaceIResNet{depth}" for depth in (18, 34, 50, 100)},
    "mbf": "MobileFaceNet",
    "mbflarge": "MobileFaceNetLarge",
}
TORCH: dict[str, Layout] = {
    **{f"IResNet{depth}": ARCFACE_TORCH for depth in DEPTHS},
    **{f"MagFaceIResNet{depth}": MAGFACE for depth in (18, 34, 50, 100)},
    **{f"AdaFaceIR{name}": adaface(DEPTHS[depth]) for name, depth in ADAFACE_DEPTHS.items()},
    "AdaFaceIRSE50": adaface(DEPTHS[50]),
    "MobileFaceNet": MOBILEFACENET,
    "MobileFaceNetLarge": MOBILEFACENET,
}
TENSORFLOW: dict[str, Reference] = {
    "ResNet50": resnet50_embeddings,
    "MobileNetV2": mobilenet_v2_embeddings,
}


LAYOUTS = {"arcface_torch": ARCFACE_TORCH, "magface": MAGFACE, "mobilefacenet": MOBILEFACENET}


def backbone_named(name: str | None, layout: str | None = None) -> str:
    """The backbone meant by a name such as `iresnet50`, `adaface_ir50`, `r100` or `mbf`.

    Args:
        name: the name.
        layout: one of `LAYOUTS`, where networks share the names of their tensors.

    Raises:
        UserError: if there is none, or it is stored in no such layout.
    """
    if layout is None:
        return _backbone_named(name)
    if layout not in LAYOUTS:
        raise UserError(f"Unknown --layout {layout}. Expected one of {', '.join(LAYOUTS)}.")
    backbone = _backbone_named(name).removeprefix("MagFace" if layout == "magface" else "")
    backbone = f"MagFace{backbone}" if layout == "magface" else backbone
    if TORCH.get(backbone) is not LAYOUTS[layout]:
        known = [other for other, kept in TORCH.items() if kept is LAYOUTS[layout]]
        raise UserError(f"--as {name} --layout {layout}: expected --as {' or '.join(known)}.")
    return backbone


def _backbone_named(name: str | None) -> str:
    folded = {_fold(known): known for known in backbones.names()} | ALIASES
    published = ", ".join([*TORCH, *TENSORFLOW])
    if name is None:
        raise UserError(f"What are the weights of? Give --as NAME. Published: {published}.")
    if _fold(name) not in folded:
        near = difflib.get_close_matches(_fold(name), folded, n=1)
        hint = f"did you mean {folded[near[0]]}? " if near else ""
        raise UserError(f"Unknown network --as {name}: {hint}Published: {published}.")
    return folded[_fold(name)]


def _fold(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
