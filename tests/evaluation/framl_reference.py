"""FRAML's verification told again in plain loops over SciPy and scikit-learn.

Nothing here is vectorized and nothing is ours: it is what the package is measured
against. `benchmarks/verification.py` has the same as its rival.
"""

import numpy as np
from scipy.signal import correlate
from scipy.spatial.distance import cosine
from sklearn.model_selection import KFold

THRESHOLDS = np.arange(0, 4, 0.01)


def structural_similarity(x, y):
    deviation_x = np.mean((x - x.mean()) ** 2) ** 0.5
    deviation_y = np.mean((y - y.mean()) ** 2) ** 0.5
    covariance = np.mean((x - x.mean()) * (y - y.mean()))
    top = (2 * x.mean() * y.mean() + 0.0001) * (2 * covariance + 0.0002)
    bottom = (x.mean() ** 2 + y.mean() ** 2 + 0.0001) * (deviation_x**2 + deviation_y**2 + 0.0002)
    return top / bottom


DISTANCE_OF_ONE = {
    "diff": lambda x, y: np.sum(np.square(x - y)),
    "cos": cosine,
    "corr": lambda x, y: 1 - np.max(correlate(x, y, method="auto")),
    "fft_corr": lambda x, y: 1 - np.max(correlate(x, y, method="fft")),
    "direct_corr": lambda x, y: 1 - np.max(correlate(x, y, method="direct")),
    "ssim": lambda x, y: 1 - structural_similarity(x, y),
}


def distances(embeddings, similarity):
    first, second = embeddings[0::2], embeddings[1::2]
    return np.array([DISTANCE_OF_ONE[similarity](x, y) for x, y in zip(first, second, strict=True)])


def rates(threshold, distance, is_same):
    """True positive rate, false positive rate and accuracy at one threshold."""
    accepted = np.less(distance, threshold)
    tp = int(np.sum(accepted & is_same))
    fp = int(np.sum(accepted & ~is_same))
    tn = int(np.sum(~accepted & ~is_same))
    fn = int(np.sum(~accepted & is_same))
    tpr = tp / (tp + fn) if tp + fn else 0
    fpr = fp / (fp + tn) if fp + tn else 0
    return tpr, fpr, (tp + tn) / len(distance)


def evaluate(distance, is_same, folds=10, thresholds=THRESHOLDS):
    """Accuracies and best thresholds by fold, mean TPR and FPR by threshold."""
    accuracies, best_thresholds, all_rates = [], [], []
    for train, test in KFold(folds).split(distance):
        on_train = [rates(t, distance[train], is_same[train])[2] for t in thresholds]
        best_thresholds.append(thresholds[np.argmax(on_train)])
        all_rates.append([rates(t, distance[test], is_same[test])[:2] for t in thresholds])
        accuracies.append(rates(best_thresholds[-1], distance[test], is_same[test])[2])
    tpr, fpr = np.mean(all_rates, axis=0).T
    return np.array(accuracies), np.array(best_thresholds), tpr, fpr
