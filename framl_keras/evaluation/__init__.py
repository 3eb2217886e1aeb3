"""Verification that can be trusted: embed, k-fold protocols, metrics and reports."""

from framl_keras.evaluation.embed import embed
from framl_keras.evaluation.evaluate import Result, check_names, evaluate
from framl_keras.evaluation.judging import POINTS_ALONE, Judging
from framl_keras.evaluation.table import format_table
from framl_keras.evaluation.verification import Verification, verify
from framl_keras.similarities import check_similarity, distances, names

SIMILARITIES = names()  # the package's own

__all__ = [
    "POINTS_ALONE",
    "SIMILARITIES",
    "Judging",
    "Result",
    "Verification",
    "check_names",
    "check_similarity",
    "distances",
    "embed",
    "evaluate",
    "format_table",
    "verify",
]
