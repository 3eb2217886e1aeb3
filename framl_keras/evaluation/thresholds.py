"""The thresholds that a run's verification found, kept with the run for `compare`."""

import json
from collections.abc import Sequence
from pathlib import Path

from framl_keras.data.atomic import write_beside
from framl_keras.evaluation.evaluate import MODEL, Result

FILE_NAME = "thresholds.json"


def write_thresholds(run: Path, results: Sequence[Result]) -> None:
    """Stores the mean threshold of the folds for each similarity, from the first set.

    Args:
        run: the run's folder.
        results: verification under the `exact` protocol.
    """
    first = [r for r in results if r.source == MODEL and r.set_name == results[0].set_name]
    content = {
        "set": results[0].set_name,
        "distance_below": {r.similarity: r.verification.threshold for r in first},
    }
    with write_beside(run / FILE_NAME) as file:
        file.write_text(json.dumps(content, indent=2), encoding="utf-8")


def read_thresholds(run: Path) -> dict[str, float]:
    """The threshold of each similarity; a smaller distance means the same identity."""
    path = run / FILE_NAME
    if not path.is_file():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))["distance_below"]
