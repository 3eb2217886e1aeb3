"""Sub-centres and inter-class filtering."""

import numpy as np
import pytest
from keras import ops

from framl_keras import ArcMarginLayer


def head_with(kernel, num_classes, **options):
    layer = ArcMarginLayer(num_classes, **options)
    layer.build((None, kernel.shape[1]))
    layer.set_weights([kernel])
    return layer


def test_the_nearest_sub_center_counts(rng):
    kernel, x = np.float32(rng.normal(size=(3, 4, 6))), np.float32(rng.normal(size=(5, 6)))
    head = head_with(kernel.reshape(12, 6), 4, sub_centers=3, scale=1.0)

    found = ops.convert_to_numpy(head(x))

    units = kernel / np.linalg.norm(kernel, axis=-1, keepdims=True)
    cosines = np.einsum("bd,kcd->kbc", x / np.linalg.norm(x, axis=-1, keepdims=True), units)
    np.testing.assert_allclose(found, cosines.max(0), atol=1e-5)


def test_negatives_above_the_filter_get_the_logit_zero(rng):
    kernel, x = np.float32(rng.normal(size=(6, 3))), np.float32(rng.normal(size=(8, 3)))
    labels = np.array([0, 1, 2, 3, 4, 5, -1, 0])
    plain = ops.convert_to_numpy(head_with(kernel, 6)(x, labels))
    cosines = ops.convert_to_numpy(head_with(kernel, 6, scale=1.0)(x))

    found = ops.convert_to_numpy(head_with(kernel, 6, interclass_filter=0.4)(x, labels))

    is_label = np.arange(6) == labels[:, None]
    expected = np.where((cosines > 0.4) & ~is_label, 0.0, plain)
    np.testing.assert_array_equal(found, expected)
    assert (found != plain).any()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"sub_centers": 0}, "`sub_centers` must be a positive integer"),
        ({"backward": "none"}, "`backward` must be one of"),
        ({"interclass_filter": 2.0}, "`interclass_filter` must be a cosine"),
    ],
)
def test_options_out_of_range(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        ArcMarginLayer(3, **options)
