"""Augmentation policies of Keras and KerasCV, on the host, from (seed, index) alone."""

from framl_keras.data.policies.policy import Policy

__all__ = ["Policy"]
