"""What a batch norm and a PReLU come to at inference."""

import keras
import numpy as np
import pytest

from framl_keras.layers import ChannelScale, ChannelSlope


@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (4, 3)])
def test_scale_and_slope_are_by_channel(shape, rng):
    x, scale, shift = rng.normal(size=shape), rng.normal(size=3), rng.normal(size=3)
    scaled, sloped = ChannelScale(), ChannelSlope()
    for layer, values in ((scaled, (scale, shift)), (sloped, (scale,))):
        layer.build(shape)
        layer.set_weights(values)

    for layer, expected in (
        (scaled, x * scale + shift),
        (sloped, np.where(x > 0, x, scale * x)),
    ):
        found = keras.ops.convert_to_numpy(layer(np.float32(x)))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
