import keras
import numpy as np
import pytest
from keras import ops

from framl_keras.layers import CountedDropout


def call(layer, inputs, training=True):
    return ops.convert_to_numpy(layer(inputs, training=training))


def test_it_drops_the_rate_and_keeps_the_mean():
    outputs = call(CountedDropout(0.3, seed=1), np.ones((100, 200), "float32"))
    assert (outputs == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(np.unique(outputs), [0, 1 / 0.7], rtol=1e-6)


def test_masks_go_on_where_the_saved_count_stands(tmp_path):
    inputs = np.ones((4, 50), "float32")
    model = keras.Sequential([keras.Input((50,)), CountedDropout(0.5, seed=2)])
    masks = [call(model, inputs) for _ in range(3)]
    assert not np.array_equal(masks[0], masks[1])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(call(loaded, inputs), call(model, inputs))


@pytest.mark.parametrize("training", [False, None])
def test_outside_training_it_passes_through_and_does_not_count(training):
    layer, inputs = CountedDropout(0.5), np.ones((2, 3), "float32")
    np.testing.assert_array_equal(call(layer, inputs, training), inputs)
    assert int(ops.convert_to_numpy(layer.count.value)) == 0


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(ValueError, match=r"`rate` must be within \[0, 1\)"):
        CountedDropout(rate)
