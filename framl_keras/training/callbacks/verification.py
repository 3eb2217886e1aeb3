"""Verification between epochs: logged, and used to keep the best checkpoint."""

import logging
from collections.abc import Sequence

import keras

from framl_keras.data.pairs import PairSet
from framl_keras.evaluation import evaluate
from framl_keras.recipe import Recipe
from framl_keras.training.callbacks.goal import Goal
from framl_keras.training.callbacks.journal import Journal
from framl_keras.training.callbacks.progress import Progress
from framl_keras.training.checkpoints.folder import Checkpoints

log = logging.getLogger(__name__)


class VerifyBetweenEpochs:
    """Verifies as often as the recipe says; the end of the run has a report of its own.

    Args:
        embedder: the model being trained.
        pair_sets: the verification sets.
        recipe: says how often, and how images are seen.
        journal: where the accuracies go.
        checkpoints: where the best state goes.

    Raises:
        UserError: if the recipe's `best_by` names a set that is not there.
    """

    def __init__(
        self,
        embedder: keras.Model,
        pair_sets: Sequence[PairSet],
        recipe: Recipe,
        journal: Journal,
        checkpoints: Checkpoints,
    ):
        self.embedder, self.pair_sets, self.recipe = embedder, pair_sets, recipe
        self.journal, self.checkpoints = journal, checkpoints
        self.goal = Goal(recipe.train.best_by, [pairs.name for pairs in pair_sets])

    def verify(self, model: keras.Model, progress: Progress) -> None:
        """Verifies if it is due after the steps done so far."""
        if not self.pair_sets or not self._is_due(progress):
            return
        results = evaluate(
            self.embedder,
            self.pair_sets,
            image_size=self.recipe.data.image_size,
            central_crop=self.recipe.data.central_crop,
            similarities=list(dict.fromkeys(["cos", self.goal.similarity])),
            baseline=False,
            bootstrap=0,
            progress=False,
        )
        for result in results:
            if result.similarity == "cos":
                log.info("%s: cosine accuracy %.4f", result.set_name, result.accuracy)
                self.journal.verification(result.set_name, result.accuracy)
        if (score := self.goal.score(results)) > self.checkpoints.best_score():
            self.checkpoints.save_best(model, progress.step, score)

    def is_over(self, progress: Progress) -> bool:
        """Whether the run has done all its steps, or is to stop early.

        The number of verifications since the best follows from its step, so a
        resumed run stops where the straight one does.
        """
        if progress.step >= progress.total_steps:
            return True
        stop, best = self.recipe.train.early_stop, self.checkpoints.best_step()
        if stop is None or best is None:
            return False
        every = self.recipe.train.verify_every
        in_vain = progress.epoch // every - best // progress.steps_per_epoch // every
        if in_vain < stop.patience:
            return False
        log.info(
            "Stopping early: `%s` has not become better in %d verifications; the best is in %s.",
            self.recipe.train.best_by,
            in_vain,
            self.checkpoints.best_path,
        )
        return True

    def _is_due(self, progress: Progress) -> bool:
        every, done = self.recipe.train.verify_every, progress.epoch
        whole = progress.step % progress.steps_per_epoch == 0
        return bool(every) and whole and done % every == 0
