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
from framl_keras.published.mobilefacenet import MOBILEFACENET
from framl_keras.published.tensorflow_reference import mobilenet_v2_embeddings, resnet50_embeddings

Reference = Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray]

ALIASES = {
    **{f"r{depth}": f"IResNet{depth}" for depth in DEPTHS},
    "mbf": "MobileFaceNet",
    "mbflarge": "MobileFaceNetLarge",
}
TORCH: dict[str, Layout] = {
    **{f"IResNet{depth}": ARCFACE_TORCH for depth in DEPTHS},
    **{f"AdaFaceIR{name}": adaface(DEPTHS[depth]) for name, depth in ADAFACE_DEPTHS.items()},
    "AdaFaceIRSE50": adaface(DEPTHS[50]),
    "MobileFaceNet": MOBILEFACENET,
    "MobileFaceNetLarge": MOBILEFACENET,
}
TENSORFLOW: dict[str, Reference] = {
    "ResNet50": resnet50_embeddings,
    "MobileNetV2": mobilenet_v2_embeddings,
}


def backbone_named(name: str | None) -> str:
    """The backbone meant by a name such as `iresnet50`, `adaface_ir50`, `r100` or `mbf`.

    Raises:
        UserError: if there is none.
    """
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
