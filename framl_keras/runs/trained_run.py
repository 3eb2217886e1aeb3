"""The names under which commands open an embedder; see `open_embedder`."""

from framl_keras.runs.open_embedder import TrainedEmbedder as TrainedRun
from framl_keras.runs.open_embedder import open_embedder as open_run

__all__ = ["TrainedRun", "open_run"]
