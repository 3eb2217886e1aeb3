"""Every kernel of a backbone is drawn with NumPy, so that all backends start alike."""

import keras
import numpy as np
import pytest

from framl_keras import backbones
from framl_keras.training.build.initial_weights import draw_initial_weights


@pytest.mark.parametrize("name", ["IResNet10SE", "MobileFaceNet", "MobileNetV2", "Xception"])
def test_every_kernel_is_drawn(name):
    network = backbones.get(name).build((112, 112, 3))
    network.set_weights([np.zeros_like(weight) for weight in network.get_weights()])
    draw_initial_weights(network, seed=0)
    kernels = [weight for weight in network.weights if len(weight.shape) == 4]
    assert kernels
    assert not [k.path for k in kernels if not np.any(keras.ops.convert_to_numpy(k))]
