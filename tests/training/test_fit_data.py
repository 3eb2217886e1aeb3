"""What `fit` is given: the batches, unchanged, and nothing that goes on by itself."""

import keras
import numpy as np

from framl_keras.training.steps import fit_data


def batches(count):
    for n in range(count):
        label = np.full(2, n, np.int32)
        yield (np.full((2, 4, 4, 3), n, np.uint8), label), {"logits": label}


def test_all_batches_come_in_order_and_as_they_are():
    flat = zip(
        keras.tree.flatten(list(fit_data(batches(5)))),
        keras.tree.flatten(list(batches(5))),
        strict=True,
    )
    for found, expected in flat:
        np.testing.assert_array_equal(np.asarray(found), expected)
        assert np.asarray(found).dtype == expected.dtype


def test_tensorflows_pipeline_has_no_tuner_that_the_end_of_an_epoch_waits_for():
    data = fit_data(batches(2))
    if keras.backend.backend() == "tensorflow":
        assert data.options().autotune.enabled is False
    else:
        assert not hasattr(data, "options")
