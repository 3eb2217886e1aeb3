"""Verification in one line, and its results."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from framl_keras import backend
from framl_keras.data.pairs import PairSet
from framl_keras.data.pairs.embeddings import EmbeddingSet, read_embeddings
from framl_keras.embedder import Embedder, names_of
from framl_keras.errors import UserError
from framl_keras.evaluation import Judging, Result, check_names, format_table
from framl_keras.evaluation import evaluate as evaluate_model
from framl_keras.evaluation.arrays import as_identities, as_vectors, check_arrays
from framl_keras.evaluation.evaluate import MODEL
from framl_keras.evaluation.identity_pairs import identity_pairs
from framl_keras.evaluation.intervals import REPEATS
from framl_keras.evaluation.ready import fingerprint, verify_ready
from framl_keras.evaluation.report import facts_of, write_report
from framl_keras.evaluation.report.numbers import numbers_of
from framl_keras.processes import ALONE, Processes, check_same
from framl_keras.results import Tabular, plain
from framl_keras.runs.directory import RunDirectory
from framl_keras.runs.selection import describe_state
from framl_keras.runs.verification_sets import pair_sets_of


class Results(Tabular, Sequence[Result]):
    """The results of a verification: one for each set, similarity and protocol.

    Args:
        results: what was found.
        pair_sets: the sets that they are about.
        facts: what it takes to get the same numbers again.
        images: whether the sets have images, to show the hardest pairs.
        directory: the run that they are about; None for the current folder.

    Example:
    >>> results = evaluate("runs/mine")  # doctest: +SKIP
    >>> results.to_csv("results.csv")  # doctest: +SKIP
    >>> results.report("report")  # doctest: +SKIP
    """

    def __init__(
        self,
        results: Sequence[Result],
        pair_sets: Sequence[PairSet],
        facts: dict[str, Any],
        images: bool = True,
        directory: RunDirectory | None = None,
    ):
        self.results, self.pair_sets = list(results), list(pair_sets)
        self.facts, self._images = facts, images
        self.directory = directory or RunDirectory(".")

    def __len__(self) -> int:
        return len(self.results)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> list[Result]: ...

    def __getitem__(self, index: Any) -> Any:
        return self.results[index]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def rows(self) -> list[dict[str, Any]]:
        """One row for each result."""
        return [_row(result) for result in self.results]

    def to_dict(self) -> dict[str, Any]:
        """All numbers, as the report's `results.json` has them."""
        return {"facts": plain(self.facts), "results": [numbers_of(each) for each in self.results]}

    def report(self, folder: str | os.PathLike[str], plots: bool = True) -> Path:
        """Writes `results.json`, `scores.npz`, plots, and one page with it all.

        Returns:
            The page.

        Raises:
            UserError: if the folder cannot be written.
        """
        try:
            return write_report(
                Path(folder), self.results, self.pair_sets, self.facts, plots, self._images
            )
        except OSError as error:
            raise UserError(
                f"Cannot write the report: {error}. Choose another folder with --out DIR."
            ) from None

    def new_folder(self) -> Path:
        """A new folder for a report, among the run's reports."""
        return self.directory.new_report()

    def __str__(self) -> str:
        return "\n".join([format_table(self.results), *self.notes])

    @property
    def notes(self) -> list[str]:
        """Sentences below the table: which state the embedder is, and how it was chosen."""
        return [self.facts[key] for key in ("state", "choice") if self.facts.get(key)]


