import keras
import numpy as np
from keras.ops import convert_to_numpy as numpy_of
from small_runs import changed, final_state

from framl_keras.runs.directory import RunDirectory
from framl_keras.training.build.precise_batch_norm import average_batch_norm
from framl_keras.training.train import train


def test_the_statistics_are_the_plain_average_of_the_batches():
    norm, frozen = keras.layers.BatchNormalization(), keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((3,)), norm, frozen])
    frozen.trainable = False
    batches = np.random.default_rng(0).normal(2.0, 3.0, (4, 5, 3)).astype("float32")
    average_batch_norm(model, iter(batches))
    np.testing.assert_allclose(numpy_of(norm.moving_mean), batches.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(numpy_of(norm.moving_variance), batches.var(1).mean(0), rtol=1e-5)
    np.testing.assert_array_equal(numpy_of(frozen.moving_mean), np.zeros(3))
    assert norm.momentum == 0.99
    average_batch_norm(model, [])
    np.testing.assert_allclose(numpy_of(norm.moving_mean), batches.mean((0, 1)), rtol=1e-5)


def test_a_run_changes_statistics_only_and_only_at_its_end(recipe):
    usual, precise = RunDirectory("runs/usual"), RunDirectory("runs/precise")
    embedders = [
        train(changed(recipe, name="x", train={"precise_batch_norm": count}), run).embedder
        for count, run in [(0, usual), (2, precise)]
    ]
    assert final_state(usual).keys() == final_state(precise).keys()
    for before, after in zip(*(embedder.weights for embedder in embedders), strict=True):
        if not before.path.endswith("dropout/count"):
            moved = before.path.endswith(("moving_mean", "moving_variance"))
            assert np.array_equal(numpy_of(before), numpy_of(after)) != moved
