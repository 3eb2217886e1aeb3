"""Policies of Keras and KerasCV are functions of (seed, index), whatever else differs."""

import functools
import importlib
import pickle
import re
import sys

import keras
import numpy as np
import pytest
from small_faces import picture
from test_batch_order import Pictures, digests

from framl_keras.data.augment import Augment
from framl_keras.data.batches import TrainingBatches, training_dataset
from framl_keras.data.policies import Policy
from framl_keras.data.policies.catalog import LAYERS, snake
from framl_keras.data.policies.draws import Draws, sample_seeds
from framl_keras.data.policies.policy import _check_has_no_state
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.optional import pip_install

tf = pytest.importorskip("tensorflow")

SIZE = 24
WHOLE = ["keras.rand_augment", "keras.aug_mix", "keras_cv.rand_augment", "keras_cv.aug_mix"]
COLOURS = {
    "brightness_factor": 0.3,
    "contrast_factor": 0.3,
    "saturation_factor": 0.3,
    "hue_factor": 0.1,
}
NEEDED = {
    "RandomBrightness": {"factor": 0.3},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomColorJitter": COLOURS,
    "RandomContrast": {"factor": 0.3},
    "RandomElasticTransform": {"factor": 1.0},
    "RandomErasing": {"factor": 1.0},
    "RandomHue": {"factor": 0.2},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.1},
    "RandomSaturation": {"factor": 0.5},
    "RandomSharpness": {"factor": 0.5},
    "RandomShear": {"x_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.2},
    "Solarization": {"addition_factor": 0.3},
    "JitteredResize": {"scale_factor": [0.8, 1.25]},
    "Posterization": {"bits": 4},
    "RandomChannelShift": {"factor": 0.3},
    "RandomCropAndResize": {"crop_area_factor": [0.5, 1.0], "aspect_ratio_factor": [0.8, 1.25]},
    "RandomCutout": {"height_factor": 0.3, "width_factor": 0.3},
    "RandomJpegQuality": {"factor": [20, 80]},
}
NEEDED_IN_CV = NEEDED | {
    "RandomGaussianBlur": {"kernel_size": 5, "factor": 1.0},
    "Solarization": {"addition_factor": 100.0},
}
ALWAYS_THE_SAME = {
    "AutoContrast",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Equalization",
    "Grayscale",
    "Posterization",
}


@functools.cache
def policy(name):
    if name.startswith("keras_cv"):
        pytest.importorskip("keras_cv")
    return Policy(name, SIZE)


def seen(policy, count=24, seed=5, first=100, image=None):
    images = np.stack([picture(3) if image is None else image] * count)
    policy(images, seed, first)
    return images


@pytest.mark.parametrize("name", WHOLE)
def test_a_view_is_a_function_of_seed_and_index(name):
    together = seen(policy(name))
    alone = [seen(policy(name), 1, first=100 + n)[0] for n in reversed(range(24))]
    assert np.array_equal(together, alone[::-1])
    assert np.array_equal(together[8:], seen(policy(name), 16, first=108))
    assert len({view.tobytes() for view in together}) > 20
    assert not np.array_equal(together, seen(policy(name), seed=6))


@pytest.mark.parametrize("name", ["keras.rand_augment", "keras_cv.rand_augment"])
def test_another_object_gives_the_same_views(name):
    expected = seen(policy(name))
    assert np.array_equal(seen(pickle.loads(pickle.dumps(policy(name)))), expected)


@pytest.mark.parametrize(
    ("name", "layer", "options"),
    [
        ("keras.rand_augment", "RandAugment", {"factor": 0.7}),
        ("keras.RandomColorJitter", "RandomColorJitter", COLOURS),
        ("keras.layers.RandomErasing", "RandomErasing", {"factor": 1.0}),
        ("keras.random_shear", "RandomShear", {"x_factor": 0.2}),
    ],
)
def test_it_does_what_keras_does_with_its_generator_at_the_samples_seed(name, layer, options):
    found = seen(Policy(name, SIZE, options), 8)
    layer = getattr(keras.layers, layer)(**options, seed=1, dtype="float32")
    function = tf.function(lambda image: layer(image, training=True))
    image = tf.constant(picture(3).astype("float32"))
    function(image)
    for view, seed in zip(found, sample_seeds(5, 100, 8), strict=True):
        layer._get_seed_generator("tensorflow").state.assign(seed)
        expected = np.clip(function(image).numpy(), 0, 255).round()
        np.testing.assert_allclose(view.astype(int), expected, atol=1)  # halves may round apart
        assert np.mean(view == expected) > 0.99


