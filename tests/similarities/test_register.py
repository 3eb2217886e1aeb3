"""A measure of the user's own: pairs, all pairs, the layer and the command line know it."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.spatial.distance import cdist

import framl_keras
from framl_keras import similarities
from framl_keras.errors import UserError
from framl_keras.evaluation import verify
from framl_keras.similarities import registry


def manhattan(a, b, ops):
    return ops.sum(ops.absolute(a - b), axis=-1)


def nearness(a, b, ops):
    return 1 / (1 + ops.sqrt(ops.sum(ops.square(a - b), axis=-1)))


class Chebyshev(similarities.Similarity):
    lower_is_alike = True

    def formula(self, a, b, ops):
        return ops.max(ops.absolute(a - b), axis=-1)


@pytest.fixture(autouse=True)
def no_trace(monkeypatch):
    known = registry._SIMILARITIES
    monkeypatch.setattr(known, "_things", dict(known._things))


KINDS = {
    "function": (manhattan, True, lambda a, b: cdist(a, b, "cityblock")),
    "value": (nearness, False, lambda a, b: 1 / (1 + cdist(a, b))),
    "class": (Chebyshev, False, lambda a, b: cdist(a, b, "chebyshev")),
    "instance": (Chebyshev(), False, lambda a, b: cdist(a, b, "chebyshev")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_formula_gives_every_form(kind, rng):
    given, lower, expected = KINDS[kind]
    similarities.register("mine", given, lower)
    a, b = rng.normal(size=(2, 40, 9))
    table = expected(a, b)
    pairs = np.stack([np.arange(40), 40 + np.arange(40)], axis=1)

    found = similarities.get("mine")
    distance = similarities.distances(np.concatenate([a, b]), pairs, "mine")
    layer = found.layer().distance(np.float32(a), np.float32(b))

    as_distance = table if found.lower_is_alike else 1 - table
    np.testing.assert_allclose(distance, np.diagonal(as_distance), rtol=1e-12)
    np.testing.assert_allclose(ops.convert_to_numpy(layer), distance, rtol=1e-5, atol=1e-5)
    sign = -1 if found.lower_is_alike else 1
    np.testing.assert_allclose(found.all_pairs(a, b), sign * table, rtol=1e-12)
    np.testing.assert_allclose(found.value_of(distance), np.diagonal(table), rtol=1e-12)


def test_it_is_listed_and_verified_by_name(rng):
    @similarities.register("mine", lower_is_alike=True)
    def mine(a, b, ops):
        return manhattan(a, b, ops)

    vectors = rng.normal(size=(40, 8))
    same = np.arange(20) % 2 == 0
    vectors[1::2][same] = vectors[0::2][same]

    assert framl_keras.list_similarities()[-1] == "mine"
    assert verify(vectors, None, same, "mine").accuracy == 1.0


def test_its_layer_is_saved_by_name(tmp_path, rng):
    similarities.register("mine", manhattan, lower_is_alike=True)
    a, b = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([a, b], similarities.get("mine").layer()(a, b))
    model.save(tmp_path / "pair.keras")

    loaded = keras.saving.load_model(tmp_path / "pair.keras")

    x, y = np.float32(rng.normal(size=(2, 3, 4)))
    np.testing.assert_allclose(loaded.predict([x, y], verbose=0), np.abs(x - y).sum(1), rtol=1e-6)


@pytest.mark.parametrize("name", ["cos", "all", "two words", "", "a,b", 3])
def test_a_name_that_is_taken_or_none_is_refused(name):
    with pytest.raises(ValueError, match=r"name must be|of that name already|`name` must be"):
        similarities.register(name, manhattan)


@pytest.mark.parametrize("given", [5, "cos", float])
def test_what_is_no_measure_is_refused(given):
    with pytest.raises(ValueError, match="`similarity` must be"):
        similarities.register("mine", given)


def test_a_module_loaded_anew_may_register_again():
    similarities.register("mine", manhattan, lower_is_alike=True)
    similarities.register("mine", manhattan, lower_is_alike=True)

    with pytest.raises(ValueError, match="a similarity of that name already"):
        similarities.register("mine", nearness)


def test_a_command_s_all_means_none_that_is_unknown():
    with pytest.raises(UserError, match=r"Did you mean 'cos'.* Expected one of diff, cos"):
        similarities.get("coss")
