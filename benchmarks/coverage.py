"""How often 95% intervals hold the true number, and how often tests reject a true null.

Worlds of made-up identities are drawn again and again. What the numbers would be with
all the identities there could be is known from a world of thousands. Intervals should
hold it 95 times in 100 (93 to 97 is good), and paired tests of two equally good models
should find a difference 5 times (3 to 7).

Measured over 150 worlds each (sampling moves 95 by 1.8), same-pairs all, 3,000 different-pairs:

| world | accuracy | AUC | EER | TAR@0.1 | TAR@0.01 | rejected: accuracy, AUC, EER |
| --- | --- | --- | --- | --- | --- | --- |
| 20 identities x 6 | 95.3 | 97.3 | 95.3 | 96.7 | 93.3 | 3.3, 1.3, 3.3 |
| 60 identities x 4 | 94.0 | 95.3 | 92.0 | 94.0 | 96.0 | 2.0, 3.3, 6.0 |
| 200 identities x 3 | 97.3 | 99.3 | 96.7 | 99.3 | 94.0 | 6.0, 2.7, 2.7 |
| 600 independent pairs | 93.3 | 97.3 | 93.3 | 93.3 | 96.0 | 6.0, 3.3, 4.7 |

Where identities are not given and are linked through same-pairs, the numbers are the same.
"""

import argparse
import time

import numpy as np

from framl_keras.data.pairs.all_pairs import mixed, pairs_by_kind
from framl_keras.evaluation import verify
from framl_keras.evaluation.roc import area_under, equal_error_rate, roc_curve, tar_at_far
from framl_keras.evaluation.significance import paired_test

DIM = 24
FARS = (0.1, 0.01)
NAMES = ("accuracy", "auc", "eer", *(f"tar@{far:g}" for far in FARS))
TESTED = ("accuracy", "auc", "eer")
MOST_PAIRS = 3000  # of a kind, in each world


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def images_of(rng, identities, images, noise):
    """Two models' vectors of the same images, equally good, and the identity of each."""
    owner = np.repeat(np.arange(identities), images)
    centers = rng.normal(size=(identities, DIM))[owner]
    shared = rng.normal(size=(len(owner), DIM))
    models = [
        unit(
            centers + noise * (np.sqrt(0.7) * shared + np.sqrt(0.3) * rng.normal(size=shared.shape))
        )
        for _ in range(2)
    ]
    return models, owner


def world(rng, identities, images, noise):
    """All pairs of a world, or `MOST_PAIRS` of a kind; nothing is left out of same-pairs."""
    models, owner = images_of(rng, identities, images, noise)
    pairs, is_same = mixed(*pairs_by_kind(owner, rng, MOST_PAIRS))
    return models, pairs, is_same, owner


def independent(rng, pairs, noise):
    """As many same-pairs as different-pairs, none sharing an identity with another."""
    models, _ = images_of(rng, 2 * pairs, 2, noise)
    is_same = np.arange(pairs) % 2 == 0
    left = 4 * np.arange(pairs)
    rows = np.column_stack([left, left + np.where(is_same, 1, 2)])
    models = [vectors[rows.ravel()] for vectors in models]
    return models, np.arange(2 * pairs).reshape(-1, 2), is_same, None


def truth(images, noise, seed=1):
    """What the numbers are in a world without end."""
    rng = np.random.default_rng(seed)
    numbers = []
    for _ in range(2):
        models, owner = images_of(rng, 4000, images, noise)
        pairs, is_same = mixed(*pairs_by_kind(owner, rng, 150_000))
        for vectors in models:
            distance = 1 - np.vecdot(vectors[pairs[:, 0]], vectors[pairs[:, 1]])
            roc = roc_curve(distance, is_same)
            tars = [p.tar for p in tar_at_far(roc, int((~is_same).sum()), FARS)]
            best = float(np.max((1 + roc.tpr - roc.fpr) / 2))
            numbers.append([best, area_under(roc), equal_error_rate(roc), *tars])
    return dict(zip(NAMES, np.mean(numbers, axis=0), strict=True))


def examine(draw, true, repeats, known):
    """Shares of intervals that hold the truth, and of tests that reject, by name."""
    held, given = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0)
    rejected = dict.fromkeys(TESTED, 0)
    for seed in range(repeats):
        models, pairs, is_same, owner = draw(np.random.default_rng(10_000 * (1 + known) + seed))
        arguments = {
            "folds": 10,
            "balanced": True,
            "bootstrap": 100,
            "identities": owner if known else None,
        }
        first, second = (verify(v, pairs, is_same, **arguments) for v in models)
        for name in NAMES:
            if name in first.intervals:
                low, high = first.intervals[name]
                given[name] += 1
                held[name] += low <= true[name] <= high
        for name, difference in paired_test(first, second, repeats=100).differences.items():
            rejected[name] += difference.p < 0.05
    covered = {name: 100 * held[name] / max(1, given[name]) for name in NAMES}
    return covered, {name: 100 * rejected[name] / repeats for name in TESTED}, first.resampled


def cases(noise):
    for identities, images in ((20, 6), (60, 4), (200, 3)):
        for known in (True, False):
            yield (
                f"{identities} identities x {images}, {'known' if known else 'linked'}",
                lambda rng, i=identities, n=images: world(rng, i, n, noise),
                images,
                known,
            )
    yield "600 independent pairs", lambda rng: independent(rng, 600, noise), 2, False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=100, help="worlds of each kind")
    parser.add_argument("--noise", type=float, default=1.1, help="of an image about its identity")
    arguments = parser.parse_args()
    print(
        f"{arguments.repeats} worlds each; sampling moves 95 % by "
        f"{100 * np.sqrt(0.0475 / arguments.repeats):.1f}, 5 % by as much"
    )
    header = " ".join(f"{name:>9}" for name in NAMES)
    print(f"{'coverage of 95% intervals, %':<31}{header}   rejected under the null, %")
    truths = {}
    for title, draw, images, known in cases(arguments.noise):
        start = time.perf_counter()
        true = truths.setdefault(images, truth(images, arguments.noise))
        covered, rejected, source = examine(draw, true, arguments.repeats, known)
        numbers = " ".join(f"{covered[name]:9.1f}" for name in NAMES)
        tests = " ".join(f"{name} {rejected[name]:.1f}" for name in TESTED)
        print(
            f"{title:<31}{numbers}   {tests}  ({source}, {time.perf_counter() - start:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
