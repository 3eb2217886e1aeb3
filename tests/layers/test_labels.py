"""What is no label: an error that names it where values are there, NaN where they are not."""

import keras
import numpy as np
import pytest
from keras import ops
from on_backend import gradients

from framl_keras import ArcMarginLayer
from framl_keras.layers import RowSGD
from framl_keras.losses import as_given
from framl_keras.models import wrong_label

CLASSES, DIM = 5, 4
X = np.random.default_rng(0).normal(size=(3, DIM)).astype(np.float32)
WRONG = {
    "one class too many": [0, 5, 1],
    "far too many": [0, 1, 1000],
    "below -1": [-5, 0, 1],
    "not whole": [2.7, 0.0, 1.0],
    "NaN": [float("nan"), 0.0, 1.0],
    "infinite": [0.0, float("inf"), 1.0],
}
WIDE = {  # what a backend's integers would wrap, or Keras would cast
    "beyond 32 bits": np.array([0, 2**32 + 3, 1]),
    "beyond 63 bits": np.array([0, 2**64 - 1, 1], np.uint64),
    "float64": np.array([0.0, 2.0 + 1e-12, 1.0]),
    "booleans": np.array([True, False, True]),
    "strings": np.array(["0", "1", "2"]),
    "a list of strings": ["a", "b", "c"],
    "Python's own": [0, 2**70, 1],
    "a list": [0, 7, 1],
    "ragged": [[0], [1, 2], [3]],
}
SHAPES = {
    "one-hot": (np.eye(CLASSES)[[0, 1, 2]], "not one-hot.*argmax"),
    "two columns": (np.zeros((3, 2), int), r"of shape \(batch,\) or \(batch, 1\)"),
    "a number": (3, r"of shape \(batch,\) or \(batch, 1\)"),
    "too few": (np.array([0, 1]), "2 labels for 3 embeddings"),
}
RIGHT = {
    "int64": np.array([0, -1, 4]),
    "uint8": np.array([0, 2, 4], np.uint8),
    "float32": np.array([0, -1, 4], np.float32),
    "float64": np.array([0, -1, 4], np.float64),
    "a list": [0, -1, 4],
    "a column": np.array([[0], [-1], [4]]),
}
HEADS = {
    "logits": ({}, False),
    "losses": ({}, True),
    "losses, sub-centers": ({"sub_centers": 2}, True),
    "Partial FC": ({"sample_rate": 0.8, "row_optimizer": RowSGD(0.1)}, False),
    "Partial FC, losses": ({"sample_rate": 0.8, "row_optimizer": RowSGD(0.1)}, True),
    "a margin with state": ({"margin": "AdaFace"}, True),
}
heads = pytest.mark.parametrize(("options", "losses"), HEADS.values(), ids=HEADS)


@heads
@pytest.mark.parametrize("name", [*WRONG, *WIDE])
def test_a_label_that_is_none_is_an_error_that_names_it(options, losses, name):
    labels = {**WRONG, **WIDE}[name]
    with pytest.raises(ValueError, match="`labels` must be integers") as error:
        ArcMarginLayer(CLASSES, **options)(X, labels, losses=losses)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("form", ["tensor", "model"])
def test_so_it_is_for_tensors_and_inside_a_model(name, form):
    labels = ops.convert_to_tensor(np.array(WRONG[name]))
    head, expected = ArcMarginLayer(CLASSES), rf"within \[0, {CLASSES}\), `num_classes` being 5"
    if form == "model":
        label = keras.Input((), dtype=keras.backend.standardize_dtype(labels.dtype))
        embedding = keras.Input((DIM,))
        head = _as_function(keras.Model([embedding, label], head(embedding, label)))
    with pytest.raises(ValueError, match=expected) as error:
        head(ops.convert_to_tensor(X), labels)
    assert "\n" not in str(error.value)


def _as_function(model):
    return lambda *inputs: model(list(inputs))


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_that_is_none_of_labels_says_what_was_expected(name):
    labels, complaint = SHAPES[name]
    with pytest.raises(ValueError, match=complaint):
        ArcMarginLayer(CLASSES)(X, labels)


@pytest.mark.parametrize("dtype", ["bool", "string"])
def test_symbolic_labels_have_a_dtype_of_numbers(dtype):
    with pytest.raises(ValueError, match=f"labels of dtype {dtype}"):
        ArcMarginLayer(CLASSES)(keras.Input((DIM,)), keras.Input((), dtype=dtype))


@pytest.mark.parametrize("name", RIGHT)
def test_labels_of_any_number_are_the_same(name):
    head = ArcMarginLayer(CLASSES)
    expected = [0, 2, 4] if name == "uint8" else [0, -1, 4]
    np.testing.assert_array_equal(
        ops.convert_to_numpy(head(X, RIGHT[name])),
        ops.convert_to_numpy(head(X, np.array(expected, np.int32))),
    )


