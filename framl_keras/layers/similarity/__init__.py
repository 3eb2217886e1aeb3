"""Similarity measures as layers, and their names on the command line."""

from framl_keras.layers.similarity.cosine import CosineSimilarity
from framl_keras.layers.similarity.cross_correlation import CrossCorrelation
from framl_keras.layers.similarity.difference import Difference
from framl_keras.layers.similarity.measure import SimilarityMeasure
from framl_keras.layers.similarity.registry import get, names
from framl_keras.layers.similarity.structural import StructuralSimilarity

__all__ = [
    "CosineSimilarity",
    "CrossCorrelation",
    "Difference",
    "SimilarityMeasure",
    "StructuralSimilarity",
    "get",
    "names",
]
