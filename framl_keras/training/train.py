"""Training, from a recipe to a verified embedding model."""

import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras

from framl_keras.data.pairs import PairSet
from framl_keras.data.sources import Source
from framl_keras.processes import check_same
from framl_keras.recipe import Recipe
from framl_keras.runs.checkpoint import Checkpoint
from framl_keras.runs.directory import RunDirectory
from framl_keras.runs.embedder_file import facts_in, save_embedder
from framl_keras.runs.identities import open_training_source, split_once, with_parts
from framl_keras.runs.open_embedder import put_weights
from framl_keras.runs.selection import describe_state
from framl_keras.training.build.optimizers import learning_rate_at
from framl_keras.training.build.precise_batch_norm import average_batch_norm
from framl_keras.training.callbacks.interrupt import StopOnSignal
from framl_keras.training.callbacks.not_finite import StopAtNaN
from framl_keras.training.callbacks.progress import CountSteps, Progress, ProgressBar
from framl_keras.training.callbacks.save_checkpoints import SaveCheckpoints
from framl_keras.training.callbacks.verification import VerifyBetweenEpochs
from framl_keras.training.checkpoints.folder import Checkpoints
from framl_keras.training.checkpoints.resume import find_start, put_aside
from framl_keras.training.checkpoints.state import RestoreMetrics, write_state
from framl_keras.training.distribution import ONE_DEVICE, Devices, placed, rows_of
from framl_keras.training.from_recipe import (
    announce,
    build_models,
    checkpoints_of,
    journal_of,
    open_sets,
    open_training_batches,
    plain_images,
    read,
    stream,
    verification_of,
)
from framl_keras.training.input_errors import InputErrors
from framl_keras.training.steps.fit_mode import fit_epoch
from framl_keras.training.steps.step_mode import step_epoch

__all__ = ["MODES", "Trained", "build_models", "open_training_source", "stream", "train"]

MODES = {"fit": fit_epoch, "eager": step_epoch}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What training leaves behind.

    Attributes:
        run: the run's files.
        embedder: the trained embedding model.
        pair_sets: the test sets that were found.
        interrupted: whether it was stopped before its last step.
        choice_sets: the sets that states and thresholds are chosen on.
        facts: which state the embedder is; see `describe_state`.
    """

    run: RunDirectory
    embedder: keras.Model
    pair_sets: Sequence[PairSet]
    interrupted: bool
    choice_sets: Sequence[PairSet]
    facts: Mapping[str, Any]


def train(
    recipe: Recipe,
    run: RunDirectory,
    mode: str = "fit",
    restart: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    show_progress: bool = True,
    devices: Devices = ONE_DEVICE,
) -> Trained:
    """Trains a recipe into a run's directory, going on where an unfinished run stopped.

    Ctrl-C or SIGTERM end it after the current step; what was trained so far is saved.

    Args:
        recipe: what to train.
        run: where to.
        mode: `fit` (compiled) or `eager` (one explicit step at a time), with equal results.
        restart: puts an unfinished run aside and begins anew.
        callbacks: called after the training's own.
        show_progress: whether each epoch has a bar, or lines where there is no terminal.
        devices: what it runs on, see `devices_for`.

    Raises:
        UserError: if the recipe's data, augmentation, backbone or optimizer are not available,
            the unfinished run has other settings, or a loss is not finite.
    """
    recipe = with_parts(recipe)
    split = split_once(recipe.data)
    source = open_training_source(recipe, split)
    seen = open_training_batches(source, recipe, rows_of(recipe.train.batch_size, devices))
    sets = open_sets(recipe, split)
    progress = Progress(len(source), recipe.train.batch_size, recipe.train.epochs)
    checkpoints = checkpoints_of(run, recipe, source, devices)
    with devices.scope(), StopOnSignal(devices.any) as stop, locked(run, devices):
        start = begin(run, recipe, source, checkpoints, progress.total_steps, restart, devices)
        embedder, model = build_models(recipe, source, progress.total_steps, start is None, devices)
        devices.share(model)
        restored, rate = go_on(model, progress, start), learning_rate_at(model.optimizer)
        announce(recipe, run, source, embedder, progress, start, devices)
        journal = journal_of(run, recipe, progress, rate, devices)
        saver = SaveCheckpoints(checkpoints, progress, recipe.train.save_steps)
        watch = StopAtNaN(progress, rate, checkpoints.newest_path)
        bar = ProgressBar(progress, rate, show_progress and devices.writes)
        shown = [CountSteps(progress), watch, bar, journal, saver, stop]
        verification = verification_of(
            recipe, source, embedder, sets.choice, journal, checkpoints, devices
        )
        inputs = InputErrors(saver.save_now if devices.processes == 1 else None)
        raw = read(seen, progress.step, recipe.data.threads)
        batches = placed(inputs.watched(raw, len(source.class_names)), devices, mode)
        if start is not None:  # the run may have been killed in between
            verification.verify(model, progress)
        with contextlib.closing(journal), contextlib.closing(bar), watch, inputs:
            while not (verification.is_over(progress) or stop.agreed()):
                every = [*restored, *shown, *callbacks]
                MODES[mode](model, batches, progress.epoch, progress.steps_left, every)
                verification.verify(model, progress)
            if stop.stopped:
                checkpoints.save(model, progress.step)
            images = () if stop.stopped else map(devices.whole, plain_images(source, recipe))
            on_test = sets.choice is sets.test
            facts = settle(embedder, checkpoints, verification, progress, images, on_test)
        facts |= {**checkpoints.facts, "interrupted": stop.ended(progress)}
        leave(run, embedder, facts, devices)
    log.info("%s", describe_state(facts))
    return Trained(run, embedder, sets.test, facts["interrupted"], sets.choice, facts)


def locked(run: RunDirectory, devices: Devices) -> AbstractContextManager[None]:
    """The run's lock, which the process that writes holds for all."""
    return run.lock() if devices.writes else contextlib.nullcontext()


