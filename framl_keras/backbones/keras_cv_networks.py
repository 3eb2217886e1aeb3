"""Networks of KerasCV, as `keras_cv:NAME`."""

from collections.abc import Mapping
from typing import Any

import keras

from framl_keras.backbones.imagenet_depths import (
    BASIC_RESNETS,
    BOTTLENECK_RESNETS,
    DENSENETS,
    STRIDES,
    WIDTHS,
)
from framl_keras.backbones.library import Library, Shape
from framl_keras.types import Options

DARKNETS = {"Tiny": (48, 1), "S": (64, 1), "M": (96, 2), "L": (128, 3), "XL": (170, 4)}


def _resnets(depths: Mapping[int, tuple[int, ...]], block: str) -> dict[str, tuple[str, Options]]:
    return {
        f"ResNet{depth}{version}": (
            f"ResNet{version}Backbone",
            {
                "stackwise_filters": list(WIDTHS),
                "stackwise_blocks": list(blocks),
                "stackwise_strides": list(STRIDES),
                "block_type": block,
            },
        )
        for depth, blocks in depths.items()
        for version in ("", "V2")
    }


def _densenet(repeats: tuple[int, ...]) -> tuple[str, Options]:
    return "DenseNetBackbone", {"stackwise_num_repeats": list(repeats)}


def _darknet(width: int, depth: int) -> tuple[str, Options]:
    channels = [width, 2 * width, 4 * width, 8 * width]
    depths = [depth, 3 * depth, 3 * depth, depth]
    return "CSPDarkNetBackbone", {"stackwise_channels": channels, "stackwise_depth": depths}


def _preset(package: Any, name: str, input_shape: Shape, load_weights: bool) -> keras.Model:
    """A preset with its scaling to [0, 1]."""
    return package.models.Backbone.from_preset(
        name, load_weights=load_weights, input_shape=input_shape, include_rescaling=True
    )


KERAS_CV = Library(
    "keras_cv",
    {
        **_resnets(BASIC_RESNETS, "basic_block"),
        **_resnets(BOTTLENECK_RESNETS, "block"),
        **{f"DenseNet{depth}": _densenet(repeats) for depth, repeats in DENSENETS.items()},
        **{f"CSPDarkNet{size}": _darknet(*numbers) for size, numbers in DARKNETS.items()},
    },
    lambda input_shape: {"input_shape": input_shape, "include_rescaling": False},
    _preset,
)
