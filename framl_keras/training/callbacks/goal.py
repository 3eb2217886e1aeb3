"""By which number of a verification one state of a run is better than another."""

from collections.abc import Sequence

from framl_keras.errors import UserError
from framl_keras.evaluation import Result

_LOWER_IS_BETTER = {"eer"}


class Goal:
    """A verification set, a similarity and a metric.

    Args:
        text: a similarity and a metric, such as `cos accuracy`, after the set's name
            unless the first set is meant.
        sets: the verification sets' names, of which there may be none.

    Raises:
        UserError: if the named set is not among them.
    """

    def __init__(self, text: str, sets: Sequence[str]):
        *name, self.similarity, self.metric = text.split(" ")
        self.set_name = " ".join(name) or next(iter(sets), "")
        if sets and self.set_name not in sets:
            raise UserError(
                f"train.best_by: no verification set {self.set_name!r} is there. "
                f"Expected one of {', '.join(sets)}."
            )

    def score(self, results: Sequence[Result]) -> float:
        """The number, higher is better."""
        value = next(
            float(getattr(result.verification, self.metric))
            for result in results
            if (result.set_name, result.similarity) == (self.set_name, self.similarity)
        )
        return -value if self.metric in _LOWER_IS_BETTER else value
