"""A folder that shows an evaluation: numbers, plots, and one page with it all."""

from framl_keras.evaluation.report.write import facts_of, write_report
from framl_keras.models.weights_hash import weights_hash

__all__ = ["facts_of", "weights_hash", "write_report"]
