"""Partial FC: what is sampled trains as Keras trains it, and nothing else moves."""

import keras
import numpy as np
import pytest
from keras import ops

from framl_keras import ArcMarginLayer
from framl_keras.layers import RowSGD
from framl_keras.losses import as_given

SGD = {"learning_rate": 0.3, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02}
CLASSES, DIM = 7, 5


def batches(rng, count=4, size=4):
    x = rng.normal(size=(count, size, DIM)).astype(np.float32)
    return list(zip(x, rng.integers(0, CLASSES, (count, size)).astype(np.int32), strict=True))


def sampled_model(sample_rate, **options):
    options = {"row_optimizer": RowSGD(**SGD), "scale": 8.0, **options}
    head = ArcMarginLayer(CLASSES, sample_rate=sample_rate, name="head", **options)
    x, label = keras.Input((DIM,)), keras.Input((), dtype="int32")
    embedding = keras.layers.Dense(DIM, name="dense")(x)
    losses, _ = head(embedding, label, losses=True)
    model = keras.Model([x, label], losses)
    model.compile(keras.optimizers.SGD(**SGD), as_given, jit_compile=False)
    return model, head


def plain_model(sub_centers=1):
    head = ArcMarginLayer(CLASSES, scale=8.0, sub_centers=sub_centers)
    x, label = keras.Input((DIM,)), keras.Input((), dtype="int32")
    model = keras.Model([x, label], head(keras.layers.Dense(DIM, name="dense")(x), label))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(**SGD), loss, jit_compile=False)
    return model, head


def train(model, data):
    for x, labels in data:
        model.train_on_batch([x, labels], labels)


def centers(head):
    return ops.convert_to_numpy(head._sampled.current())


def numbers(variable):
    return ops.convert_to_numpy(variable).copy()


