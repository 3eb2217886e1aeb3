"""Losses on embeddings, for training without a head."""

from framl_keras.losses.supervised_contrastive import SupervisedContrastive
from framl_keras.losses.triplet import Triplet

__all__ = ["SupervisedContrastive", "Triplet"]