def test_kerascv_draws_from_the_samples_seed():
    pytest.importorskip("keras_cv")
    found = seen(Policy("keras_cv.random_brightness", SIZE, {"factor": 0.3}), 8)
    for view, seed in zip(found, sample_seeds(5, 100, 8), strict=True):
        delta = 255 * tf.random.stateless_uniform((), seed, -0.3, 0.3).numpy()
        expected = np.clip(picture(3) + delta, 0, 255)
        np.testing.assert_allclose(view, expected, atol=0.51)


def test_seeds_are_60_random_bits_a_sample():
    seeds = sample_seeds(3, 0, 4096)
    assert np.array_equal(seeds[1000:], sample_seeds(3, 1000, 3096))
    assert len(set(map(tuple, seeds.tolist()))) == 4096
    assert not set(map(tuple, seeds.tolist())) & set(map(tuple, sample_seeds(4, 0, 4096).tolist()))
    assert seeds.min() >= 0
    deviation = 2**30 / np.sqrt(12 * 4096)
    assert (abs(seeds.mean(0) - 2**29) < 4 * deviation).all()


def test_aug_mix_draws_the_chain_of_each_image():
    """One step of twelve is none, so a twelfth of images are left as they are."""
    image = (60 + picture(3) / 2).astype("uint8")
    one_step = Policy("keras.aug_mix", SIZE, {"num_chains": 1, "chain_depth": 1, "factor": 0.9})
    same = np.sum(np.all(seen(one_step, 360, image=image) == image, axis=(1, 2, 3)))
    assert 15 <= same <= 52  # 30 expected; the bounds leave room for steps that change little


def test_each_turn_of_a_loop_draws_anew():
    draws = Draws(tf)

    @tf.function
    def three(seed):
        draws.start(seed)
        array = tf.TensorArray("float32", 3)
        _, array = draws.while_loop(
            lambda turn, array: turn < 3,
            lambda turn, array: (turn + 1, array.write(turn, draws.uniform(()))),
            [tf.constant(0), array],
        )
        return array.stack()

    folded = [tf.random.experimental.stateless_fold_in([7, 8], turn) for turn in range(3)]
    expected = [tf.random.stateless_uniform((), seed).numpy() for seed in folded]
    found = three(tf.constant([7, 8])).numpy()
    assert found.tolist() == expected
    assert len(set(expected)) == 3


CATALOG = [(package, layer) for package, layers in LAYERS.items() for layer in layers]


@pytest.mark.parametrize(("package", "layer"), CATALOG)
def test_every_layer_of_the_catalog_varies_images_by_seed_and_index_alone(package, layer):
    library = pytest.importorskip(package)
    if not hasattr(library.layers, layer):
        pytest.skip(f"this version of {package} has no {layer}")
    needed = NEEDED if package == "keras" else NEEDED_IN_CV
    name = f"{package}.{snake(layer)}"
    made = Policy(name, SIZE, needed.get(layer)) if name not in WHOLE else policy(name)
    views = seen(made, 12)
    assert np.array_equal(views[5:9], seen(made, 4, first=105))
    kinds = len({view.tobytes() for view in views})
    assert kinds == 1 if layer in ALWAYS_THE_SAME else kinds > 1


def batches(batch_size=8):
    options = Augment(resize_to=28, saturation=0, brightness=0)
    made = policy("keras.rand_augment")
    return TrainingBatches(Pictures(), batch_size, View(SIZE), options, seed=2, policy=made)


