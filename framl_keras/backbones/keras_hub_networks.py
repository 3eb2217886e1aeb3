"""Networks of KerasHub, as `keras_hub:NAME`."""

from collections.abc import Mapping
from typing import Any

import keras

from framl_keras.backbones.imagenet_depths import (
    BASIC_RESNETS,
    BOTTLENECK_RESNETS,
    DENSENETS,
    STRIDES,
    VGGS,
    WIDTHS,
)
from framl_keras.backbones.library import Library, Shape
from framl_keras.types import Options


def _resnets(depths: Mapping[int, tuple[int, ...]], block: str) -> dict[str, tuple[str, Options]]:
    return {
        f"ResNet{depth}{version}": (
            "ResNetBackbone",
            {
                "input_conv_filters": [64],
                "input_conv_kernel_sizes": [7],
                "stackwise_num_filters": list(WIDTHS),
                "stackwise_num_blocks": list(blocks),
                "stackwise_num_strides": list(STRIDES),
                "block_type": block,
                "use_pre_activation": version == "V2",
            },
        )
        for depth, blocks in depths.items()
        for version in ("", "V2")
    }


def _densenet(repeats: tuple[int, ...]) -> tuple[str, Options]:
    return "DenseNetBackbone", {"stackwise_num_repeats": list(repeats)}


def _vgg(repeats: tuple[int, ...]) -> tuple[str, Options]:
    filters = [*WIDTHS, WIDTHS[-1]]
    return "VGGBackbone", {"stackwise_num_repeats": list(repeats), "stackwise_num_filters": filters}


def _preset(package: Any, name: str, input_shape: Shape, load_weights: bool) -> keras.Model:
    """A preset behind the scaling that its image converter describes."""
    backbone = package.models.Backbone.from_preset(name, load_weights=load_weights)
    converter = package.layers.ImageConverter.from_preset(name)
    scale = 1 / 255 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    inputs = keras.Input(input_shape)
    scaled = keras.layers.Rescaling(scale, offset, name="preset_scaling")(inputs)
    plain = keras.Model(backbone.inputs[0], backbone.output, name="preset")
    return keras.Model(inputs, plain(scaled))


KERAS_HUB = Library(
    "keras_hub",
    {
        **_resnets(BASIC_RESNETS, "basic_block"),
        **_resnets(BOTTLENECK_RESNETS, "bottleneck_block"),
        **{f"DenseNet{depth}": _densenet(repeats) for depth, repeats in DENSENETS.items()},
        **{f"VGG{depth}": _vgg(repeats) for depth, repeats in VGGS.items()},
    },
    lambda input_shape: {"image_shape": input_shape},
    _preset,
)
