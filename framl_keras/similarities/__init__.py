"""How alike two vectors are: one file a measure, and a table of them by name.

NumPy alone is needed for what evaluation and galleries do; Keras is imported when a
layer or a tensor's value is asked for.
"""

from framl_keras.similarities.pairwise import comparable_distances, distances
from framl_keras.similarities.registry import check_similarity, get, names, register
from framl_keras.similarities.similarity import Similarity

__all__ = [
    "Similarity",
    "check_similarity",
    "comparable_distances",
    "distances",
    "get",
    "names",
    "register",
]
