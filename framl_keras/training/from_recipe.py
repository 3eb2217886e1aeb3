"""From a recipe to what a training is made of: where recipes end and plain arguments begin."""

import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from framl_keras.data.augment import Augment
from framl_keras.data.batches import TrainingBatches, training_stream
from framl_keras.data.pairs import PairSet
from framl_keras.data.policies import Policy
from framl_keras.data.sources import Source
from framl_keras.errors import UserError
from framl_keras.evaluation import embed
from framl_keras.keras_internals import spare_torch_detours
from framl_keras.models import compile_for_training, freeze, network_of
from framl_keras.models.device import device_of
from framl_keras.models.precision import with_loss_scale
from framl_keras.recipe import AugmentSection, PolicySection, Recipe
from framl_keras.runs.checkpoint import Checkpoint
from framl_keras.runs.directory import RunDirectory
from framl_keras.runs.identities import Identities, split_once
from framl_keras.runs.open_embedder import build_embedder, view_of
from framl_keras.runs.surroundings import append_surroundings, surroundings
from framl_keras.runs.verification_sets import choice_sets, open_pair_set
from framl_keras.training.announce import describe
from framl_keras.training.build.fused_batch_norm import fuse_batch_norm
from framl_keras.training.build.grouped_batch_norm import group_batch_norm
from framl_keras.training.build.heads import with_head
from framl_keras.training.build.initial_weights import draw_initial_weights
from framl_keras.training.build.optimizers import build_optimizer, learning_rate_at
from framl_keras.training.build.precise_batch_norm import averaged, first
from framl_keras.training.build.residual_branches import zero_init_residual
from framl_keras.training.build.start_from import start_from
from framl_keras.training.callbacks.journal import Journal, NoJournal
from framl_keras.training.callbacks.progress import Progress
from framl_keras.training.callbacks.verification import VerifyBetweenEpochs
from framl_keras.training.checkpoints.folder import Checkpoints
from framl_keras.training.checkpoints.resume import facts_of
from framl_keras.training.distribution import ONE_DEVICE, Devices
from framl_keras.training.steps.fit_mode import Batch

log = logging.getLogger(__name__)


class Sets(NamedTuple):
    """The verification sets of a recipe that are there.

    Attributes:
        test: what the run is tested on at its end.
        choice: what states and thresholds are chosen on: those of validation, or else `test`.
    """

    test: Sequence[PairSet]
    choice: Sequence[PairSet]


def open_sets(recipe: Recipe, split: Callable[[], Identities] | None = None) -> Sets:
    """Opens the sets; a warning names each that is missing.

    Args:
        recipe: names them.
        split: gives the parts of the recipe's data; see `split_once`.
    """
    split = split or split_once(recipe.data)
    opened = functools.partial(open_pair_set, recipe.data, split=split)
    test = open_present(recipe.data.test, opened)
    is_test = choice_sets(recipe) is recipe.data.test
    return Sets(test, test if is_test else open_present(recipe.data.validation, opened))


def open_training_batches(
    source: Source, recipe: Recipe, rows: slice | None = None
) -> TrainingBatches:
    """The run's batches, as the recipe orders and augments them; all rows, or some of each.

    Raises:
        UserError: if the augmentation policy is not available.
    """
    data, augment = recipe.data, recipe.data.augment
    policy = None
    if isinstance(augment, PolicySection):
        policy = Policy(augment.policy, data.image_size, augment.options)
    return TrainingBatches(
        source,
        recipe.train.batch_size,
        view_of(recipe),
        Augment(**augment.model_dump(exclude={"policy", "options"})),
        seed=recipe.seed,
        on_error=data.on_error,
        images_per_class=recipe.train.images_per_class,
        policy=policy,
        rows=rows,
    )


def build_models(
    recipe: Recipe,
    source: Source,
    total_steps: int,
    fresh: bool = True,
    devices: Devices = ONE_DEVICE,
) -> tuple[keras.Model, keras.Model]:
    """The embedding model and the compiled training model.

    Args:
        recipe: what to build.
        source: the training data; the identities' images are counted.
        total_steps: of the whole run, for the learning rate's schedule.
        fresh: whether they get the recipe's initial weights, which a checkpoint replaces.
        devices: what they are built on.
    """
    spare_torch_detours()
    options = recipe.model
    embedder = build_embedder(recipe, options.weights if fresh else None)
    sizes = class_sizes(source)
    model = with_head(
        embedder, recipe, source.class_names, np.maximum(sizes, 1).tolist(), total_steps
    )
    if fresh:
        keep = [network_of(embedder)] if options.weights else []
        draw_initial_weights(model, recipe.seed, keep)
        if options.zero_init_residual and not options.weights:
            zero_init_residual(embedder)
        predictor = devices.predictor(embedder)
        function = functools.partial(embed, predictor, view=view_of(recipe), processes=devices)
        start_from(options.init, options.new_centers, embedder, model, source, function)
    freeze(model, options.freeze)
    optimizer = build_optimizer(recipe.train.optimizer, recipe.train.schedule, total_steps)
    if recipe.train.batch_norm_rows:
        group_batch_norm(model, whole_groups(recipe, devices))
    elif recipe.train.fused_batch_norm:
        fuse_batch_norm(model)
    optimizer = with_loss_scale(optimizer, recipe.train.precision)
    compile_for_training(model, optimizer, recipe.train.jit)
    return embedder, model


