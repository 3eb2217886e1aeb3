"""Files for other runtimes, each shown to give what Keras gives."""

from framl_keras.export.engine import ENGINES, Engine, check_engine
from framl_keras.export.export import Exported, export
from framl_keras.export.formats import FORMATS, check_format
from framl_keras.export.metadata import read_metadata
from framl_keras.export.of_run import export_pair_of_run, export_run
from framl_keras.export.pair import export_pair, export_similarity
from framl_keras.export.precision import PRECISIONS, check_precision
from framl_keras.export.runtimes import open_exported

__all__ = [
    "ENGINES",
    "FORMATS",
    "PRECISIONS",
    "Engine",
    "Exported",
    "check_engine",
    "check_format",
    "check_precision",
    "export",
    "export_pair",
    "export_pair_of_run",
    "export_run",
    "export_similarity",
    "open_exported",
    "read_metadata",
]
