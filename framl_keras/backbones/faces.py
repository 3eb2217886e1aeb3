"""The face networks of our own, by name: IResNet, AdaFace's IR, MobileFaceNet, FaceResNet."""

from collections.abc import Callable, Mapping
from typing import Any

import keras

from framl_keras.backbones.face_resnet import face_resnet
from framl_keras.backbones.iresnet import iresnet
from framl_keras.backbones.mobilefacenet import mobilefacenet
from framl_keras.backbones.registry import Backbone
from framl_keras.backbones.weights_file import load_weights_file
from framl_keras.errors import UserError

SCALE, OFFSET = 1 / 127.5, -1.0  # (x - 127.5) / 127.5
NORM = {"batch_norm_momentum": 0.9, "batch_norm_epsilon": 1e-5}
IRESNET_HEAD = {"pooling": "flatten", "dropout": 0.0, "final_scale": False, **NORM}
ADAFACE_HEAD = {**IRESNET_HEAD, "dropout": 0.4}
MAGFACE_EPSILON = 2e-5
MAGFACE_HEAD = {**IRESNET_HEAD, "batch_norm_epsilon": MAGFACE_EPSILON}
SMALL_HEAD = {"pooling": "average", "dropout": 0.0, **NORM}
MOBILE_HEAD = {
    "pooling": "gdc",
    "input_batch_norm": False,
    "dropout": 0.0,
    "use_bias": False,
    **NORM,
}

DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 14, 3),
    100: (3, 13, 30, 3),
    200: (6, 26, 60, 6),
}
ADAFACE_DEPTHS = {18: 18, 34: 34, 50: 50, 101: 100}  # the paper's name -> the same blocks


def face_backbones() -> dict[str, Backbone]:
    """The networks by name."""
    iresnets: dict[str, dict[str, Any]] = {
        f"IResNet{depth}": {"blocks": blocks} for depth, blocks in DEPTHS.items()
    }
    iresnets["IResNet10"] = {  # small and fast, for small sets and processors
        "blocks": (1, 1, 1, 1),
        "widths": (32, 64, 128, 256),
        "stem_stride": 2,
    }
    excited = {f"{name}SE": {**o, "squeeze_excitation": True} for name, o in iresnets.items()}
    adaface: dict[str, dict[str, Any]] = {
        f"AdaFaceIR{name}": {"blocks": DEPTHS[depth], "shortcut": "subsample"}
        for name, depth in ADAFACE_DEPTHS.items()
    }
    adaface["AdaFaceIRSE50"] = {**adaface["AdaFaceIR50"], "squeeze_excitation": True}
    magface = {  # IResNets with the names of insightface's, trained on other pixels
        f"MagFace{name}": {**iresnets[name], "batch_norm_epsilon": MAGFACE_EPSILON}
        for name in (f"IResNet{depth}" for depth in (18, 34, 50, 100))
    }
    mobile = {
        "MobileFaceNet": {"blocks": (1, 4, 6, 2), "scale": 2},
        "MobileFaceNetLarge": {"blocks": (2, 8, 12, 4), "scale": 4},
    }
    return {
        **{n: _backbone(iresnet, n, o, IRESNET_HEAD) for n, o in (iresnets | excited).items()},
        **{n: _backbone(iresnet, n, o, ADAFACE_HEAD) for n, o in adaface.items()},
        **{n: _backbone(mobilefacenet, n, o, MOBILE_HEAD) for n, o in mobile.items()},
        **{n: _backbone(iresnet, n, o, MAGFACE_HEAD, 1 / 255, 0.0) for n, o in magface.items()},
        "FaceResNet10": _backbone(face_resnet, "FaceResNet10", {}, SMALL_HEAD),
    }


def _backbone(
    builder: Callable[..., keras.Model],
    name: str,
    options: Mapping[str, Any],
    head: Mapping[str, Any],
    scale: float = SCALE,
    offset: float = OFFSET,
) -> Backbone:
    """A network of ours with its options, which a caller may override."""

    def build(
        input_shape: tuple[int, int, int], weights: str | None = None, **overrides: Any
    ) -> keras.Model:
        if weights == "imagenet":
            raise UserError(
                f"{name} has no ImageNet weights. Expected `weights: null` or a file; weights "
                "that others published are converted with: framl-keras import-weights"
            )
        network = builder(input_shape, **{"name": name, **options, **overrides})
        if weights is not None:
            load_weights_file(network, weights)
        return network

    return Backbone(build, scale, offset, head)