@pytest.fixture(scope="module")
def reference():
    return digests((batches()[b] for b in range(10)), 10)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_batches_do_not_depend_on_threads(reference, threads):
    assert len(set(reference)) > 75
    assert digests(training_dataset(batches(), threads=threads), 10) == reference


@pytest.mark.parametrize(("batch_size", "start"), [(5, 0), (20, 1), (8, 7)])
def test_batches_do_not_depend_on_their_size_or_the_start(reference, batch_size, start):
    stream = training_dataset(batches(batch_size), start_step=start)
    assert digests(stream, 80 // batch_size - start) == reference[batch_size * start :]


def test_a_policy_for_another_size_is_refused():
    with pytest.raises(ValueError, match=r"size=16, policy.size=24"):
        TrainingBatches(Pictures(), 8, View(16), Augment(), policy=policy("keras.rand_augment"))


def test_a_network_in_half_precision_has_the_same_views():
    expected = seen(policy("keras.rand_augment"))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = seen(Policy("keras.rand_augment", SIZE))
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.array_equal(found, expected)


def test_randomness_of_a_layers_own_is_found():
    function = tf.function(lambda: tf.random.uniform(())).get_concrete_function()
    with pytest.raises(UserError, match=r"x has randomness of its own .*RandomUniform"):
        _check_has_no_state("x", function)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("keras.rand_augmnt", {}, "no policy 'keras.rand_augmnt'. Did you mean keras.rand_augment"),
        ("albumentations.Blur", {}, "Expected one of keras.rand_augment, keras.aug_mix"),
        ("keras", {}, "no policy 'keras'. Expected one of keras.rand_augment"),
        ("keras_hub.rand_augment", {}, "KerasHub has no layer that augments images"),
        ("keras.mix_up", {}, "mixes images of several identities"),
        ("keras_cv.Mosaic", {}, "mixes images of several identities"),
        ("keras.random_crop", {}, "changes the image's size.*data.augment.resize_to"),
        ("keras.rand_augment", {"magnitud": 1}, "options.magnitud: .*one of num_ops, factor"),
        ("keras.rand_augment", {"num_op": 1}, "options.num_op: .* Did you mean num_ops"),
        ("keras.rand_augment", {"seed": 1}, "options.seed: the pipeline sets it"),
        ("keras.rand_augment", {"factor": 7}, "keras.rand_augment cannot be made: .*factor"),
        ("keras.random_brightness", {}, "keras.random_brightness needs factor; it takes factor"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(name, options, message):
    with pytest.raises(UserError, match=message) as error:
        Policy(name, SIZE, options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("package", "name", "extra"),
    [
        ("tensorflow", "keras.rand_augment", "tensorflow"),
        ("tensorflow", "keras_cv.rand_augment", "cv"),
        ("keras_cv", "keras_cv.rand_augment", "cv"),
    ],
)
def test_without_a_package_the_pip_line_is_shown(package, name, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=re.escape(pip_install(extra))):
        Policy(name, SIZE)


@pytest.mark.parametrize("package", LAYERS)
def test_no_layer_of_a_library_is_forgotten(package):
    """What a library offers for images is in the catalog, or is known to be of no use here."""
    library = pytest.importorskip(package)
    base = importlib.import_module(f"{package}.layers").AutoContrast.__mro__[1]
    offered = {
        name
        for name, kind in vars(library.layers).items()
        if isinstance(kind, type) and issubclass(kind, base)
    }
    with_layers_inside = {"RandomApply", "RandomAugmentationPipeline", "RandomChoice"}
    with_layers_inside |= {"MaybeApply", "RepeatedAugmentation", "BaseImageAugmentationLayer"}
    other = {"MixUp", "CutMix", "FourierMix", "Mosaic", "CenterCrop", "RandomAspectRatio"}
    other |= {"RandomCrop", "Resizing", "MaxNumBoundingBoxes", "CLAHE", "Rescaling"}
    other |= {"VectorizedBaseImageAugmentationLayer"}
    assert offered <= {*LAYERS[package], *with_layers_inside, *other}