def begin(
    run: RunDirectory,
    recipe: Recipe,
    source: Source,
    checkpoints: Checkpoints,
    total_steps: int,
    restart: bool,
    devices: Devices,
) -> Checkpoint | None:
    """Where to go on, or None after another run of that name has been put aside.

    Raises:
        UserError: if processes were started for different runs.
    """
    check_same(devices, {"run": run.path.name, "recipe": recipe.model_dump(mode="json")})
    start = None if restart else find_start(checkpoints, total_steps, _is_over(run))
    devices.wait()  # each process has seen what there is, before it changes
    if devices.writes:
        if start is None:
            put_aside(run)
        run.write(recipe, source.class_names)
    return start


def leave(
    run: RunDirectory, embedder: keras.Model, facts: Mapping[str, Any], devices: Devices
) -> None:
    """Writes the embedder; no process goes on before it is there."""
    if devices.writes:
        save_embedder(run.embedder, embedder, facts)
    devices.wait()


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


def _is_over(run: RunDirectory) -> bool:
    """Whether a run's last part got as far as writing its embedder."""
    return run.embedder.is_file() and not facts_in(run.embedder).get("interrupted", False)


def settle(
    embedder: keras.Model,
    checkpoints: Checkpoints,
    verification: VerifyBetweenEpochs,
    progress: Progress,
    images: Iterable[Any],
    on_test: bool = False,
) -> dict[str, Any]:
    """Puts an embedder into the state that the run delivers.

    That is the best where one was chosen, which has its statistics of batch normalization
    averaged already, and else the last, whose statistics are averaged now.

    Args:
        embedder: the model that was trained.
        checkpoints: where the best state is.
        verification: what chose.
        progress: how far the run is.
        images: what batch normalization's statistics are averaged over.
        on_test: whether the set that chose is one of the test's.

    Returns:
        What the embedder's file says of the state; see `describe_state`.
    """
    facts: dict[str, Any] = {"step": progress.step, "total_steps": progress.total_steps}
    best = verification.best() if verification.chooses else None
    checkpoint = checkpoints.best() if best else None
    if best is None or checkpoint is None:
        average_batch_norm(embedder, images)
        return facts
    put_weights(embedder, checkpoint, checkpoints.best_path)
    chosen = {"by": best["by"], "on": best["on"], "value": abs(best["score"]), "on_test": on_test}
    return {**facts, "step": best["step"], "selection": chosen}
