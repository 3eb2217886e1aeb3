"""A run's folder: its files, its lock, its thresholds, and how an embedder is opened."""

from framl_keras.runs.directory import RUNS, RunDirectory, find_run
from framl_keras.runs.open_embedder import TrainedEmbedder, check_embedder, open_embedder

__all__ = [
    "RUNS",
    "RunDirectory",
    "TrainedEmbedder",
    "check_embedder",
    "find_run",
    "open_embedder",
]
