from dataclasses import replace

import cv2
import numpy as np
import pytest
from small_faces import encoded, picture

from framl_keras.data.augment import (
    UNIFORMS,
    Augment,
    Scratch,
    augment,
    render,
    uniforms,
    variations,
)
from framl_keras.data.transforms import (
    affine,
    color_matrices,
    crop_middle,
    fitted,
    flip,
    recolor,
    resize,
    to_gray,
)
from framl_keras.data.view import View

PLAIN = Augment(resize_to=32, flip=False, saturation=0, brightness=0)


def test_resize_leaves_what_fits_and_averages_what_shrinks():
    image = picture(0, 32)
    assert resize(image, 32) is image
    means = image.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))
    assert np.abs(resize(image, 16) - means).max() <= 0.5
    assert resize(image[:, :20], 24).shape == (24, 24, 3)


@pytest.mark.parametrize(("side", "size"), [(8, 4), (9, 4), (5, 5)])
def test_central_crop_is_framls(side, size):
    image = np.arange(side * side * 3, dtype=np.uint8).reshape(side, side, 3)
    margin = (side - size) // 2
    expected = [[image[margin + y, margin + x] for x in range(size)] for y in range(size)]
    assert np.array_equal(crop_middle(image, size), expected)


def test_flip_mirrors_left_and_right():
    image = picture(1, 17)
    assert np.array_equal(flip(image), image[:, ::-1])


@pytest.mark.parametrize(
    ("degrees", "shift", "expected"),
    [
        (0, (0, 0), lambda image: image),
        (90, (0, 0), np.rot90),
        (180, (0, 0), lambda image: image[::-1, ::-1]),
        (0, (0.25, 0), lambda image: np.concatenate([image[:, :1]] * 4 + [image[:, :-4]], 1)),
        (0, (0, -0.25), lambda image: np.concatenate([image[4:]] + [image[-1:]] * 4, 0)),
    ],
)
def test_affine_turns_and_moves(degrees, shift, expected):
    image = picture(2, 16)
    assert np.abs(affine(image, degrees, 1.0, shift).astype(int) - expected(image)).max() <= 1


def test_affine_zooms_about_the_center():
    image = picture(3, 33)
    zoomed = affine(image, 0, 2.0, (0, 0))
    assert np.array_equal(zoomed[16, 16], image[16, 16])
    assert np.abs(zoomed[0::2, 0::2][:17, :17].astype(int) - image[8:25, 8:25]).max() <= 1


@pytest.mark.parametrize("saturation", [0.0, 0.6, 1.0, 1.4])
@pytest.mark.parametrize("gain", [1.0, 0.7, 1.3])
@pytest.mark.parametrize("offset", [0.0, -60.0, 90.0])
def test_colors_follow_the_formula(saturation, gain, offset):
    image = picture(4, 9)
    (matrix,) = color_matrices(*(np.array([value]) for value in (saturation, gain, offset)))
    luma = image.astype(np.float64) @ [0.299, 0.587, 0.114]
    mixed = saturation * image + (1 - saturation) * luma[..., None]
    expected = gain * mixed + (1 - gain) * luma.mean() + offset
    seen = recolor(image, matrix, gain)
    assert np.abs(seen - np.clip(expected, 0, 255)).max() < 1  # OpenCV rounds the matrix


def test_a_batch_draws_what_its_samples_draw_alone():
    together = uniforms(7, 1000, 64)
    assert np.array_equal(together[10:20], uniforms(7, 1010, 10))
    assert np.array_equal(together[63:], uniforms(7, 1063, 1))
    assert not np.array_equal(together, uniforms(8, 1000, 64))
    assert 0 <= together.min() < 0.01
    assert 0.99 < together.max() < 1
    far = uniforms(7, 2**58, 2)
    assert len(np.unique(far)) == 2 * UNIFORMS


def test_draws_cover_every_corner_evenly_and_flip_half():
    drawn = list(variations(uniforms(0, 0, 20_000), View(), Augment()))
    corners = np.array([each.corner for each in drawn])
    for axis in range(2):
        counts = np.bincount(corners[:, axis], minlength=17)
        assert len(counts) == 17
        assert np.abs(counts / 20_000 * 17 - 1).max() < 0.15
    assert abs(np.mean([each.mirrored for each in drawn]) - 0.5) < 0.02
    assert abs(np.corrcoef(corners.T)[0, 1]) < 0.03


def test_one_option_does_not_change_what_another_draws():
    drawn = uniforms(1, 0, 50)
    rich = Augment(degrees=10, scale=0.1, shift=0.1, contrast=0.2, erase=0.5)
    for plain, full in zip(
        variations(drawn, View(), Augment()), variations(drawn, View(), rich), strict=True
    ):
        assert (plain.corner, plain.mirrored) == (full.corner, full.mirrored)


@pytest.mark.parametrize("central_crop", [True, False])
def test_a_view_is_a_crop_of_the_stretched_image(central_crop):
    image, out, view = picture(5, 32), np.empty((20, 20, 3), np.uint8), View(20, central_crop)
    for shown in variations(uniforms(2, 0, 30), view, PLAIN):
        render(image, shown, Scratch(view, 32), out)
        top, left = (6, 6) if central_crop else shown.corner
        assert np.array_equal(out, image[top : top + 20, left : left + 20])


