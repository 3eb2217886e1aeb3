"""What margins remember, what they add to the loss, and how they are named."""

import keras
import numpy as np
import papers
import pytest
from any_margin import any_margin
from keras import ops

from framl_keras import ArcMarginLayer, margins
from framl_keras.errors import UserError
from framl_keras.layers import RowSGD


def state_of(head):
    return {w.name: ops.convert_to_numpy(w) for w in head.non_trainable_variables}


def embeddings_of_length(lengths, rng, dim=4):
    x = rng.normal(size=(len(lengths), dim))
    return (x / np.linalg.norm(x, axis=-1, keepdims=True) * lengths[:, None]).astype(np.float32)


def test_ada_face_follows_mean_and_deviation_of_the_lengths(rng):
    head = ArcMarginLayer(3, margin=margins.AdaFace(momentum=0.9))
    lengths = np.array([5.0, 20.0, 35.0, 1000.0])  # the last row has no label

    head(embeddings_of_length(lengths, rng), np.array([0, 1, 2, -1]), training=True)

    state = state_of(head)
    assert state["norm_mean"] == pytest.approx(0.9 * 20 + 0.1 * lengths[:3].mean(), rel=1e-5)
    deviation = 0.9 * 100 + 0.1 * lengths[:3].std(ddof=1)
    assert state["norm_deviation"] == pytest.approx(deviation, rel=1e-5)


@pytest.mark.parametrize("margin", [margins.AdaFace, margins.CurricularFace])
def test_nothing_is_learnt_outside_of_training_or_without_labels(margin, rng):
    head = ArcMarginLayer(3, margin=margin())
    x = embeddings_of_length(np.array([1.0, 2.0]), rng)
    before = state_of(ArcMarginLayer(3, margin=margin()) if head(x) is None else head)

    head(x, np.array([0, 1]), training=False)
    head(x, np.array([-1, -1]), training=True)

    assert state_of(head) == before


def test_curricular_face_follows_the_cosine_to_the_true_class(rng):
    head = ArcMarginLayer(3, margin=margins.CurricularFace(momentum=0.8))
    x, labels = embeddings_of_length(np.array([1.0, 2.0, 3.0]), rng), np.array([0, 2, -1])
    cosines = ops.convert_to_numpy(head(x)) / 64

    for _ in range(2):
        head(x, labels, training=True)

    mean = (cosines[0, 0] + cosines[1, 2]) / 2
    assert state_of(head)["progress"] == pytest.approx(0.2 * mean + 0.8 * 0.2 * mean, rel=1e-4)


def test_mag_face_adds_the_paper_s_regularizer(rng):
    head = ArcMarginLayer(3, margin=margins.MagFace(shortest=1.0, longest=5.0))
    lengths = np.array([0.2, 2.0, 4.0, 9.0, 3.0])

    head(embeddings_of_length(lengths, rng), np.array([0, 1, 2, 0, -1]))

    (penalty,) = head.losses
    expected = np.mean([papers.mag_face_penalty(a) for a in lengths[:4]])
    assert ops.convert_to_numpy(penalty) == pytest.approx(expected, rel=1e-5)


def test_elastic_face_draws_normal_margins_anew_in_training_only():
    head = ArcMarginLayer(2, margin=margins.ElasticFaceCos(0.35, 0.05, seed=4), scale=1.0)
    x, labels = np.ones((4000, 2), np.float32), np.zeros(4000, np.int32)
    plain = ops.convert_to_numpy(head(x))[:, 0]

    first, second = (
        plain - ops.convert_to_numpy(head(x, labels, training=True))[:, 0] for _ in "ab"
    )
    outside = plain - ops.convert_to_numpy(head(x, labels))[:, 0]

    assert first.mean() == pytest.approx(0.35, abs=0.003)
    assert first.std() == pytest.approx(0.05, rel=0.05)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05
    np.testing.assert_allclose(outside, 0.35, atol=1e-6)


