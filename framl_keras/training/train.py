"""Training, from a recipe to a verified embedding model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from framl_keras.data.batches import TrainingBatches, training_dataset
from framl_keras.data.pairs import PairSet
from framl_keras.data.sources import Source
from framl_keras.models import compile_for_training, freeze, network_of
from framl_keras.models.precision import with_loss_scale
from framl_keras.recipe import AugmentSection, Recipe
from framl_keras.runs.checkpoint import Checkpoint
from framl_keras.runs.directory import RunDirectory
from framl_keras.runs.embedder_file import save_embedder
from framl_keras.runs.open_embedder import build_embedder
from framl_keras.training.build.data import (
    open_present_pair_sets,
    open_training_batches,
    open_training_source,
)
from framl_keras.training.build.fused_batch_norm import fuse_batch_norm
from framl_keras.training.build.heads import with_head
from framl_keras.training.build.initial_weights import draw_initial_weights
from framl_keras.training.build.optimizers import build_optimizer, learning_rate_at
from framl_keras.training.build.precise_batch_norm import average_batch_norm, first
from framl_keras.training.build.residual_branches import zero_init_residual
from framl_keras.training.build.start_from import start_from
from framl_keras.training.callbacks.interrupt import StopOnSignal
from framl_keras.training.callbacks.journal import Journal
from framl_keras.training.callbacks.not_finite import StopAtNaN
from framl_keras.training.callbacks.progress import CountSteps, Progress, ProgressBar
from framl_keras.training.callbacks.verification import VerifyBetweenEpochs
from framl_keras.training.checkpoints.folder import Checkpoints, SaveCheckpoints
from framl_keras.training.checkpoints.resume import facts_of, find_start, put_aside
from framl_keras.training.checkpoints.state import RestoreMetrics, write_state
from framl_keras.training.steps.fit_mode import Batch, fit_epoch
from framl_keras.training.steps.step_mode import step_epoch

MODES = {"fit": fit_epoch, "eager": step_epoch}


@dataclass(frozen=True)
class Trained:
    """What training leaves behind.

    Attributes:
        run: the run's files.
        embedder: the trained embedding model.
        pair_sets: the verification sets that were found.
        interrupted: whether it was stopped before its last step.
    """

    run: RunDirectory
    embedder: keras.Model
    pair_sets: Sequence[PairSet]
    interrupted: bool


def train(
    recipe: Recipe,
    run: RunDirectory,
    mode: str = "fit",
    restart: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Trained:
    """Trains a recipe into a run's directory, going on where an unfinished run stopped.

    Ctrl-C or SIGTERM end it after the current step; what was trained so far is saved.

    Args:
        recipe: what to train.
        run: where to.
        mode: `fit` (compiled) or `eager` (one explicit step at a time), with equal results.
        restart: puts an unfinished run aside and begins anew.
        callbacks: further ones; they are called after the run's own.

    Raises:
        UserError: if the recipe's data, augmentation, backbone or optimizer cannot be had, the
            unfinished run has other settings, or a loss is not finite.
    """
    source = open_training_source(recipe)
    seen, pair_sets = open_training_batches(source, recipe), open_present_pair_sets(recipe)
    progress = Progress(len(source), recipe.train.batch_size, recipe.train.epochs)
    checkpoints = Checkpoints(run.checkpoints, facts_of(recipe, source), recipe.train.keep)
    with run.lock(), StopOnSignal() as stop:
        start = None if restart else find_start(checkpoints, progress.total_steps)
        if start is None:
            put_aside(run)
        run.write(recipe, source.class_names)
        embedder, model = build_models(recipe, source, progress.total_steps, start is None)
        restored = go_on(model, progress, start)
        rate = learning_rate_at(model.optimizer)
        journal = Journal(run.logs, progress, rate, recipe.train.log_every)
        watch = StopAtNaN(progress, rate, checkpoints.newest_path)
        own = [
            *restored,
            CountSteps(progress),
            watch,
            ProgressBar(progress, rate),
            journal,
            SaveCheckpoints(checkpoints, progress, recipe.train.save_steps),
            stop,
        ]
        verification = VerifyBetweenEpochs(embedder, pair_sets, recipe, journal, checkpoints)
        batches = read(seen, progress.step, recipe.data.threads)
        if start is not None:  # the run may have been killed in between
            verification.verify(model, progress)
        with watch:
            while not (verification.is_over(progress) or stop.stopped):
                MODES[mode](model, batches, progress.epoch, progress.steps_left, [*own, *callbacks])
                verification.verify(model, progress)
            if stop.stopped:
                checkpoints.save(model, progress.step)
            else:
                plain = stream(source, without_augmentation(recipe), 0)
                average_batch_norm(embedder, first(recipe.train.precise_batch_norm, plain))
        journal.close()
        save_embedder(run.embedder, embedder, {**recipe_facts(recipe), "step": progress.step})
    interrupted = stop.stopped and progress.step < progress.total_steps
    return Trained(run, embedder, pair_sets, interrupted)


def build_models(
    recipe: Recipe, source: Source, total_steps: int, fresh: bool = True
) -> tuple[keras.Model, keras.Model]:
    """The embedding model and the compiled training model.

    Args:
        recipe: what to build.
        source: the training data; the identities are counted.
        total_steps: of the whole run, for the learning rate's schedule.
        fresh: whether they get the recipe's initial weights, which a checkpoint replaces.
    """
    options = recipe.model
    embedder = build_embedder(recipe, options.weights if fresh else None)
    model = with_head(embedder, recipe, len(source.class_names), total_steps)
    if fresh:
        keep = [network_of(embedder)] if options.weights else []
        draw_initial_weights(model, recipe.seed, keep)
        if options.zero_init_residual and not options.weights:
            zero_init_residual(embedder)
        start_from(recipe, embedder, model, source)
    freeze(model, options.freeze)
    optimizer = build_optimizer(recipe.train.optimizer, recipe.train.schedule, total_steps)
    if recipe.train.fused_batch_norm:
        fuse_batch_norm(model)
    optimizer = with_loss_scale(optimizer, recipe.train.precision)
    compile_for_training(model, optimizer, recipe.train.jit)
    return embedder, model


def go_on(
    model: keras.Model, progress: Progress, start: Checkpoint | None
) -> list[keras.callbacks.Callback]:
    """Puts the model and the run's position back to a checkpoint; what is left for `fit` to do."""
    if start is None:
        return []
    write_state(model, start.arrays)
    progress.step = start.facts["step"]
    within_epoch = progress.step % progress.steps_per_epoch != 0
    return [RestoreMetrics(start.arrays)] if within_epoch else []


def stream(source: Source, recipe: Recipe, start_step: int) -> Iterator[Batch]:
    """The run's batches in the recipe's order, from a step on."""
    return read(open_training_batches(source, recipe), start_step, recipe.data.threads)


def read(batches: TrainingBatches, start_step: int, threads: int) -> Iterator[Batch]:
    """Batches from a step on; says at its end what was skipped."""
    try:
        yield from training_dataset(batches, start_step, threads)
    finally:
        batches.report_skipped()


def without_augmentation(recipe: Recipe) -> Recipe:
    """The recipe with images as verification sees them, and mirrored."""
    data = recipe.data
    side = data.augment.resize_to if data.central_crop else data.image_size
    plain = AugmentSection(resize_to=side, flip=data.augment.flip, saturation=0, brightness=0)
    data = data.model_copy(update={"augment": plain})
    return recipe.model_copy(update={"data": data})


def recipe_facts(recipe: Recipe) -> dict[str, Any]:
    """What an embedder's file says of its recipe."""
    return {"recipe": recipe.model_dump(mode="json")}
