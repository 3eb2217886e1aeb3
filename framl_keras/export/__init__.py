"""Files for other runtimes, each shown to give what Keras gives."""

from framl_keras.export.export import Exported, export, export_similarity
from framl_keras.export.formats import FORMATS, check_format
from framl_keras.export.metadata import read_metadata
from framl_keras.export.of_run import export_run
from framl_keras.export.runtimes import open_exported

__all__ = [
    "FORMATS",
    "Exported",
    "check_format",
    "export",
    "export_run",
    "export_similarity",
    "open_exported",
    "read_metadata",
]
