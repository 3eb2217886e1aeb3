"""NumPy's numbers are numbers in every constructor, and configs are plain JSON."""

import json

import keras
import numpy as np
import pytest

from framl_keras import ArcMarginLayer, FeatureRepresentation, losses, margins
from framl_keras.layers import CountedDropout, RowSGD

MAKERS = {
    "head": (
        ArcMarginLayer,
        {
            "num_classes": 5,
            "margin": 0.5,
            "scale": 32.0,
            "sub_centers": 2,
            "interclass_filter": 0.5,
            "seed": 3,
        },
    ),
    "sampled head": (
        lambda **options: ArcMarginLayer(row_optimizer=RowSGD(), **options),
        {"num_classes": 5, "sample_rate": 0.5},
    ),
    "representation": (
        FeatureRepresentation,
        {"embedding_dim": 4, "dropout": 0.5, "normalize": True, "seed": 2, "use_bias": False},
    ),
    "dropout": (CountedDropout, {"rate": 0.5, "seed": 3}),
    "rows": (RowSGD, {"learning_rate": 0.5, "momentum": 0.5, "nesterov": True, "weight_decay": 1}),
    "triplet": (losses.Triplet, {"margin": 0.5}),
    "contrastive": (losses.SupervisedContrastive, {"temperature": 0.5}),
    **{
        name: (
            getattr(margins, name),
            {key: value for key, value in margins.by_name(name).get_config().items() if value},
        )
        for name in margins.names()
    },
}
KINDS = {
    "scalars": lambda value: np.asarray(value)[()],
    "float32 and int32": lambda value: np.asarray(value, _narrow(value))[()],
    "arrays of no dimension": np.asarray,
}


def _narrow(value):
    return {bool: np.bool_, int: np.int32, float: np.float32}.get(type(value))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAKERS)
def test_numpys_numbers_are_numbers(name, kind):
    make, options = MAKERS[name]
    given = {k: v if isinstance(v, str) else KINDS[kind](v) for k, v in options.items()}
    config = make(**given).get_config()
    for key, value in options.items():
        found = config[key]
        assert type(found) in (bool, int, float, str, list)
        assert found == pytest.approx(value, rel=1e-6) if type(value) is float else found == value
    json.dumps(keras.saving.serialize_keras_object(make(**given)))


@pytest.mark.parametrize(
    ("make", "options", "complaint"),
    [
        (ArcMarginLayer, {"num_classes": True}, "`num_classes` must be a positive integer"),
        (ArcMarginLayer, {"num_classes": 3.0}, "`num_classes` must be a positive integer"),
        (ArcMarginLayer, {"num_classes": "3"}, "`num_classes` must be a positive integer"),
        (ArcMarginLayer, {"num_classes": 3, "scale": "64"}, "`scale` must be positive"),
        (ArcMarginLayer, {"num_classes": 3, "scale": None}, "`scale` must be positive"),
        (ArcMarginLayer, {"num_classes": 3, "scale": np.inf}, "`scale` must be positive"),
        (ArcMarginLayer, {"num_classes": 3, "margin": True}, "`margin` must be a number"),
        (ArcMarginLayer, {"num_classes": 3, "margin": np.float32("nan")}, "an angle in radians"),
        (ArcMarginLayer, {"num_classes": 3, "margin": [0.5]}, "`margin` must be a number"),
        (ArcMarginLayer, {"num_classes": 3, "seed": 0.5}, "`seed` must be an integer"),
        (FeatureRepresentation, {"embedding_dim": 4, "dropout": "x"}, "`dropout` must be"),
        (FeatureRepresentation, {"embedding_dim": 4, "use_bias": 2}, "`use_bias` must be True"),
        (CountedDropout, {"rate": None}, "`rate` must be within"),
        (margins.CosFace, {"margin": "0.35"}, "`margin` must be within"),
        (margins.ArcFace, {"easy_margin": "yes"}, "`easy_margin` must be True or False"),
        (losses.Triplet, {"margin": np.array([0.2, 0.3])}, "`margin` must"),
    ],
)
def test_what_is_no_number_is_refused_by_name(make, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        make(**options)