def evaluate(
    embedder: Any = None,
    pairs: Any = None,
    similarities: str | Sequence[str] = ("cos",),
    protocol: str | Judging = "exact",
    normalize: bool = False,
    baseline: bool = True,
    bootstrap: int = REPEATS,
    progress: bool = False,
    source: str = MODEL,
    engine: str | None = None,
    processes: Processes = ALONE,
) -> Results:
    """Verifies an embedder, or ready vectors, on pairs.

    Args:
        embedder: an `Embedder`, what `Embedder.load` takes, a Keras model, or vectors
            `(n, dim)`, also as the path of a `.npz` or `.npy` file.
        pairs: for an embedder: a path, a verification set, triples `(a, b, same)`, or a list of
            sets; None for its recipe's. For vectors: `(pairs, is_same)`, or `is_same` where
            rows 0 and 1, 2 and 3, … are pairs, or the rows' `identities=` in a mapping.
        similarities: names, or `all`.
        protocol: how thresholds are chosen: `exact`, `framl` or `both`; or a `Judging`, which
            also says folds and seed.
        normalize: gives ready vectors length one first.
        baseline: adds raw pixels under the cosine, where there are images.
        bootstrap: how often to choose thresholds anew for intervals; 0 for no intervals. A
            `Judging` has its own.
        progress: shows a bar.
        source: what the results call the embedder.
        engine: what computes the vectors, see `Embedder.load`; None for the embedder's own.
        processes: each embeds its share, and gets all results; see
            `framl_keras.processes.join`.

    Raises:
        UserError: if a set has no same-pairs or no different-pairs, an image cannot be decoded,
            or a name is unknown.

    Example:
    >>> rng = np.random.default_rng(0)
    >>> same = np.arange(100) % 2 == 0
    >>> vectors = rng.normal(size=(200, 16))
    >>> vectors[1::2][same] = vectors[0::2][same] + 0.1
    >>> results = evaluate(vectors, same, ["cos", "diff"], bootstrap=0)
    >>> [(result.similarity, result.accuracy > 0.9) for result in results]
    [('cos', True), ('diff', True)]
    """
    names = names_of(similarities)
    check_names(names)
    judging = Judging(protocol, bootstrap=bootstrap) if isinstance(protocol, str) else protocol
    ready = _ready(embedder, pairs)
    if ready is not None:
        results = verify_ready(ready, names, judging, normalize)
        facts = facts_of(normalized=normalize, fingerprint=fingerprint(ready.embeddings))
        return Results(results, [ready.pair_set()], facts, images=False)
    chosen = embedder_of(embedder, engine)
    recipe = chosen.trained.known_recipe if pairs is None else chosen.recipe
    sets = pair_sets_of(pairs, recipe)
    images = sum(len(each.images) for each in sets)
    if processes.processes > 1:
        check_same(processes, _asked(chosen, sets, names, images))
    results = evaluate_model(
        chosen.predictor(images),
        sets,
        view=chosen.view,
        similarities=names,
        judging=judging,
        baseline=baseline,
        progress=progress,
        source=source,
        processes=processes,
    )
    return Results(
        results, sets, _facts(chosen, images, results), directory=chosen.trained.directory
    )


def embedder_of(given: Any, engine: str | None = None) -> Embedder:
    """An `Embedder`, of what `Embedder.load` takes, or of a Keras model."""
    if isinstance(given, Embedder):
        return given if engine in (None, given.engine) else given.with_engine(engine)
    if given is None or isinstance(given, str | os.PathLike):
        return Embedder.load(given, engine or "auto")
    return Embedder(given, engine=engine or "auto")


def _ready(given: Any, pairs: Any) -> EmbeddingSet | None:
    """Ready vectors with their pairs; None for an embedder."""
    if isinstance(given, EmbeddingSet):
        return given
    if isinstance(given, str | os.PathLike) and Path(given).suffix in (".npz", ".npy"):
        return read_embeddings(given)
    if not hasattr(given, "__array__"):
        return None
    if pairs is None:
        raise TypeError("Vectors need pairs. Expected `(pairs, is_same)`, or `is_same`.")
    vectors = as_vectors(given, "vectors")
    keys = [f"row {row}" for row in range(len(vectors))]
    if isinstance(pairs, dict):
        if "identities" not in pairs:
            raise TypeError(f"Expected the key `identities`. Received: {list(pairs)}")
        who = as_identities(pairs["identities"], len(vectors))
        rows, is_same = identity_pairs(who)
        return EmbeddingSet("vectors", vectors, rows, is_same, None, who, keys, balanced=True)
    given_rows, answers = pairs if isinstance(pairs, tuple) and len(pairs) == 2 else (None, pairs)
    vectors, rows, is_same = check_arrays(vectors, given_rows, answers)
    unknown = np.full(len(vectors), -1)
    return EmbeddingSet("vectors", vectors, rows.astype(np.int64), is_same, None, unknown, keys)


def _facts(embedder: Embedder, images: int, results: Sequence[Result]) -> dict[str, Any]:
    trained = embedder.trained
    return facts_of(
        backend.choose(),
        engine=embedder.engine_for(images),
        run=str(trained.directory.path),
        embedder=str(trained.path),
        step=trained.step,
        weights=trained.weights,
        **trained.view.facts(),
        state=describe_state(trained.facts, {result.set_name for result in results}),
        data={result.set_name: result.fingerprint for result in results},
    )


def _asked(
    embedder: Embedder, sets: Sequence[PairSet], names: Sequence[str], images: int
) -> dict[str, Any]:
    """What all processes that share a verification must have in common."""
    return {
        "weights": embedder.weights_hash,
        "engine": embedder.engine_for(images),
        "sets": [(each.name, len(each.images), len(each.pairs)) for each in sets],
        "similarities": names,
        **embedder.view.facts(),
    }


def _row(result: Result) -> dict[str, Any]:
    verification = result.verification
    return {
        "set": result.set_name,
        "source": result.source,
        "similarity": verification.similarity,
        "protocol": verification.protocol,
        "pairs": len(verification.is_same),
        "accuracy": verification.accuracy,
        "accuracy_sd": verification.accuracy_sd,
        "threshold": verification.threshold,
        "auc": verification.auc,
        "eer": verification.eer,
        "d_prime": verification.d_prime,
        **{f"tar@{far:g}": point.tar if (point := verification.tar_at(far)) else None
           for far in (1e-2, 1e-3, 1e-4)},
    }  # fmt: skip
