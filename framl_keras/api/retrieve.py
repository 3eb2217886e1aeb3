"""How often are the nearest images of the same class?"""

from collections.abc import Sequence
from typing import Any

from framl_keras.api.evaluate import embedder_of
from framl_keras.evaluation.retrieval import KS, Retrieval, retrieval


def retrieve(
    embedder: Any = None,
    data: Any = None,
    ks: Sequence[int] = KS,
    similarity: str = "cos",
    engine: str | None = None,
    progress: bool = False,
) -> Retrieval:
    """Looks for each image among all others: Recall@k, R-precision and MAP@R.

    Args:
        embedder: an `Embedder`, what `Embedder.load` takes, a Keras model, or ready vectors
            `(n, dim)`.
        data: a folder `<class>/<image>` or other training data, see `data.open`; with vectors,
            each one's class. None for the run's first verification set.
        ks: of Recall@k.
        similarity: which one compares.
        engine: what computes vectors: `auto`, `keras`, `onnx` or `openvino`.
        progress: shows a bar.

    Raises:
        UserError: if an image cannot be read, no class has two, or a name is unknown.

    Example:
    >>> vectors = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]]
    >>> retrieve(vectors, ["ada", "ada", "bob", "bob"], [1])
    similarity  recall@1 %  R-precision %  MAP@R %
    cos                100            100      100
    """
    if isinstance(embedder, list | tuple) or hasattr(embedder, "__array__"):
        return retrieval(embedder, data, ks, similarity)
    return embedder_of(embedder, engine).retrieve(data, ks, similarity, progress)