@pytest.mark.parametrize("name", margins.names())
def test_a_head_with_its_state_survives_saving(name, tmp_path, rng):
    embedding, label = keras.Input((4,)), keras.Input((), dtype="int32")
    head = ArcMarginLayer(3, margin=any_margin(name, 3), sub_centers=2, interclass_filter=0.9)
    model = keras.Model([embedding, label], head(embedding, label))
    x, labels = embeddings_of_length(np.array([5.0, 20.0, 35.0]), rng), np.array([0, 2, 1])
    head(x, labels, training=True)

    model.save(tmp_path / "head.keras")
    loaded = keras.saving.load_model(tmp_path / "head.keras")

    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(loaded([x, labels])), ops.convert_to_numpy(model([x, labels]))
    )


def test_two_heads_of_one_margin_share_no_state(rng):
    margin = margins.CurricularFace()
    heads = [ArcMarginLayer(3, margin=margin) for _ in range(2)]
    heads.append(ArcMarginLayer(3, margin=heads[0].margin_rule))
    x = embeddings_of_length(np.array([1.0, 2.0]), rng)
    for head in heads:
        head(x, np.array([0, 1]))
    heads[0](x, np.array([0, 1]), training=True)
    heads.append(ArcMarginLayer(3, margin=heads[0].margin_rule))  # one that has a state by now
    heads[-1](x, np.array([0, 1]))
    assert state_of(heads[0])["progress"] != 0
    assert all(state_of(head)["progress"] == 0 for head in heads[1:])


@pytest.mark.parametrize(
    "margin",
    ["CosFace", {"name": "CosFace"}, margins.CosFace(), {"name": "CosFace", "margin": 0.35}],
)
def test_a_margin_is_given_by_name_mapping_or_object(margin):
    head = ArcMarginLayer(3, margin=margin)
    assert isinstance(head.margin_rule, margins.CosFace)
    again = ArcMarginLayer.from_config(head.get_config())
    assert again.get_config() == head.get_config()
    assert again.margin_rule.margin == 0.35


class ByClass(margins.Margin):
    def target(self, cosine, norms, training, labels=None):
        return cosine - ops.take(ops.convert_to_tensor([0.1, 0.2, 0.3]), ops.maximum(labels, 0))


class OfOldForm(margins.Margin):
    def target(self, cosine, norms, training):
        return cosine - 0.5


@pytest.mark.parametrize("options", [{}, {"sample_rate": 0.9, "row_optimizer": RowSGD()}])
def test_a_margin_may_see_the_labels(options, rng):
    x, labels = embeddings_of_length(np.ones(3), rng), np.array([2, 0, -1])
    head = ArcMarginLayer(3, margin=ByClass(), scale=1.0, **options)
    difference = ops.convert_to_numpy(head(x)) - ops.convert_to_numpy(head(x, labels))
    np.testing.assert_allclose(difference[[0, 1], [2, 0]], [0.3, 0.1], atol=1e-6)
    assert not difference[2].any()


def test_a_margin_that_needs_no_labels_may_leave_them_out(rng):
    x = embeddings_of_length(np.ones(2), rng)
    head = ArcMarginLayer(3, margin=OfOldForm(), scale=1.0)
    difference = ops.convert_to_numpy(head(x)) - ops.convert_to_numpy(head(x, [0, 1]))
    np.testing.assert_allclose(difference, np.eye(2, 3) * 0.5, atol=1e-6)


def test_a_margin_of_an_unknown_name_or_option():
    with pytest.raises(UserError, match=r"Unknown margin 'arcfase'.* Did you mean 'ArcFace'\?"):
        margins.by_name("arcfase")
    with pytest.raises(UserError, match="Unknown option 'm1' of the margin ArcFace"):
        margins.by_name("ArcFace", m1=2.0)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: margins.CosFace(-0.1), "`margin` must be within"),
        (lambda: margins.SphereFace(0.5), "`margin` must be within"),
        (lambda: margins.Combined(past_pi="framl"), "`past_pi` must be one of"),
        (lambda: margins.MagFace(low_margin=0.9), "`high_margin` must be within"),
        (lambda: margins.MagFace(longest=2.0), "`longest` must be within"),
        (lambda: margins.AdaFace(momentum=1.0), "`momentum` must be within"),
        (lambda: ArcMarginLayer(3, margin="arcface"), "`margin` must be a number or a margin"),
    ],
)
def test_arguments_out_of_range(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
