"""Weights that others published, as embedders of ours."""

from framl_keras.published.import_weights import import_weights
from framl_keras.published.imported import Imported
from framl_keras.published.parity import largest_difference

__all__ = ["Imported", "import_weights", "largest_difference"]
