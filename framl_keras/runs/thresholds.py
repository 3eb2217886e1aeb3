"""The thresholds that a run's verification found, kept with the run for `compare`."""

import json
from collections.abc import Sequence
from pathlib import Path

from framl_keras.data.atomic import write_beside
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation.evaluate import MODEL, Result
from framl_keras.untrusted.json_text import is_number, read_json

FILE_NAME = "thresholds.json"


# What thresholds are for: f(x) + f(mirrored x) at length one, as verification takes it.
EMBEDDING = "fused"


def write_thresholds(run: Path, results: Sequence[Result], model: str, view: View) -> None:
    """Stores the mean threshold of the folds for each similarity, from the first set.

    Args:
        run: the run's folder.
        results: verification under the `exact` protocol.
        model: hash of the weights that were verified.
        view: how the images were seen that were verified.
    """
    first = [r for r in results if r.source == MODEL and r.set_name == results[0].set_name]
    content = {
        "embedding": EMBEDDING,
        "set": results[0].set_name,
        "model": model,
        **view.facts(),
        "distance_below": {r.similarity: r.verification.threshold for r in first},
    }
    with write_beside(run / FILE_NAME) as file:
        file.write_text(json.dumps(content, indent=2), encoding="utf-8")


def read_thresholds(run: Path, model: str, view: View | None = None) -> dict[str, float]:
    """The threshold of each similarity; a smaller distance means the same identity.

    They are for fused embeddings: the sum of an image's and its mirror image's, at length one.

    Args:
        run: the run's folder.
        model: hash of the weights in use; thresholds of others are left out.
        view: how images are seen; thresholds for another way are left out.

    Raises:
        UserError: if the file is damaged.
    """
    path = run / FILE_NAME
    if not path.is_file():
        return {}
    remedy = "Delete it; framl-keras calibrate finds others."
    content = read_json(path, "a run's thresholds", remedy)
    thresholds = content.get("distance_below") if isinstance(content, dict) else None
    if not isinstance(thresholds, dict) or not all(map(is_number, thresholds.values())):
        raise UserError(f"{path}: not a run's thresholds. {remedy}")
    used = {"embedding": EMBEDDING, "model": model, **(view.facts() if view else {})}
    return thresholds if all(content.get(key, v) == v for key, v in used.items()) else {}