def whole_groups(recipe: Recipe, devices: Devices) -> int:
    """The rows of a group of `train.batch_norm_rows`.

    Raises:
        UserError: if a device's share of a batch has no whole number of them.
    """
    rows, share = recipe.train.batch_norm_rows or 0, recipe.train.batch_size // devices.count
    if share % rows:
        raise UserError(
            f"train.batch_norm_rows: each of {devices.count} devices has {share} rows of a batch, "
            f"no whole groups of {rows}. Expected a number that divides {share}, or fewer devices."
        )
    return rows


def class_sizes(source: Source) -> np.ndarray:
    """How many images each identity has; a label that is none's is said when it is met."""
    labels, count = np.asarray(source.labels), len(source.class_names)
    return np.bincount(labels[(labels >= 0) & (labels < count)], minlength=count)


def stream(
    source: Source, recipe: Recipe, start_step: int, rows: slice | None = None
) -> Iterator[Batch]:
    """The run's batches in the recipe's order, from a step on; all rows, or some of each."""
    return read(open_training_batches(source, recipe, rows), start_step, recipe.data.threads)


def read(batches: TrainingBatches, start_step: int, threads: int) -> Iterator[Batch]:
    """Batches from a step on; says at its end what was skipped."""
    try:
        yield from training_stream(batches, start_step, threads)
    finally:
        batches.report_skipped()


def plain_images(source: Source, recipe: Recipe) -> Iterable[Any]:
    """Batches of pixels as verification sees them: `train.precise_batch_norm` of them."""
    return first(recipe.train.precise_batch_norm, stream(source, without_augmentation(recipe), 0))


def without_augmentation(recipe: Recipe) -> Recipe:
    """The recipe with images as verification sees them, and mirrored."""
    data = recipe.data
    side = data.augment.resize_to if data.central_crop else data.image_size
    plain = AugmentSection(resize_to=side, flip=data.augment.flip, saturation=0, brightness=0)
    data = data.model_copy(update={"augment": plain})
    return recipe.model_copy(update={"data": data})


def checkpoints_of(
    run: RunDirectory, recipe: Recipe, source: Source, devices: Devices
) -> Checkpoints:
    """The run's checkpoints, of which each process writes its part."""
    facts = facts_of(recipe.model_dump(mode="json"), source)
    return Checkpoints(run.checkpoints, facts, recipe.train.keep, devices)


def journal_of(
    run: RunDirectory,
    recipe: Recipe,
    progress: Progress,
    learning_rate: Callable[[int], float],
    devices: Devices,
) -> Journal | NoJournal:
    """The run's logs, which one process writes."""
    if not devices.writes:
        return NoJournal()
    return Journal(run.logs, progress, learning_rate, recipe.train.log_every, recipe.to_yaml())


def verification_of(
    recipe: Recipe,
    source: Source,
    embedder: keras.Model,
    pair_sets: Sequence[PairSet],
    journal: Journal | NoJournal,
    checkpoints: Checkpoints,
    devices: Devices,
) -> VerifyBetweenEpochs:
    """What verifies between epochs and chooses, as the recipe says."""
    train = recipe.train

    def images() -> Iterable[Any]:
        return map(devices.whole, plain_images(source, recipe))

    return VerifyBetweenEpochs(
        devices.predictor(embedder),
        pair_sets,
        journal,
        checkpoints,
        view=view_of(recipe),
        every=train.verify_every,
        best_by=train.best_by,
        patience=train.early_stop.patience if train.early_stop else None,
        settled=lambda: averaged(embedder, images),
        processes=devices,
    )


def announce(
    recipe: Recipe,
    run: RunDirectory,
    source: Source,
    embedder: keras.Model,
    progress: Progress,
    start: Checkpoint | None,
    devices: Devices,
) -> None:
    """Says once what is trained, notes beside it with what, and explains a change of epochs."""
    precision, where = recipe.train.precision, device_of(embedder)
    where = where if devices.count == 1 else f"{devices.count} {where}s"
    numbers = len(source.class_names), len(source)
    text = describe(embedder, recipe.model.backbone, *numbers, precision, progress, where)
    if not devices.writes:
        return
    log.info("Training %s into %s: %s", recipe.name, run.path, text)
    known = {"step": progress.step, "backend": keras.config.backend(), "device": where}
    append_surroundings(run.surroundings, surroundings(**known, precision=precision))
    if start is not None:
        explain_longer(start.facts["recipe"], recipe, progress)


def explain_longer(before: dict[str, Any], recipe: Recipe, progress: Progress) -> None:
    """Says what more or fewer epochs than a run had mean for its learning rate.

    Args:
        before: the recipe's content when the run's checkpoint was written.
        recipe: the recipe now.
        progress: where the run goes on.
    """
    old = Recipe.from_content(before, "checkpoint").train
    if old.epochs == recipe.train.epochs:
        return
    rates = [
        learning_rate_at(
            build_optimizer(
                section.optimizer, section.schedule, section.epochs * progress.steps_per_epoch
            )
        )(progress.step - done)
        for section, done in ((old, 1), (recipe.train, 0))
    ]
    log.info(
        "train.epochs was %d and is %d now. The schedule (%s) spans all of them: the learning "
        "rate was %.3g at step %d and is %.3g at the next.",
        old.epochs,
        recipe.train.epochs,
        recipe.train.schedule.name,
        rates[0],
        progress.step,
        rates[1],
    )


def open_present(names: Iterable[str], opened: Callable[[str], Iterable[PairSet]]) -> list[PairSet]:
    """The verification sets that are there; a warning names each that is not.

    Args:
        names: what to open.
        opened: opens the sets of one name.
    """
    present: list[PairSet] = []
    for name in names:
        try:
            present += opened(name)
        except UserError as error:
            log.warning("Training goes on without the verification set %s: %s", name, error)
    return present
