"""Residual branches that begin at zero: which gammas, and what a block then does."""

import keras
import numpy as np
import pytest

from framl_keras import backbones
from framl_keras.errors import UserError
from framl_keras.keras_internals import layers_within
from framl_keras.training.build.residual_branches import zero_init_residual

SHAPE = (32, 32, 3)


def ends_of_branches(name: str, layer: str) -> bool:
    """The last batch normalization of each branch, by the names that the networks give."""
    if name == "ResNet50":
        return layer.endswith("_3_bn")
    blocks_with_a_shortcut = [2, 4, 5, 7, 8, 9, 11, 12, 14, 15]
    return layer in {f"block_{n}_project_BN" for n in blocks_with_a_shortcut}


@pytest.mark.parametrize(("name", "count"), [("ResNet50", 16), ("MobileNetV2", 10)])
def test_only_the_last_gamma_of_each_branch_is_zero(name: str, count: int) -> None:
    model = backbones.get(name).build(SHAPE)
    zero_init_residual(model)
    norms = [x for x in layers_within(model) if isinstance(x, keras.layers.BatchNormalization)]
    zero = {x.name for x in norms if not np.any(keras.ops.convert_to_numpy(x.gamma))}
    assert zero == {x.name for x in norms if ends_of_branches(name, x.name)}
    assert len(zero) == count


@pytest.mark.parametrize("branch_first", [True, False])
def test_a_block_begins_as_its_shortcut(branch_first: bool) -> None:
    pixels = keras.Input((4, 4, 2))
    shortcut = keras.layers.BatchNormalization()(pixels)
    branch = keras.layers.Conv2D(2, 3, padding="same")(pixels)
    branch = keras.layers.BatchNormalization()(branch)
    sides = [branch, shortcut] if branch_first else [shortcut, branch]
    model = keras.Model(pixels, [keras.layers.Add()(sides), shortcut])
    zero_init_residual(model)
    image = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype("float32")
    block, alone = model.predict(image, verbose=0)
    np.testing.assert_array_equal(block, alone)


def test_a_network_without_such_branches_is_refused() -> None:
    pixels = keras.Input((4, 4, 2))
    plain = keras.Model(pixels, keras.layers.Conv2D(2, 3)(pixels))
    with pytest.raises(UserError, match="no residual branch that ends in batch normalization"):
        zero_init_residual(plain)
