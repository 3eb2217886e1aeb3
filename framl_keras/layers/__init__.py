"""Keras layers: the margin head, the embedding stage, and similarity measures."""

from framl_keras.layers.arc_margin import ArcMarginLayer
from framl_keras.layers.counted_dropout import CountedDropout
from framl_keras.layers.feature_representation import FeatureRepresentation
from framl_keras.layers.generalized_mean import GeneralizedMeanPooling
from framl_keras.layers.inference import ChannelScale, ChannelSlope
from framl_keras.layers.mirror import Mirror, UnitLength
from framl_keras.layers.row_sgd import RowSGD
from framl_keras.ops.labels import wrong_label
from framl_keras.similarities.layers import (
    CosineSimilarity,
    CrossCorrelation,
    Difference,
    StructuralSimilarity,
)

__all__ = [
    "ArcMarginLayer",
    "ChannelScale",
    "ChannelSlope",
    "CosineSimilarity",
    "CountedDropout",
    "CrossCorrelation",
    "Difference",
    "FeatureRepresentation",
    "GeneralizedMeanPooling",
    "Mirror",
    "RowSGD",
    "StructuralSimilarity",
    "UnitLength",
    "wrong_label",
]