CAST = {  # by Keras, to the dtype of the model's `Input`: given, what comes to the head
    "int32 cuts": ("int32", [0, 2.7, 1], [0, 2, 1]),
    "int32 wraps": ("int32", [0, 2**32 + 3, 1], [0, 3, 1]),
    "uint8 wraps": ("uint8", [0, 257, 1], [0, 1, 1]),
    "float32 shows": ("float32", [0, 2.7, 1], None),
}


@pytest.mark.parametrize("name", CAST)
def test_what_keras_casts_before_the_head_sees_it_is_as_documented(name):
    dtype, given, seen = CAST[name]
    embedding, label = keras.Input((DIM,)), keras.Input((), dtype=dtype)
    model = keras.Model([embedding, label], ArcMarginLayer(CLASSES)(embedding, label))
    if seen is None:
        with pytest.raises(ValueError, match=r"Received: 2\.7\d* in row 1"):
            model([X, np.array(given)])
        return
    found, expected = (ops.convert_to_numpy(model([X, np.array(x)])) for x in (given, seen))
    np.testing.assert_array_equal(found, expected)


@heads
@pytest.mark.parametrize("name", ["one class too many", "below -1", "not whole"])
def test_in_a_compiled_graph_the_loss_is_nan_and_the_weights_are_not(
    options, losses, name, monkeypatch
):
    if keras.backend.backend() == "torch":  # whose compiler takes a minute for each
        monkeypatch.setattr("framl_keras.ops.labels.is_concrete", lambda _: False)
    model, head = _compiled(options, losses)
    labels = np.array(WRONG[name], np.float32 if name == "not whole" else np.int32)
    if keras.backend.backend() == "tensorflow" and not losses:  # whose graphs can raise
        with pytest.raises(Exception, match="num_classes"):
            _loss_of(model, labels)
    loss = [_loss_of(model, labels, xla=not losses) for _ in range(2)]
    assert not np.isfinite(loss).any()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert np.isfinite(head.centers()).all()


def _compiled(options, losses):
    embedding, label = keras.Input((DIM,)), keras.Input((), dtype="float32")
    head = ArcMarginLayer(CLASSES, scale=8.0, **options)
    out = head(keras.layers.Dense(DIM)(embedding), label, losses=losses)
    model = keras.Model([embedding, label], out[0] if losses else out)
    return model, head


def _loss_of(model, labels, xla=False):
    """A training step of the running backend, compiled; its loss."""
    is_logits = len(model.output_shape) > 1

    def loss(y_true, y_pred):
        if not is_logits:
            return as_given(y_true, y_pred)
        y_true = ops.cast(y_true, "int32")
        if keras.backend.backend() == "torch":  # which raises by itself
            y_true = ops.clip(y_true, 0, CLASSES - 1)
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)

    jit = keras.backend.backend() == "jax" or (keras.backend.backend() == "tensorflow" and xla)
    if not model.compiled or model.jit_compile != jit:
        model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=jit)
    return float(model.train_on_batch([X, labels], labels))


def test_gradients_come_from_the_rows_with_labels_alone():
    head = ArcMarginLayer(CLASSES, scale=8.0)
    head.build((None, DIM))
    labels = ops.convert_to_tensor(np.array([1, 9, 2], np.int32))

    def total(x):
        return head.cross_entropies(x, labels)[0]

    (found,) = gradients(total, X)
    assert np.isfinite(found).all()
    assert not found[1].any()
    assert found[[0, 2]].any(axis=1).all()


def test_a_list_of_two_is_embeddings_and_labels():
    head, labels = ArcMarginLayer(CLASSES), np.array([0, 1, 4])
    expected = ops.convert_to_numpy(head(X, labels))
    for inputs in ([X, labels], (X, labels), [ops.convert_to_tensor(X), labels]):
        np.testing.assert_array_equal(ops.convert_to_numpy(head(inputs)), expected)
    assert head([keras.Input((DIM,)), keras.Input(())]).shape == (None, CLASSES)
    np.testing.assert_array_equal(ops.convert_to_numpy(head([X])), ops.convert_to_numpy(head(X)))


@pytest.mark.parametrize("inputs", [[X, X, X], [], [1.0, 2.0], [[1.0], [2.0]]])
def test_any_other_list_says_how_to_call_it(inputs):
    with pytest.raises(ValueError, match=r"`layer\(embeddings, labels\)`, two arguments"):
        ArcMarginLayer(CLASSES)(inputs)


def test_losses_need_labels():
    with pytest.raises(ValueError, match="`losses=True` needs labels"):
        ArcMarginLayer(CLASSES)(X, losses=True)


def test_the_offending_label_of_a_batch_is_found():
    assert wrong_label([0, -1, 4], CLASSES) is None
    assert "Received: 7 in row 2" in wrong_label(np.array([0, 1, 7, 9]), CLASSES)
    assert "count from 0" in wrong_label([1, 2, 5], CLASSES)
    assert wrong_label([], CLASSES) is None
