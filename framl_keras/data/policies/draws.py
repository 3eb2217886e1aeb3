"""Where a policy's random numbers come from: one seed a sample, and nothing else.

Keras' layers keep seeds in variables, KerasCV's have generators and also call
`tf.random`. While a layer is made and traced, all of these are replaced by draws
that are functions of the sample's seed, an input of the graph. The traced graph then
has no state at all, so any number of threads may run it.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Tensor = Any

_one_at_a_time = threading.RLock()


def sample_seeds(seed: int, first: int, count: int) -> np.ndarray:
    """Seeds of samples `first`, `first + 1`, …, int32 `(count, 2)`, each number of 30 bits.

    Row `i` is a function of (seed, `first + i`) alone. The key differs from that of
    `augment.uniforms`, so a policy draws nothing that the pipeline has drawn.
    """
    raw = np.random.Philox(key=[seed, 1], counter=[first, 0, 0, 0]).random_raw(4 * count)
    halves = raw[::4].astype("<u8").view("<u4").reshape(count, 2)
    return (halves >> 2).astype(np.int32)  # Keras takes others modulo 2^31 - 2


class Draws:
    """Random numbers of one sample, in the order in which the traced code asks for them.

    Draw `n` has the seed `[a, b + n]`, as a Keras `SeedGenerator` at `[a, b]` has it.

    Args:
        tf: TensorFlow.
    """

    def __init__(self, tf: Any):
        self._tf = tf
        self._while_loop = tf.while_loop
        self._seed, self._count = None, 0

    def start(self, seed: Tensor) -> None:
        """Begins a sample; `seed` is int32 `(2,)`."""
        self._seed, self._count = seed, 0

    def next(self, *_: Any, **__: Any) -> Tensor:
        """The next seed, int32 `(2,)`."""
        seed = self._seed + self._tf.constant([0, self._count], "int32")
        self._count += 1
        return seed

    def uniform(self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32",
                seed: Any = None, name: Any = None) -> Tensor:  # fmt: skip
        """In place of `tf.random.uniform`."""
        return self._tf.random.stateless_uniform(shape, self.next(), minval, maxval, dtype)

    def normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32",
               seed: Any = None, name: Any = None) -> Tensor:  # fmt: skip
        """In place of `tf.random.normal`."""
        return self._tf.random.stateless_normal(shape, self.next(), mean, stddev, dtype)

    def gamma(self, shape: Any, alpha: Any, beta: Any = None, dtype: Any = "float32",
              seed: Any = None, name: Any = None) -> Tensor:  # fmt: skip
        """In place of `tf.random.gamma`, whose shape leaves out that of `alpha`."""
        tf = self._tf
        whole = tf.concat([tf.convert_to_tensor(shape, "int32"), tf.shape(alpha)], 0)
        return tf.random.stateless_gamma(whole, self.next(), alpha, beta, dtype)

    def while_loop(
        self, cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, **options: Any
    ) -> Any:
        """`tf.while_loop` that draws new numbers in each turn."""
        outer = self._seed

        def counted(turn: Tensor, *variables: Tensor) -> list[Tensor]:
            self._seed = self._tf.random.experimental.stateless_fold_in(outer, turn)
            after = body(*variables)
            self._seed = outer
            return [turn + 1, *after]

        start = [self._tf.constant(0), *loop_vars]
        return self._while_loop(lambda _, *rest: cond(*rest), counted, start, **options)[1:]


@contextlib.contextmanager
def drawing_from(draws: Draws, tf: Any, keras: Any) -> Iterator[None]:
    """Lets layers that this thread makes and traces take their random numbers from `draws`.

    One thread at a time: two that end in another order than they began would leave one's
    functions behind in TensorFlow.
    """
    replaced: list[tuple[Any, str, Callable[..., Any]]] = [
        (tf.random, "uniform", draws.uniform),
        (tf.random, "normal", draws.normal),
        (tf.random, "gamma", draws.gamma),
        (tf, "while_loop", draws.while_loop),
        (tf.random, "get_global_generator", lambda: draws),
        (tf.random.Generator, "from_seed", lambda *_, **__: draws),
        (keras.random.SeedGenerator, "next", draws.next),
    ]
    with _one_at_a_time, contextlib.ExitStack() as stack:
        for owner, name, new in replaced:
            stack.enter_context(_replaced(owner, name, new))
        yield


@contextlib.contextmanager
def _replaced(owner: Any, name: str, new: Callable[..., Any]) -> Iterator[None]:
    """Replaces a function for this thread; other threads still call the old one."""
    declared, before, here = vars(owner)[name], getattr(owner, name), threading.get_ident()

    @functools.wraps(before)
    def chosen(*inputs: Any, **options: Any) -> Any:
        return (new if threading.get_ident() == here else before)(*inputs, **options)

    setattr(owner, name, chosen)
    try:
        yield
    finally:
        setattr(owner, name, declared)
