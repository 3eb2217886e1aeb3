"""Made-up embeddings of people, for the tests of this folder."""

import numpy as np


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def pairs_of_faces(pairs, dim=512, noise=1.0, seed=0):
    """Unit vectors in consecutive pairs, each of one person or of two, and which."""
    rng = np.random.default_rng(seed)
    is_same = rng.random(pairs) < 0.5
    vectors = rng.normal(size=(2 * pairs, dim))
    vectors[1::2][is_same] = vectors[0::2][is_same] + noise * rng.normal(size=(is_same.sum(), dim))
    return unit(vectors), is_same


def people(count, images, dim=32, noise=1.0, seed=0):
    """Unit vectors of `count` people with `images` each, and their identities."""
    rng = np.random.default_rng(seed)
    identities = np.repeat(np.arange(count), images)
    centers = rng.normal(size=(count, dim))
    return unit(centers[identities] + noise * rng.normal(size=(len(identities), dim))), identities