@pytest.mark.parametrize("sub_centers", [1, 2])
def test_with_every_class_sampled_it_trains_as_the_plain_head(sub_centers, rng):
    data = batches(rng)
    plain, plain_head = plain_model(sub_centers)
    partial, head = sampled_model(0.99, sub_centers=sub_centers)  # rounds up to all seven
    head.kernel.assign(plain_head.kernel)
    partial.get_layer("dense").set_weights(plain.get_layer("dense").get_weights())

    train(plain, data)
    train(partial, data)

    np.testing.assert_allclose(centers(head), numbers(plain_head.kernel), rtol=1e-4, atol=1e-5)
    for a, b in zip(
        partial.get_layer("dense").get_weights(),
        plain.get_layer("dense").get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_rows_that_are_not_sampled_stay_with_their_momentum(rng):
    model, head = sampled_model(0.5, row_optimizer=RowSGD(**SGD))
    state = head._sampled
    seen = set()
    for batch in batches(rng, count=6):
        kernel = centers(head)
        train(model, [batch])
        rows, velocity = numbers(state.drawn), numbers(state.velocity)
        others = np.setdiff1d(np.arange(CLASSES), rows)
        assert len(others) == CLASSES - 4
        assert set(batch[1]) <= set(rows)
        np.testing.assert_array_equal(centers(head)[others], kernel[others])
        assert (np.abs(centers(head)[rows] - kernel[rows]).max(-1) > 0).all()
        model([batch[0], batch[1]], training=True)  # applies the gradient, brings none
        np.testing.assert_array_equal(numbers(state.velocity)[others], velocity[others])
        seen |= set(others)
    assert len(seen) > CLASSES - 4  # not the same ones each step


def test_a_gradient_is_applied_once(rng):
    model, head = sampled_model(0.5)
    train(model, batches(rng, count=2))
    expected = centers(head)
    x, labels = batches(rng, count=1)[0]

    for _ in range(3):
        model([x, labels], training=True)

    np.testing.assert_array_equal(centers(head), expected)
    np.testing.assert_array_equal(numbers(head.kernel), expected)
    assert int(numbers(head._sampled.updates)) == 2


def test_inference_sees_the_last_step_and_all_classes(rng):
    model, head = sampled_model(0.5)
    train(model, batches(rng, count=1))
    x = rng.normal(size=(3, DIM)).astype(np.float32)

    found = ops.convert_to_numpy(head(x))

    kernel = centers(head)
    assert (kernel != numbers(head.kernel)).any()
    units = kernel / np.linalg.norm(kernel, axis=-1, keepdims=True)
    expected = 8.0 * (x / np.linalg.norm(x, axis=-1, keepdims=True)) @ units.T
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_saving_keeps_what_is_not_yet_applied(rng, tmp_path):
    schedule = keras.optimizers.schedules.CosineDecay(0.3, 10)
    model, head = sampled_model(0.5, row_optimizer=RowSGD(schedule, momentum=0.5))
    data = batches(rng, count=5)
    train(model, data[:3])

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        train(each, data[3:])

    np.testing.assert_array_equal(centers(loaded.get_layer("head")), centers(head))


def test_it_trains_compiled_with_fit(rng):
    model, _ = sampled_model(0.8)
    jit = keras.backend.backend() != "torch"
    model.compile(keras.optimizers.SGD(**SGD), as_given, jit_compile=jit)
    labels = np.arange(56, dtype=np.int32) % CLASSES
    x = (rng.normal(size=(CLASSES, DIM))[labels] + 0.1 * rng.normal(size=(56, DIM))).astype("f")

    losses = model.fit([x, labels], labels, batch_size=4, epochs=8, verbose=0).history["loss"]

    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"sample_rate": 0.0}, r"`sample_rate` must be within \(0, 1\]"),
        ({"sample_rate": 0.5}, "needs a RowSGD"),
        ({"sample_rate": 0.5, "row_optimizer": RowSGD(), "kernel_regularizer": "l2"}, "touch all"),
    ],
)
def test_arguments_that_contradict_each_other(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        ArcMarginLayer(CLASSES, **options)


def test_a_batch_must_fit_into_the_sample():
    head = ArcMarginLayer(CLASSES, sample_rate=0.3, row_optimizer=RowSGD())
    with pytest.raises(ValueError, match="Raise `sample_rate`"):
        head(np.ones((4, DIM), np.float32), np.arange(4))


def tensor(values):
    return ops.convert_to_tensor(np.float32(values))


@pytest.mark.parametrize("nesterov", [False, True])
def test_coupled_decay_is_that_of_torchs_sgd(nesterov, rng):
    """By torch's documented steps in float64, on rows with gradients that are given."""
    rate, momentum, decay = 0.1, 0.9, 0.3
    rows = rng.normal(size=(3, DIM))
    expected, buffer = rows.copy(), None
    optimizer = RowSGD(rate, momentum, nesterov, decay, coupled_decay=True)
    values, velocity = tensor(rows), tensor(np.zeros((3, DIM)))
    for step in range(5):
        gradient = rng.normal(size=(3, DIM))
        decayed = gradient + decay * expected
        buffer = decayed if buffer is None else momentum * buffer + decayed
        expected = expected - rate * (decayed + momentum * buffer if nesterov else buffer)
        values, velocity = optimizer.updated(values, velocity, tensor(gradient), step)
    np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("coupled", [False, True])
def test_the_two_decays_differ_where_there_is_momentum(coupled):
    optimizer = RowSGD(0.1, 0.9, weight_decay=0.5, coupled_decay=coupled)
    row, velocity, zero = (tensor(np.full((1, 2), value)) for value in (1.0, 0.0, 0.0))
    for step in range(2):
        row, velocity = optimizer.updated(row, velocity, zero, step)
    expected = 0.95 - 0.05 * 0.95 - 0.045 if coupled else 0.95**2
    np.testing.assert_allclose(ops.convert_to_numpy(row), expected, rtol=1e-6)


def test_the_logits_have_a_column_for_each_class(rng):
    head = ArcMarginLayer(CLASSES, sample_rate=0.5, row_optimizer=RowSGD(), scale=8.0)
    x, labels = rng.normal(size=(3, DIM)).astype("float32"), np.array([0, 6, -1])
    logits = ops.convert_to_numpy(head(x, labels))
    losses, _ = head(x, labels, losses=True)
    assert logits.shape == (3, CLASSES)
    assert ((logits > -1e29).sum(axis=1) == 4).all()
    log_sum = np.log(np.exp(np.float64(logits)).sum(axis=1))
    expected = (log_sum - logits[np.arange(3), labels]) * [1.5, 1.5, 0]
    np.testing.assert_allclose(ops.convert_to_numpy(losses), expected, rtol=1e-5)


@pytest.mark.parametrize("options", [{"learning_rate": 0}, {"momentum": 1.0}, {"weight_decay": -1}])
def test_row_sgd_arguments_out_of_range(options):
    with pytest.raises(ValueError, match="Received"):
        RowSGD(**options)


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="TensorFlow's strategies")
def test_a_distribution_strategy_is_refused_in_one_line():
    import tensorflow as tf

    with (
        tf.distribute.MirroredStrategy(["CPU:0"]).scope(),
        pytest.raises(ValueError, match=r"not under a distribution strategy.*MirroredStrategy"),
    ):
        sampled_model(0.5)
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        sampled_model(0.5)


def test_a_batch_with_more_classes_of_a_block_than_are_drawn_has_no_loss(monkeypatch):
    monkeypatch.setattr("framl_keras.layers.sampled_kernel.SMALLEST_DRAW", 2)
    head = ArcMarginLayer(16, sample_rate=0.5, row_optimizer=RowSGD(**SGD))
    x = np.random.default_rng(0).normal(size=(5, DIM)).astype("float32")
    losses, _ = head(x, np.array([0, 1, 2, 3, 9]), losses=True, training=True)

    assert head.sampled_kernel.blocks == 4
    is_lost = np.isnan(numbers(ops.stop_gradient(losses)))
    assert is_lost[:4].sum() == 2  # two of each block's four are drawn
    assert not is_lost[4]
