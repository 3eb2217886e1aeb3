"""Is one run, or one similarity, better than another, or is it chance?"""

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from framl_keras import backend
from framl_keras.api.evaluate import Results, embedder_of, evaluate
from framl_keras.embedder import Embedder, names_of
from framl_keras.errors import UserError
from framl_keras.evaluation import Result
from framl_keras.evaluation.significance import PairedTest, paired_test
from framl_keras.results import Tabular, plain
from framl_keras.runs.open_embedder import check_embedder
from framl_keras.runs.verification_sets import pair_sets_of


class RunPair(NamedTuple):
    """Two results on the same pairs, and what tells them apart."""

    first: Result
    second: Result
    test: PairedTest


class RunComparison(Tabular):
    """Tests of two runs, or of similarities of one, on the same pairs.

    Args:
        pairs: the results side by side.
    """

    def __init__(self, pairs: Sequence[RunPair]):
        self.pairs = list(pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[RunPair]:
        return iter(self.pairs)

    def __getitem__(self, index: int) -> RunPair:
        return self.pairs[index]

    def rows(self) -> list[dict[str, Any]]:
        """One row for each number that is compared; differences are B's minus A's."""
        return [
            {
                "set": pair.first.set_name,
                "A": _name(pair.first),
                "B": _name(pair.second),
                "number": name,
                "B - A": difference.value,
                "95% from": difference.interval[0] if difference.interval else None,
                "95% to": difference.interval[1] if difference.interval else None,
                "p": difference.p,
                "McNemar p": pair.test.mcnemar_p if name == "accuracy" else None,
            }
            for pair in self.pairs
            for name, difference in pair.test.differences.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Both sides' accuracies, and the tests."""
        return {"tests": [_numbers(pair) for pair in self.pairs]}

    def __str__(self) -> str:
        return "\n".join(line for pair in self.pairs for line in _lines(pair)).rstrip()


def compare_runs(
    first: str | os.PathLike[str] | Embedder | None = None,
    second: str | os.PathLike[str] | Embedder | None = None,
    similarities: str | Sequence[str] = ("cos",),
    pairs: Any = None,
    progress: bool = False,
) -> RunComparison:
    """Tests whether two runs differ on the same pairs, or similarities of one run.

    Intervals resample whole identities where they are known.

    Args:
        first: a run's folder, whatever else `Embedder.load` takes, or an `Embedder`.
        second: another one; None compares the first similarity of `first` with its others.
        similarities: names, or `all`.
        pairs: see `evaluate`; None for the sets of the first one's recipe.
        progress: shows a bar.

    Raises:
        UserError: if there is nothing to compare, or a run or set cannot be read.

    Example:
    >>> print(compare_runs("runs/a", "runs/b"))  # doctest: +SKIP
    """
    names = names_of(similarities)
    if second is None and len(names) < 2:
        raise UserError("Nothing to compare with. Name two runs, or two similarities with --sim.")
    for given in (first, second):
        if isinstance(given, str | os.PathLike) and not str(given).startswith("hf://"):
            check_embedder(given)  # so that a mistyped B is told before A is embedded
    backend.choose()
    one = embedder_of(first)
    sets = pair_sets_of(pairs, one.trained.known_recipe if pairs is None else one.recipe)
    results = _evaluated(first, one, sets, names, progress)
    if second is None:
        couples = [(one, other) for one, *others in _by_set(results) for other in others]
    else:
        rivals = _evaluated(second, embedder_of(second), sets, names, progress)
        couples = list(zip(results, rivals, strict=True))
    return RunComparison([RunPair(a, b, paired_test(a.verification, b.verification))
                          for a, b in couples])  # fmt: skip


def _evaluated(
    given: Any, embedder: Embedder, sets: Any, names: Sequence[str], progress: bool
) -> Results:
    source = str(embedder.trained.directory.path if given is None else given)
    return evaluate(embedder, sets, names, baseline=False, progress=progress, source=source)


def _by_set(results: Sequence[Result]) -> list[list[Result]]:
    names = dict.fromkeys(result.set_name for result in results)
    return [[result for result in results if result.set_name == name] for name in names]


def _name(result: Result) -> str:
    return f"{result.source}, {result.similarity}"


def _numbers(pair: RunPair) -> dict[str, Any]:
    sides = {
        letter: {
            "source": side.source,
            "similarity": side.similarity,
            "accuracy": side.accuracy,
            "accuracy_sd": side.verification.accuracy_sd,
            "auc": side.verification.auc,
            "eer": side.verification.eer,
        }
        for letter, side in (("A", pair.first), ("B", pair.second))
    }
    differences = {name: each._asdict() for name, each in pair.test.differences.items()}
    test = {**pair.test._asdict(), "differences": differences}
    count = len(pair.first.verification.is_same)
    numbers: dict[str, Any] = plain({"set": pair.first.set_name, "pairs": count, **sides, **test})
    return numbers


def _lines(pair: RunPair) -> list[str]:
    """Both accuracies and what tells them apart."""
    test = pair.test
    lines = [f"{pair.first.set_name} ({len(pair.first.verification.is_same):,} pairs)"]
    for letter, result in (("A", pair.first), ("B", pair.second)):
        verification = result.verification
        lines.append(
            f"  {letter}  {_name(result)}: accuracy {100 * verification.accuracy:.2f} ± "
            f"{100 * verification.accuracy_sd:.2f} %, AUC {verification.auc:.4f}, "
            f"EER {100 * verification.eer:.2f} %"
        )
    for name, difference in test.differences.items():
        scale, unit = (1, "") if name == "auc" else (100, " points")
        text = f"  B - A  {name:<9}{scale * difference.value:+.4f}{unit}  "
        if difference.interval is None:
            lines.append(f"{text}too few {test.resampled} for an interval")
            continue
        low, high = (scale * end for end in difference.interval)
        lines.append(
            f"{text}95% {low:+.4f} to {high:+.4f}  p = {difference.p:.3f} "
            f"(resampled {test.resampled})"
        )
    lines.append(
        f"  right in A only: {test.only_first}, in B only: {test.only_second}; McNemar's exact "
        f"p = {test.mcnemar_p:.3g} (takes pairs to be independent)"
    )
    return [*lines, ""]
