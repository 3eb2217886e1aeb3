"""A trained model with all that it takes to use it rightly."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from framl_keras.data.front import open as open_data
from framl_keras.data.inputs import InputImages, in_parts, input_images, one_image
from framl_keras.data.pairs import PairSet
from framl_keras.data.parts import Part
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation.calibration import (
    Calibration,
    read_calibrations,
    write_calibrations,
)
from framl_keras.evaluation.calibrations import Calibrations, calibrate_all
from framl_keras.evaluation.comparison import Comparison, compare_vectors
from framl_keras.evaluation.embed import (
    BATCH_SIZE,
    Embedded,
    bar_of,
    embed_rows,
    embed_with,
    mirror_fused,
    not_fused,
)
from framl_keras.evaluation.embeddings import Embeddings
from framl_keras.evaluation.galleries import embedded_gallery, held_out_matches, matches_in
from framl_keras.evaluation.matches import Matches
from framl_keras.evaluation.retrieval import KS, Retrieval, retrieval
from framl_keras.export.engine import AUTO, MANY, Engine, check_engine
from framl_keras.runs.directory import RunDirectory
from framl_keras.runs.embedder_file import save_embedder
from framl_keras.runs.hub import HUB, fetched
from framl_keras.runs.open_embedder import TrainedEmbedder, open_embedder
from framl_keras.runs.thresholds import read_thresholds
from framl_keras.runs.verification_sets import pair_sets_of
from framl_keras.similarities import check_similarity
from framl_keras.similarities import names as similarity_names
from framl_keras.types import Size, sides

if TYPE_CHECKING:
    import keras

READ_AHEAD = 4096  # images of a generator that are there before they are embedded


class Embedder:
    """Turns images into vectors, compares them, and knows its thresholds.

    Args:
        model: a Keras model from RGB pixels 0…255 `(batch, height, width, 3)` to vectors.
        central_crop: whether it sees only the middle of each image.
        thresholds: similarity -> distance below which two images are of one identity.
        calibrations: similarity -> what `calibrate` found.
        facts: what else is to be kept with it.
        engine: what computes vectors: `keras`; or `onnx` or `openvino`, for which the model
            is exported once, compared with Keras, and kept in a cache; `auto` is `onnx` for
            jobs of 20,000 images and more on a processor, where that is installed, else `keras`.
        aspect_ratio: how it sees images of other proportions; see `fk.data.View`.

    Example:
    >>> import keras, numpy as np
    >>> pixels = keras.Input((8, 8, 3))
    >>> model = keras.Model(pixels, keras.layers.Flatten()(pixels))
    >>> embedder = Embedder(model, thresholds={"cos": 0.1})
    >>> black_and_white = np.stack([np.zeros((8, 8, 3)), np.full((8, 8, 3), 255)])
    >>> embedder.embed(black_and_white).shape
    (2, 192)
    >>> embedder.compare(black_and_white[1], black_and_white[1]).same
    True
    """

    def __init__(
        self,
        model: "keras.Model",
        central_crop: bool = False,
        thresholds: Mapping[str, float] | None = None,
        calibrations: Mapping[str, Calibration] | None = None,
        facts: Mapping[str, Any] | None = None,
        engine: str = AUTO,
        aspect_ratio: str = "stretch",
    ):
        seen = {"central_crop": central_crop, "aspect_ratio": aspect_ratio}
        view = View.of_facts(_input_shape(model), seen)
        place = Path(".")
        facts = dict(facts or {})
        self._opened = TrainedEmbedder(model, view, place, RunDirectory(place), None, facts)
        self._keeps_run = False
        self._engine = Engine(model, engine)
        self.thresholds = dict(thresholds or {})
        self.calibrations = dict(calibrations or {})

    @classmethod
    def load(cls, source: str | os.PathLike[str] | None = None, engine: str = AUTO) -> "Embedder":
        """Opens a trained embedder.

        Args:
            source: a run's folder, a checkpoint, a `.keras` file, `hf://user/name` for one
                on Hugging Face's hub; None for the newest run in `runs/`.
            engine: what computes vectors: `auto`, `keras`, `onnx` or `openvino`.

        Raises:
            UserError: if there is none, or it cannot be read; if what the engine needs is not
                installed.

        Example:
        >>> Embedder.load("runs/quickstart")  # doctest: +SKIP
        """
        check_engine(engine)
        if isinstance(source, str) and source.startswith(HUB):
            source = fetched(source)
        return cls._of(open_embedder(source), engine)

    @classmethod
    def _of(cls, opened: TrainedEmbedder, engine: str = AUTO) -> "Embedder":
        embedder = cls.__new__(cls)
        embedder._opened = opened
        embedder._engine = Engine(opened.model, engine)
        embedder._keeps_run = (opened.directory.path / "recipe.yaml").is_file()
        return embedder

    def with_engine(self, engine: str) -> "Embedder":
        """The same embedder, whose vectors another engine computes.

        Raises:
            UserError: if what the engine needs is not installed.
        """
        other = Embedder._of(self._opened, engine)
        other.thresholds, other.calibrations = self.thresholds, self.calibrations
        return other

    @property
    def model(self) -> "keras.Model":
        """The Keras model: pixels `(batch, height, width, 3)` to vectors that are not fused."""
        return self._opened.model

    @property
    def engine(self) -> str:
        """The name of what computes its vectors, as it was asked for; see `engine_for`."""
        return self._engine.name

    def engine_for(self, images: int) -> str:
        """The engine that computes the vectors of so many images, which `auto` chooses by that."""
        return self._engine.chosen(images)

    def predictor(self, images: int = MANY) -> Any:
        """What computes vectors: a Keras model or what stands for it, with `predict_on_batch`.

        Args:
            images: how many there will be; folding a Keras model pays for many.
        """
        return self._engine.ready(images)

    @property
    def image_size(self) -> Size:
        """Side of the images that the model sees, in pixels, or height and width."""
        return self._opened.view.size

    @property
    def view(self) -> View:
        """How the model sees images."""
        return self._opened.view

    @property
    def dim(self) -> int:
        """Length of its vectors."""
        return int(self.model.output_shape[-1])

    @property
    def step(self) -> int | None:
        """How many steps it was trained, if that is known."""
        return self._opened.step

    @property
    def weights_hash(self) -> str:
        """A hash of its weights, by which thresholds know what they are for."""
        return self._opened.weights

    @property
    def facts(self) -> Mapping[str, Any]:
        """What else its file says."""
        return self._opened.facts

    @property
    def recipe(self) -> Any:
        """The recipe that it was trained with; None if that is not known."""
        return self._opened.recipe

    @property
    def trained(self) -> TrainedEmbedder:
        """The embedder as the parts below the front door have it."""
        return self._opened

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """Similarity -> the distance below which a verification takes two images for same."""
        stored = self._stored("thresholds", {})
        return dict(stored or self._thresholds_of_run())

    def _thresholds_of_run(self) -> dict[str, float]:
        """The thresholds kept with its run, if they are for these weights and images."""
        return read_thresholds(self._opened.directory.path, self.weights_hash, self.view)

    @cached_property
    def calibrations(self) -> dict[str, Calibration]:
        """Similarity -> threshold at a false accept rate, and probabilities."""
        entries = [Calibration(**entry) for entry in self._stored("calibrations", [])]
        stored = {entry.similarity: entry for entry in entries}
        return stored or read_calibrations(self._opened.directory.path, self.weights_hash)

    def threshold(self, similarity: str = "cos") -> float | None:
        """The distance below which two images are of one identity; None if it is not known."""
        calibration = self.calibrations.get(similarity)
        return calibration.threshold if calibration else self.thresholds.get(similarity)

    def embed(
        self,
        images: Any,
        fused: bool = True,
        normalize: bool = True,
        batch_size: int = BATCH_SIZE,
        progress: bool = False,
        align: str = "auto",
    ) -> np.ndarray:
        """The vectors of images.

        Args:
            images: paths, folders, bytes, PIL images, arrays of 0…255, or any list or
                generator of these.
            fused: adds the mirror image's vector, as verification and thresholds do.
            normalize: gives the vectors length one.
            batch_size: images at a time.
            progress: shows a bar.
            align: `auto` aligns photos as the training images were, where that is known;
                `always` or `never`. See `photos.PhotoAligner`.

        Returns:
            float32 `(n, dim)`.

        Raises:
            UserError: if an image is missing or cannot be decoded; it says which.
            TypeError: if something is no image.
        """
        return self.encode(images, fused, normalize, batch_size, progress, align=align).vectors

    def encode(
        self,
        images: Any,
        fused: bool = True,
        normalize: bool = True,
        batch_size: int = BATCH_SIZE,
        progress: bool = False,
        on_error: str = "raise",
        align: str = "auto",
        part: tuple[int, int] | None = None,
    ) -> Embeddings:
        """The vectors of images, with names; see `embed`.

        Args:
            images: see `embed`, as are the next four.
            fused: adds the mirror image's vector.
            normalize: gives the vectors length one.
            batch_size: images at a time.
            progress: shows a bar.
            on_error: `raise` stops at an image that cannot be decoded; `skip` leaves it
                out and says so in `left_out`.
            align: see `embed`.
            part: `(i, n)`, i from 1, for one of n parts of the list, cut at whole batches; the
                parts' vectors are those of the whole, bit for bit.

        Raises:
            UserError: see `embed`; also if no image can be read, or there is no such part.
        """
        if on_error not in ("raise", "skip"):
            raise ValueError(f"`on_error` must be `raise` or `skip`. Received: {on_error!r}")
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size!r}")
        listed, count, among = _listed(images, part, batch_size)
        is_list = count is not None
        left_out: dict[str, str] = {}
        names: list[str] = []
        vectors = [np.empty((0, self.dim), np.float32)]
        with bar_of(count, progress=progress) as bar:
            for chunk in map(self._aligner(align), in_parts(listed, _whole_batches(batch_size))):
                among += 0 if is_list else len(chunk)
                predictor = self.predictor(among if is_list else min(among, READ_AHEAD))
                function = (mirror_fused if fused else not_fused)(predictor, batch_size)
                unreadable: dict[int, str] = {}
                embedded = embed_rows(
                    function,
                    chunk,
                    range(len(chunk)),
                    self.view,
                    batch_size,
                    bar,
                    normalize,
                    unreadable if on_error == "skip" else None,
                    fill=among > batch_size,
                )
                kept = [at for at in range(len(chunk)) if at not in unreadable]
                vectors.append(embedded.embeddings[kept])
                names += [chunk.names[at] for at in kept]
                left_out |= {chunk.names[at]: unreadable[at] for at in sorted(unreadable)}
        if not names and part is None:
            raise UserError(_nothing(left_out))
        return Embeddings(np.concatenate(vectors), names, left_out)

    def compare(
        self, a: Any, b: Any, similarities: str | Sequence[str] = "all", align: str = "auto"
    ) -> Comparison:
        """Says whether two images are of one identity.

        Args:
            a: an image; see `embed`.
            b: another one.
            similarities: names, or `all`; `answer.same` and its like are the first one's,
                of `all` the cosine's.
            align: see `embed`.

        Returns:
            The answer: `.same`, `.distance`, `.threshold`, `.far`, `.probability`, and
            `answer["ssim"]` for each similarity.

        Raises:
            UserError: if an image cannot be read, or a similarity is unknown.
        """
        names = names_of(similarities)
        both = InputImages.joined([one_image(a, "a"), one_image(b, "b")])
        left, right = self.embed(both, align=align)
        return compare_vectors(left, right, names, self.thresholds, self.calibrations)

    def identify(
        self,
        gallery: Any = None,
        probes: Any = None,
        similarity: str = "cos",
        top: int = 5,
        strangers: float = 0.3,
        progress: bool = False,
        align: str = "auto",
    ) -> Matches:
        """Finds who is on each of some images.

        Args:
            gallery: a folder `<identity>/<image>`, or a mapping from names to images; None
                for the first image of each identity of the run's verification set, whose
                other images are the probes.
            probes: images; see `embed`. Where they lie in folders with their identity's
                name, the result's `rates` say how many were found.
            similarity: which one compares.
            top: how many identities a probe gets at most.
            strangers: without a gallery, share of the identities that are left out of it.
            progress: shows a bar.
            align: see `embed`; of gallery and probes.

        Raises:
            UserError: if an image cannot be read or the gallery is empty.

        Example:
        >>> embedder.identify("gallery", ["visitor.jpg"]).who  # doctest: +SKIP
        ['ada']
        """
        check_similarity(similarity)
        threshold = self.threshold(similarity)
        if gallery is None:
            pairs = self._pair_sets(None)[0]
            (embedded,) = self._embedded([pairs], progress)
            names = [pairs.images[at].key for at in range(len(pairs.images))]
            return held_out_matches(embedded, names, strangers, similarity, top, threshold)

        def embed(images: Any) -> Embeddings:
            return self.encode(images, progress=progress, align=align)

        enrolled = embedded_gallery(gallery, embed)
        return matches_in(enrolled, probes, embed, similarity, top, threshold)

    def retrieve(
        self,
        data: Any = None,
        ks: Sequence[int] = KS,
        similarity: str = "cos",
        progress: bool = False,
        align: str = "auto",
    ) -> Retrieval:
        """Looks for each image among all others: Recall@k, R-precision and MAP@R.

        Args:
            data: a folder `<class>/<image>`, or other training data, see `fk.data.open`; None for
                the run's first verification set.
            ks: of Recall@k.
            similarity: which one compares.
            progress: shows a bar.
            align: see `embed`.

        Raises:
            UserError: if an image cannot be read, or no class has two.

        Example:
        >>> embedder.retrieve("products").recall[1]  # doctest: +SKIP
        0.83
        """
        check_similarity(similarity)
        if data is None:
            (embedded,) = self._embedded(self._pair_sets(None)[:1], progress)
            return retrieval(embedded.embeddings, embedded.identities, ks, similarity)
        source = open_data(data).source
        names = [str(source.class_names[label]) for label in source.labels]
        vectors = self.embed(source, progress=progress, align=align)
        return retrieval(vectors, names, ks, similarity)

    def calibrate(
        self,
        pairs: Any = None,
        far: float = 1e-3,
        similarities: str | Sequence[str] = "all",
        progress: bool = False,
    ) -> Calibrations:
        """Finds thresholds at a false accept rate, and probabilities; `compare` uses them.

        They are kept with this embedder, and with its run where it comes from one. Where
        identities are known, all pairs of a set's images are used.

        Args:
            pairs: a path, a verification set, triples `(a, b, same)`, or a list of sets; None
                for those of the run's recipe: of validation, where it has some.
            far: share of different-pairs that may be taken for same.
            similarities: names, or `all`.
            progress: shows a bar.

        Raises:
            UserError: if there are too few pairs for the rate.
        """
        names = names_of(similarities)
        if not 0 < far < 1:
            raise ValueError(f"`far` must be within (0, 1). Received: far={far!r}")
        sets = self._pair_sets(pairs, to_choose=True)
        embedded = self._embedded(sets, progress)
        calibrations = calibrate_all(sets, embedded, names, far, self.weights_hash)
        self.calibrations.update({each.similarity: each for each in calibrations})
        if self._keeps_run:
            self.keep_calibrations()
        return calibrations

    def keep_calibrations(self) -> Path:
        """Writes the calibrations beside the model, where `load` finds them.

        Returns:
            The file.
        """
        return write_calibrations(self._opened.directory.path, list(self.calibrations.values()))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes one `.keras` file that holds all: model, size, crop, thresholds, calibrations.

        `keras.saving.load_model` opens it as well, and gives the plain model.

        Raises:
            UserError: if the name does not end with `.keras`, or the disk refuses.
        """
        target = Path(path)
        if target.suffix != ".keras":
            raise UserError(f"{target}: expected a name that ends with .keras")
        save_embedder(target, self.model, self._facts())
        return target

    def export(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Writes the model in another format; see `framl_keras.export.export_run`."""
        from framl_keras.export import export_run  # noqa: PLC0415 - optional formats load then

        return export_run(self.trained, path, **options)

    def __repr__(self) -> str:
        (height, width), step = sides(self.image_size), self.step
        known = [
            f"{height}x{width} pixels -> {self.dim}",
            f"{self.model.count_params():,} parameters",
        ]
        known += [f"step {step}"] if step is not None else []
        return f"Embedder({', '.join(known)})"

    def _aligner(self, mode: str) -> Callable[[InputImages], InputImages]:
        """What aligns photos as the training images were."""
        settings = self.facts.get("aligned")
        if mode == "never" or (mode == "auto" and not settings):
            return lambda images: images
        from framl_keras.photos import PhotoAligner  # noqa: PLC0415 - needed for photos alone

        return PhotoAligner(mode, settings)

    def _pair_sets(self, pairs: Any, to_choose: bool = False) -> list[PairSet]:
        recipe = self._opened.known_recipe if pairs is None else self._opened.recipe
        return pair_sets_of(pairs, recipe, to_choose)

    def _embedded(self, sets: Sequence[PairSet], progress: bool) -> list[Embedded]:
        """The embeddings of each set's images."""
        function = mirror_fused(self.predictor(sum(len(each.images) for each in sets)))
        return [
            embed_with(function, each.images, self.view, progress=progress, title=each.name)
            for each in sets
        ]

    def _stored(self, name: str, default: Any) -> Any:
        """What the file itself says, if it says it of these weights."""
        facts = self._opened.facts
        return facts.get(name, default) if facts.get("weights") == self.weights_hash else default

    def _facts(self) -> dict[str, Any]:
        """All that the file is to say about the model."""
        recipe = self._opened.recipe
        known = {"recipe": recipe.model_dump(mode="json")} if recipe is not None else {}
        return {
            **self._opened.facts,
            **known,
            **self.view.facts(),
            "fused": True,
            "weights": self.weights_hash,
            "thresholds": self.thresholds,
            "calibrations": [asdict(each) for each in self.calibrations.values()],
        }


def names_of(similarities: str | Sequence[str]) -> list[str]:
    """Names of similarities, checked; the cosine first where all are meant.

    Raises:
        UserError: if one is unknown.
    """
    names = [similarities] if isinstance(similarities, str) else list(similarities)
    if "all" in names:
        names = ["cos", *(name for name in similarity_names() if name != "cos")]
    for name in names:
        check_similarity(name)
    if not names:
        raise ValueError("`similarities` must name one at least. Received: []")
    return list(dict.fromkeys(names))


def _nothing(left_out: Mapping[str, str]) -> str:
    if not left_out:
        return "No images to embed. Expected one at least."
    first = next(iter(left_out.values()))
    return f"None of {len(left_out)} images could be read. The first: {first}"


def _listed(
    images: Any, part: tuple[int, int] | None, batch_size: int
) -> tuple[Any, int | None, int]:
    """The images, or a part of them; how many, where that is known; and among how many."""
    if part is None and not isinstance(images, InputImages):
        return images, None, 0
    whole, chosen = input_images(images), Part(*(part or (1, 1)))
    listed = whole[chosen.within(len(whole), batch_size)]
    return listed, len(listed), len(whole)


def _whole_batches(batch_size: int) -> int:
    """How many images are listed at a time."""
    return max(batch_size, READ_AHEAD // batch_size * batch_size)


def _input_shape(model: "keras.Model") -> tuple[int, ...]:
    shape = tuple(model.input_shape)
    if len(shape) != 4 or not shape[1] or not shape[2]:
        raise ValueError(
            "`model` must take images of one size (batch, height, width, 3). Received: input "
            f"shape {shape}"
        )
    return shape
