"""Verification between epochs: logged, and used to keep the best state."""

import contextlib
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras

from framl_keras.data.pairs import PairSet
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation import POINTS_ALONE, Result, evaluate
from framl_keras.processes import ALONE, Processes
from framl_keras.training.callbacks.journal import Journal, NoJournal
from framl_keras.training.callbacks.progress import Progress
from framl_keras.training.checkpoints.folder import Checkpoints

log = logging.getLogger(__name__)

_LOWER_IS_BETTER = {"eer"}
BY_DEFAULT = "cos accuracy"


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

    @property
    def by(self) -> str:
        """The similarity and the metric."""
        return f"{self.similarity} {self.metric}"


class VerifyBetweenEpochs:
    """Verifies every so many epochs, keeps the best state, and says when to stop early.

    Args:
        embedder: the model being trained, or what computes for it.
        pair_sets: the sets that choose.
        journal: where the accuracies go.
        checkpoints: where the best state goes.
        view: how the model sees images.
        every: epochs between verifications; 0 for none.
        best_by: see `Goal`; None chooses nothing, but keeps the best by `cos accuracy` beside.
        patience: how many verifications in a row may bring nothing better; None for any number.
        settled: puts the embedder, within a block, into the state that would be delivered.
        processes: each embeds its share of the images.

    Raises:
        UserError: if `best_by` names a set that is not there, or no set is there to choose on.
    """

    def __init__(
        self,
        embedder: Any,
        pair_sets: Sequence[PairSet],
        journal: Journal | NoJournal,
        checkpoints: Checkpoints,
        *,
        view: View,
        every: int = 1,
        best_by: str | None = None,
        patience: int | None = None,
        settled: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
        processes: Processes = ALONE,
    ):
        self.embedder, self.pair_sets = embedder, pair_sets
        self.journal, self.checkpoints = journal, checkpoints
        self.view, self.processes = view, processes
        self.every, self.patience = every, patience
        self.chooses = best_by is not None or patience is not None
        self.settled = settled if self.chooses else contextlib.nullcontext
        if self.chooses and not pair_sets:
            raise UserError(
                f"train.{'best_by' if best_by else 'early_stop'}: there is no verification set to "
                "choose on. Name one that is there in data.validation."
            )
        self.goal = Goal(best_by or BY_DEFAULT, [pairs.name for pairs in pair_sets])

    def verify(self, model: keras.Model, progress: Progress) -> None:
        """Verifies if it is due after the steps done so far."""
        if not self.pair_sets or not self._is_due(progress):
            return
        with self.settled():
            results = evaluate(
                self.embedder,
                self.pair_sets,
                self.view,
                similarities=list(dict.fromkeys(["cos", self.goal.similarity])),
                judging=POINTS_ALONE,
                baseline=False,
                progress=False,
                processes=self.processes,
            )
            similarity, metric = self.goal.similarity, self.goal.metric
            for result in results:
                metrics = {"accuracy": result.accuracy}
                if result.similarity == "cos":
                    log.info("%s: cosine accuracy %.4f", result.set_name, result.accuracy)
                if (result.set_name, result.similarity) == (self.goal.set_name, similarity):
                    metrics[metric] = float(getattr(result.verification, metric))
                self.journal.verification(result.set_name, result.similarity, metrics)
            score, best = self.goal.score(results), self.best()
            if not math.isnan(score) and (best is None or score > best["score"]):
                chosen = {"by": self.goal.by, "on": self.goal.set_name}
                self.checkpoints.save_best(model, progress.step, score=score, **chosen)

    def best(self) -> Mapping[str, Any] | None:
        """What is known of the best state so far by this goal; None if there is none."""
        best = self.checkpoints.best_facts()
        known = [best.get(key) for key in ("by", "on")]
        return best if known == [self.goal.by, self.goal.set_name] else None

    def is_over(self, progress: Progress) -> bool:
        """Whether the run has done all its steps, or is to stop early.

        The number of verifications since the best follows from its step, so a
        resumed run stops where the straight one does.
        """
        if progress.step >= progress.total_steps:
            return True
        best = self.best()
        if self.patience is None or best is None:
            return False
        per_epoch = progress.steps_per_epoch
        in_vain = progress.epoch // self.every - best["step"] // per_epoch // self.every
        if in_vain < self.patience:
            return False
        log.info(
            "Stopping early: `%s` has not become better in %d verifications since step %d.",
            self.goal.by,
            in_vain,
            best["step"],
        )
        return True

    def _is_due(self, progress: Progress) -> bool:
        done, whole = progress.epoch, progress.step % progress.steps_per_epoch == 0
        at_end = self.chooses and progress.step >= progress.total_steps
        return bool(self.every) and whole and (done % self.every == 0 or at_end)