def test_erasing_hides_a_rectangle_of_the_stated_size():
    image = np.zeros((40, 40, 3), np.uint8)
    options = Augment(40, flip=False, saturation=0, brightness=0, erase=1.0)
    for shown in variations(uniforms(3, 0, 200), View(40), options):
        out = np.empty_like(image)
        render(image, shown, Scratch(View(40), 40), out)
        rows, columns = np.nonzero(out.any(axis=2))
        if len(rows):
            assert 5 <= np.ptp(rows) + 1 <= 16
            assert 5 <= np.ptp(columns) + 1 <= 16
            assert len(np.unique(out)) == 2


@pytest.mark.parametrize("side", [20, 32, 50])
def test_augment_is_a_function_of_image_and_rng(side):
    image = picture(6, side)
    options = Augment(resize_to=32, degrees=5, scale=0.1, shift=0.05, contrast=0.1, erase=0.5)
    once, again = (augment(image, View(24), options, np.random.default_rng(4)) for _ in range(2))
    assert once.shape == (24, 24, 3)
    assert np.array_equal(once, again)
    assert np.array_equal(image, picture(6, side))  # what comes in is left alone
    assert not np.array_equal(once, augment(image, View(24), options, np.random.default_rng(5)))


def test_the_view_of_verification():
    image = cv2.imdecode(np.frombuffer(encoded(1), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(View(24).pixels(image), image)
    assert np.array_equal(View(21, central_crop=True).pixels(image), image[1:22, 1:22])


def test_a_view_of_height_and_width_is_a_window_of_the_stretched_image():
    image = np.random.default_rng(0).integers(0, 256, (40, 20, 3), dtype=np.uint8)
    options = replace(PLAIN, resize_to=(40, 20))

    seen = augment(image, View((32, 16)), options, np.random.default_rng(1))

    windows = np.lib.stride_tricks.sliding_window_view(image, (32, 16, 3))[:, :, 0]
    assert (windows == seen).all(axis=(2, 3, 4)).sum() == 1
    middle = View((14, 7), central_crop=True).pixels(image[:16, :8])
    assert (middle == image[1:15, :7]).all()
    hidden = augment(image, View((32, 16)), replace(options, erase=1.0), np.random.default_rng(1))
    assert hidden.shape == (32, 16, 3)


TALL, WIDE = (40, 20), (20, 40)
PLACES = {  # where an image of one shape lies in a view of 20 x 20, and which part of it is seen
    ("pad", TALL): (np.s_[:, 5:15], np.s_[:, :]),
    ("pad", WIDE): (np.s_[5:15, :], np.s_[:, :]),
    ("crop", TALL): (np.s_[:, :], np.s_[10:30, :]),
    ("crop", WIDE): (np.s_[:, :], np.s_[:, 10:30]),
    ("stretch", TALL): (np.s_[:, :], np.s_[:, :]),
}


@pytest.mark.parametrize(("aspect_ratio", "shape"), PLACES)
def test_images_of_other_proportions(aspect_ratio, shape):
    image = np.random.default_rng(1).integers(1, 256, (*shape, 3), dtype=np.uint8)
    there, part = PLACES[aspect_ratio, shape]

    seen = View(20, aspect_ratio=aspect_ratio).pixels(image)

    assert seen.shape == (20, 20, 3)
    assert np.array_equal(seen[there], resize(image[part], seen[there].shape[:2]))
    assert not np.delete(seen, np.s_[5:15], axis=int(shape == TALL)).any() or there == np.s_[:, :]


@pytest.mark.parametrize("aspect_ratio", ["pad", "crop"])
@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (7, 3), (20, 20), (41, 19)])
def test_any_proportions_are_fitted(aspect_ratio, shape):
    image, dirty = np.full((*shape, 3), 9, np.uint8), np.full((20, 12, 3), 77, np.uint8)
    seen = fitted(image, (20, 12), aspect_ratio)
    assert seen.shape == (20, 12, 3)
    assert (seen == 9).any()
    assert np.array_equal(fitted(image, (20, 12), aspect_ratio, dirty), seen)


def test_training_and_verification_see_the_same_proportions_and_gray():
    image = picture(2, 24)[:, :10]
    view = View((18, 16), channels=1, aspect_ratio="pad")
    plain = Augment(resize_to=(18, 16), flip=False, saturation=0, brightness=0)
    seen = augment(image, view, plain, np.random.default_rng(0))
    assert np.array_equal(seen, view.pixels(image))
    assert seen.shape == view.shape == (18, 16, 1)
    stack = np.stack([image, image])
    assert np.array_equal(to_gray(stack)[1, ..., 0], cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


WRONG = {"channels": (2, "1 or 3"), "aspect_ratio": ("fill", "stretch, pad, crop")}


@pytest.mark.parametrize("name", WRONG)
def test_a_view_that_there_is_not(name):
    value, expected = WRONG[name]
    with pytest.raises(ValueError, match=f"`{name}` must be .*{expected}"):
        View(**{name: value})
