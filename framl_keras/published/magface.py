"""MagFace's IResNets: insightface's names, but another epsilon, and BGR pixels within [0, 1]."""

from collections.abc import Mapping

import numpy as np

from framl_keras.published.arcface_torch import ARCFACE_TORCH, iresnet
from framl_keras.published.torch_network import TorchNetwork, channels_first

EPSILON = 2e-5


def embeddings(tensors: Mapping[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Embeddings of MagFace's IResNets for RGB pixels, which they see as BGR."""
    bgr = np.asarray(pixels, dtype=np.float32)[..., ::-1]
    return iresnet(TorchNetwork(tensors, EPSILON), channels_first(bgr / 255))


MAGFACE = ARCFACE_TORCH._replace(reference=embeddings, bgr=True, epsilon=EPSILON, scaling="x / 255")
