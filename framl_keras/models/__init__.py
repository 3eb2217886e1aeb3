"""The embedding model, the training model around it, and how they are started and frozen."""

from framl_keras.models.embedder import BACKBONE, embedding_model, network_of
from framl_keras.models.folded import folded
from framl_keras.models.freeze import freeze
from framl_keras.models.fused import fused, plain
from framl_keras.models.start import point_centers, take_centers, take_embedder, take_parts
from framl_keras.models.training_model import (
    compile_for_training,
    prediction_loss,
    targets,
    training_model,
    wrong_label,
)

__all__ = [
    "BACKBONE",
    "compile_for_training",
    "embedding_model",
    "folded",
    "freeze",
    "fused",
    "network_of",
    "plain",
    "point_centers",
    "prediction_loss",
    "take_centers",
    "take_embedder",
    "take_parts",
    "targets",
    "training_model",
    "wrong_label",
]
