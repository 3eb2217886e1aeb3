import numpy as np
import pytest
from skimage.metrics import structural_similarity

from framl_keras.photos import fit, template, warp
from framl_keras.photos.template import WORST_FIT


def umeyama(source, goal):
    """The least-squares similarity by its closed form for two dimensions, over complex numbers."""
    z, w = source @ [1, 1j], goal @ [1, 1j]
    a = np.vdot(z - z.mean(), w - w.mean()) / np.vdot(z - z.mean(), z - z.mean())
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


@pytest.mark.parametrize("size", [112, 160, (256, 128)])
@pytest.mark.parametrize(("degrees", "scale"), [(0, 1), (30, 0.4), (-75, 7)])
def test_the_fit_is_the_least_squares_similarity(size, degrees, scale):
    rng = np.random.default_rng(0)
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = template() @ turn.T + rng.normal(0, 2 * scale, (5, 2)) + [300, -20]

    found = fit(points, size)

    np.testing.assert_allclose(found.matrix, umeyama(points, template(size)), atol=1e-9)


def test_the_distance_from_the_template_is_in_its_pixels():
    off = template() + np.array([[3, 0], [-3, 0], [0, 0], [0, 4], [0, -4]])
    big, small = fit(off * 5, 224), fit(off, 112)

    assert big.rms == pytest.approx(small.rms, rel=1e-9)
    assert 0 < small.rms < WORST_FIT


def test_mirrored_landmarks_do_not_fit():
    mirrored = template() * [-1, 1]

    assert fit(mirrored).rms > WORST_FIT


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), np.nan)])
def test_no_fit_where_there_is_none(points):
    assert fit(points) is None


def test_landmarks_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="five points"):
        fit(np.zeros((68, 2)))


@pytest.mark.parametrize("factor", [1, 3, 8])
def test_a_large_photo_aligns_like_the_same_photo_small(orl, factor):
    photo = orl[0]
    big = np.kron(photo, np.ones((factor, factor, 1), np.uint8))
    matrix = np.array([[1.1, 0.1, -5], [-0.1, 1.1, 4]])
    shrink = np.array([[1 / factor, 0, 0.5 / factor - 0.5], [0, 1 / factor, 0.5 / factor - 0.5]])
    through = np.column_stack(
        [matrix[:, :2] @ shrink[:, :2], matrix[:, :2] @ shrink[:, 2] + matrix[:, 2]]
    )

    likeness = structural_similarity(
        warp(photo, matrix)[..., 0], warp(big, through)[..., 0], data_range=255
    )

    assert likeness > 0.94
