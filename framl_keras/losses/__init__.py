"""Losses on embeddings, for training without a head; and those that a head gives."""

from framl_keras.losses.as_given import as_given
from framl_keras.losses.supervised_contrastive import SupervisedContrastive
from framl_keras.losses.triplet import Triplet

__all__ = ["SupervisedContrastive", "Triplet", "as_given"]
