"""The layers that can vary one image, by names such as `keras_cv.rand_augment`."""

import difflib
import re

from framl_keras.errors import UserError

LAYERS: dict[str, tuple[str, ...]] = {
    "keras": (
        "RandAugment", "AugMix", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization",
        "Equalization", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
        "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip",
        "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective",
        "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness",
        "RandomShear", "RandomTranslation", "RandomZoom", "Solarization",
    ),
    "keras_cv": (
        "RandAugment", "AugMix", "AutoContrast", "ChannelShuffle", "Equalization", "Grayscale",
        "GridMask", "JitteredResize", "Posterization", "RandomBrightness", "RandomChannelShift",
        "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomCropAndResize",
        "RandomCutout", "RandomFlip", "RandomGaussianBlur", "RandomHue", "RandomJpegQuality",
        "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
        "RandomTranslation", "RandomZoom", "Solarization",
    ),
}  # fmt: skip
_MIXING = ("MixUp", "CutMix", "FourierMix", "Mosaic")
_SIZING = ("CenterCrop", "RandomAspectRatio", "RandomCrop", "Resizing")


def find(name: str) -> tuple[str, str]:
    """A layer's package and class.

    Args:
        name: the package and the layer in either spelling: `keras_cv.rand_augment`,
            `keras.RandomHue`, `keras.layers.RandomHue`.

    Raises:
        UserError: if there is no such layer, or it is none that varies a single image.
    """
    package, _, layer = name.partition(".")
    layer = layer.removeprefix("layers.")
    if package == "keras_hub":
        raise UserError(
            f"data.augment: {name}: KerasHub has no layer that augments images (its random "
            f"deletion and swap are for text). {_expected(LAYERS)}"
        )
    if package not in LAYERS or not layer:
        raise UserError(f"data.augment: no policy {name!r}. {_expected(LAYERS)}")
    _refuse_other_kinds(name, layer)
    classes = {_folded(known): known for known in LAYERS[package]}
    if _folded(layer) not in classes:
        near = difflib.get_close_matches(_folded(layer), classes, n=1)
        hint = f"Did you mean {package}.{snake(classes[near[0]])}? " if near else ""
        raise UserError(f"data.augment: no policy {name!r}. {hint}{_expected([package])}")
    return package, classes[_folded(layer)]


def snake(name: str) -> str:
    """`RandAugment` -> `rand_augment`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _refuse_other_kinds(name: str, layer: str) -> None:
    if _folded(layer) in map(_folded, _MIXING):
        raise UserError(
            f"data.augment: {name} mixes images of several identities and their labels, which "
            "a margin on one identity cannot learn from. Choose a policy for single images, "
            "such as keras_cv.rand_augment."
        )
    if _folded(layer) in map(_folded, _SIZING):
        raise UserError(
            f"data.augment: {name} changes the image's size, which the pipeline sets itself. "
            "Use data.augment.resize_to, from which data.image_size is cropped at random."
        )


def _folded(name: str) -> str:
    return name.replace("_", "").casefold()


def _expected(packages: list[str] | dict[str, tuple[str, ...]]) -> str:
    names = [f"{package}.{snake(layer)}" for package in packages for layer in LAYERS[package]]
    return f"Expected one of {', '.join(names)}."
