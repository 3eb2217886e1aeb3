"""Label smoothing and class weights, against their formulas in float64."""

import numpy as np
import pytest
from keras import ops
from on_backend import gradients

from framl_keras import ArcMarginLayer, margins
from framl_keras.layers import RowSGD
from framl_keras.training.build.heads import class_weights

LABELS = np.array([2, 0, -1, 4, 4], np.int32)
WEIGHTS = [0.5, 1.0, 2.0, 1.0, 4.0, 0.1]
HEADS = {
    "a number": {},
    "AdaFace": {"margin": margins.AdaFace()},
    "CurricularFace": {"margin": margins.CurricularFace()},
    "sub-centers": {"sub_centers": 2},
    "a filter": {"interclass_filter": 0.1},
}
HEADS |= {f"{name}, in blocks": {**HEADS[name], "class_blocks": 3} for name in HEADS}
ASKED = {
    "smoothed": {"label_smoothing": 0.1},
    "weighted": {"class_weights": WEIGHTS},
    "both": {"label_smoothing": 0.3, "class_weights": WEIGHTS},
}


def built(rng, **options):
    head = ArcMarginLayer(6, scale=16.0, **options)
    head.build((None, 8))
    head.kernel.assign(rng.normal(size=head.kernel.shape))
    return head


def targets_of(smoothing, classes=6):
    one_hot = np.eye(classes)[np.maximum(LABELS, 0)]
    return (1 - smoothing) * one_hot + smoothing / classes


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", HEADS)
def test_losses_are_those_of_smoothed_weighted_labels(name, asked, rng):
    head, x = built(rng, **HEADS[name], **ASKED[asked]), rng.normal(size=(5, 8)).astype("float32")
    logits = ops.convert_to_numpy(head(x, LABELS)).astype(np.float64)
    log_probabilities = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    losses = -(targets_of(head.label_smoothing) * log_probabilities).sum(1)
    weights = np.array(head.class_weights or [1.0] * 6)[LABELS] * (LABELS >= 0)

    found, _ = head(x, LABELS, losses=True)

    expected = losses * weights / np.mean(LABELS >= 0)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", HEADS)
def test_so_are_their_gradients(name, rng):
    head, x = built(rng, **HEADS[name], **ASKED["both"]), rng.normal(size=(5, 8)).astype("float32")
    state = [variable.value for variable in head.non_trainable_variables]
    weights = np.array(WEIGHTS)[LABELS] * (LABELS >= 0) / np.mean(LABELS >= 0)
    wanted = ops.convert_to_tensor((targets_of(0.3) * weights[:, None]).astype("float32"))

    def loss(x, kernel, losses):
        labels = ops.convert_to_tensor(LABELS)
        out, _ = head.stateless_call([kernel], state, x, labels, training=True, losses=losses)
        return out[0] if losses else -ops.sum(wanted * ops.log_softmax(out, axis=1), axis=1)

    kernel = ops.convert_to_numpy(head.kernel)
    found = gradients(lambda x, kernel: loss(x, kernel, True), x, kernel)
    expected = gradients(lambda x, kernel: loss(x, kernel, False), x, kernel)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=5e-5)


@pytest.mark.parametrize("sub_centers", [1, 2])
def test_a_sampled_head_spreads_over_the_classes_that_it_sees(sub_centers, rng):
    options = {"sample_rate": 0.5, "row_optimizer": RowSGD(), "sub_centers": sub_centers}
    head = built(rng, **options, **ASKED["both"])
    x, labels = rng.normal(size=(2, 8)).astype("float32"), np.array([2, 4])
    logits = ops.convert_to_numpy(head(x, labels)).astype(np.float64)
    seen = logits > -1e29
    assert seen.sum(1).tolist() == [3, 3]

    found, _ = head(x, labels, losses=True)

    log_sum = np.log(np.where(seen, np.exp(logits), 0.0).sum(1))
    mean = np.where(seen, logits, 0.0).sum(1) / 3
    own = logits[[0, 1], labels]
    expected = (log_sum - 0.7 * own - 0.3 * mean) * np.array(WEIGHTS)[labels]
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)


WRONG = {
    "smoothing of 1": ({"label_smoothing": 1.0}, "label_smoothing"),
    "smoothing below 0": ({"label_smoothing": -0.1}, "label_smoothing"),
    "smoothing by a word": ({"label_smoothing": "much"}, "label_smoothing"),
    "too few weights": ({"class_weights": [1.0, 2.0]}, "6 positive numbers"),
    "a weight of 0": ({"class_weights": [0.0] * 6}, "6 positive numbers"),
    "a weight that is NaN": ({"class_weights": [np.nan] * 6}, "6 positive numbers"),
    "endless weights": ({"class_weights": [np.inf] * 6}, "6 positive numbers"),
    "a word": ({"class_weights": "balanced"}, "6 positive numbers"),
    "a mapping": ({"class_weights": {0: 1.0}}, "6 positive numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_refused(name):
    options, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        ArcMarginLayer(6, **options)


def test_balanced_weights_let_each_class_count_alike():
    weights = np.array(class_weights("balanced", ["a", "b", "c"], [1, 4, 7]))
    np.testing.assert_allclose(weights * [1, 4, 7], 4.0)
