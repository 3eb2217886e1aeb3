"""A margin by class size, against the paper's formula."""

import numpy as np
import papers
import pytest
from keras import ops

from framl_keras import ArcMarginLayer, margins
from framl_keras.layers import RowSGD

SIZES, MARGINS = (1, 16, 256), (0.55, 0.3, 0.175)


@pytest.mark.parametrize("sub_centers", [1, 2])
def test_each_class_has_its_own_margin(sub_centers, rng):
    margin = margins.DynamicMargin(class_sizes=SIZES)
    head = ArcMarginLayer(3, margin=margin, scale=1.0, sub_centers=sub_centers)
    x, labels = rng.normal(size=(4, 8)).astype(np.float32), np.array([0, 1, 2, -1])

    plain, found = (ops.convert_to_numpy(each) for each in (head(x), head(x, labels)))

    for row, m in enumerate(MARGINS):
        expected = papers.arc_face(np.arccos(np.float64(plain[row, row])), 1.0, m)
        assert found[row, row] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_array_equal(found[3], plain[3])

    losses, _ = head(x, labels, losses=True)
    logits = np.float64(found[:3])
    expected = np.log(np.exp(logits).sum(1)) - np.diagonal(logits)
    np.testing.assert_allclose(ops.convert_to_numpy(losses)[:3] * 3 / 4, expected, rtol=1e-5)


def test_a_sampled_head_gives_the_seen_classes_their_margins(rng):
    sizes = [1, 16, 256, 4, 9, 25]
    options = {"margin": margins.DynamicMargin(class_sizes=sizes), "scale": 4.0}
    whole = ArcMarginLayer(6, **options)
    part = ArcMarginLayer(6, sample_rate=0.5, row_optimizer=RowSGD(), **options)
    x, labels = rng.normal(size=(2, 8)).astype(np.float32), np.array([2, 5])
    whole(x), part(x)
    part.kernel.assign(whole.kernel)

    all_logits = ops.convert_to_numpy(whole(x, labels))
    found = ops.convert_to_numpy(part(x, labels))

    seen = found > -1e29
    assert seen.sum(1).tolist() == [3, 3]
    np.testing.assert_allclose(found[seen], all_logits[seen], atol=1e-5)


WRONG = {
    "none given": ({}, "0 sizes for 3"),
    "too few": ({"class_sizes": [1, 2]}, "2 sizes for 3"),
    "a class without images": ({"class_sizes": [1, 0, 2]}, "at least 1"),
    "no numbers": ({"class_sizes": "abc"}, "whole numbers"),
    "a part of an image": ({"class_sizes": [1, 1.5, 2]}, "whole numbers"),
    "beyond pi": ({"class_sizes": SIZES, "widest": 3.1416}, "within .0, pi"),
    "the narrowest above": ({"class_sizes": SIZES, "widest": 0.3, "narrowest": 0.4}, "narrowest"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_told(options, message):
    with pytest.raises(ValueError, match=message):
        ArcMarginLayer(3, margin=margins.DynamicMargin(**options))
