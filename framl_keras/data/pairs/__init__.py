"""A reader for each verification format: images, pairs of them, and the answers."""

from framl_keras.data.pairs.detect import open_pairs
from framl_keras.data.pairs.held_out import held_out_pairs
from framl_keras.data.pairs.pair_set import PairSet

__all__ = ["PairSet", "held_out_pairs", "open_pairs"]
