"""Train, verify and compare recognition embeddings in Keras 3."""

from framl_keras.version import __version__

__all__ = ["__version__"]
