"""Training, from a recipe to a verified embedding model."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras

from framl_keras.data.atomic import write_beside
from framl_keras.data.batches import TrainingBatches, training_dataset
from framl_keras.data.pairs import PairSet
from framl_keras.data.sources import Source
from framl_keras.data.transforms import Augment
from framl_keras.models import embedding_model, training_model
from framl_keras.recipe import Recipe
from framl_keras.training.data import open_present_pair_sets, open_training_source
from framl_keras.training.fit_mode import fit_epoch
from framl_keras.training.initial_weights import draw_initial_weights
from framl_keras.training.interrupt import StopOnSignal
from framl_keras.training.journal import Journal
from framl_keras.training.optimizers import build_optimizer, learning_rate_at
from framl_keras.training.progress import CountSteps, Progress, ProgressBar
from framl_keras.training.run_directory import RunDirectory

log = logging.getLogger(__name__)


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


def train(recipe: Recipe, run: RunDirectory) -> Trained:
    """Trains a recipe into a run's directory.

    Ctrl-C or SIGTERM end it after the current step; what was trained so far is saved.

    Raises:
        UserError: if the recipe's data, backbone or optimizer cannot be had.
    """
    source = open_training_source(recipe)
    pair_sets = open_present_pair_sets(recipe)
    progress = Progress(steps_per_epoch(source, recipe), recipe.train.batch_size)
    embedder, model = build_models(recipe, len(source.class_names), progress)
    run.write(recipe, source.class_names)
    rate = learning_rate_at(model.optimizer)
    journal = Journal(run.logs, progress, rate, recipe.train.log_every)
    bar = ProgressBar(progress, recipe.train.epochs, rate)
    batches = iter(training_dataset(training_batches(source, recipe), threads=recipe.data.threads))
    with StopOnSignal() as stop:
        while progress.epoch < recipe.train.epochs and not stop.stopped:
            callbacks = [CountSteps(progress), bar, journal, stop]
            fit_epoch(model, batches, progress.epoch, progress.steps_left, callbacks)
            if _verification_is_due(recipe, progress) and not stop.stopped:
                verify_between_epochs(embedder, pair_sets, recipe, journal)
    journal.close()
    save_embedder(embedder, run)
    return Trained(run, embedder, pair_sets, stop.stopped)


def build_models(
    recipe: Recipe, num_classes: int, progress: Progress
) -> tuple[keras.Model, keras.Model]:
    """The embedding model and the compiled training model, with the recipe's initial weights."""
    options, data = recipe.model, recipe.data
    embedder = embedding_model(
        options.backbone,
        data.image_size,
        embedding_dim=options.embedding_dim,
        dropout=options.dropout,
        embedding_l2=options.embedding_l2,
        weights=options.weights,
    )
    model = training_model(embedder, num_classes, options.head, options.margin, options.scale)
    draw_initial_weights(model, recipe.seed)
    total_steps = progress.steps_per_epoch * recipe.train.epochs
    model.compile(
        build_optimizer(recipe.train.optimizer, recipe.train.schedule, total_steps),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return embedder, model


def training_batches(source: Source, recipe: Recipe) -> TrainingBatches:
    """The run's batches, in the recipe's order."""
    data = recipe.data
    return TrainingBatches(
        source,
        recipe.train.batch_size,
        data.image_size,
        Augment(**data.augment.model_dump()),
        seed=recipe.seed,
        crop_centre=data.central_crop,
    )


def steps_per_epoch(source: Source, recipe: Recipe) -> int:
    """Whole batches in a pass over the data, at least one."""
    return max(1, len(source) // recipe.train.batch_size)


def save_embedder(embedder: keras.Model, run: RunDirectory) -> None:
    """Writes the embedding model, beside and renamed."""
    with write_beside(run.embedder) as file:
        embedder.save(file)


def verify_between_epochs(
    embedder: keras.Model, pair_sets: Sequence[PairSet], recipe: Recipe, journal: Journal
) -> None:
    """Logs the accuracy on each verification set."""
    from framl_keras.evaluation import evaluate

    for result in evaluate(
        embedder,
        pair_sets,
        image_size=recipe.data.image_size,
        crop_centre=recipe.data.central_crop,
        baseline=False,
        progress=False,
    ):
        log.info("%s: cosine accuracy %.4f", result.set_name, result.accuracy)
        journal.verification(result.set_name, result.accuracy)


def _verification_is_due(recipe: Recipe, progress: Progress) -> bool:
    """Between epochs, as often as the recipe says; the end has a report of its own."""
    every, done = recipe.train.verify_every, progress.epoch
    whole = progress.step % progress.steps_per_epoch == 0
    return bool(every) and whole and done % every == 0 and done < recipe.train.epochs
