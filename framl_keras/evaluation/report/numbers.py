"""Results as plain numbers, for JSON."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from framl_keras.evaluation.evaluate import Result
from framl_keras.evaluation.significance import PairedTest
from framl_keras.evaluation.verification import Verification


def numbers_of(result: Result) -> dict[str, Any]:
    """All numbers of a result; those that do not exist are None."""
    verification = result.verification
    return plain(
        {
            "set": result.set_name,
            "source": result.source,
            "similarity": verification.similarity,
            "protocol": verification.protocol,
            "fingerprint": result.fingerprint,
            "pairs": {"same": verification.num_same, "different": verification.num_different},
            "accuracy": {
                "mean": verification.accuracy,
                "sd": verification.accuracy_sd,
                "kinds_weigh_alike": verification.balanced,
            },
            "threshold": verification.threshold,
            "auc": verification.auc,
            "eer": verification.eer,
            "d_prime": verification.d_prime,
            "tar_at_far": [point._asdict() for point in verification.tar],
            "far_reach": 1 / verification.num_different if verification.num_different else None,
            "val_at_far": verification.val._asdict(),
            "operating_point": _operating_point(verification),
            "intervals_95": verification.intervals,
            "resampled": verification.resampled,
            "resampled_count": verification.units.count if verification.intervals else 0,
            "resampling_repeats": verification.repeats,
            "folds": _folds(verification),
        }
    )


def test_numbers(first: Result, second: Result, test: PairedTest) -> dict[str, Any]:
    """A paired test and what was compared."""
    differences = {name: difference._asdict() for name, difference in test.differences.items()}
    return plain(
        {
            "set": first.set_name,
            "first": f"{first.source}, {first.similarity}",
            "second": f"{second.source}, {second.similarity}",
            **test._asdict(),
            "differences": differences,
        }
    )


def _operating_point(verification: Verification) -> dict[str, Any]:
    """Counts over all folds, each at its own threshold, and their rates."""
    total = verification.confusion
    return {
        **total._asdict(),
        "accuracy": total.accuracy,
        "precision": total.precision,
        "recall": total.recall,
        "f1": total.f1,
        "specificity": total.specificity,
    }


def _folds(verification: Verification) -> Sequence[dict[str, Any]]:
    """One entry for each fold."""
    counts = verification.folds.confusion
    columns = {
        "accuracy": verification.folds.accuracy,
        "threshold": verification.folds.thresholds,
        **counts._asdict(),
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "specificity": counts.specificity,
    }
    return [
        {name: values[i] for name, values in columns.items()}
        for i in range(len(verification.folds.accuracy))
    ]


def plain(value: Any) -> Any:
    """A copy in plain Python types, with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
