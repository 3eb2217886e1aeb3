"""Random numbers from a counter: the same bits on every backend, in any process."""

import math
from typing import Any

from keras import ops

Tensor = Any


def counted_uniform(
    shape: tuple[int | Tensor, ...], seed: int, count: Tensor, share: int | Tensor = 0
) -> Tensor:
    """Uniform numbers in [0, 1) that are a pure function of (seed, count, position).

    Each is a 32-bit integer hash of its position under a key made from `seed`
    and `count`. Integer arithmetic wraps alike everywhere, floats need not.

    Args:
        shape: shape of the result; its sizes may be tensors.
        seed: any integer.
        count: integer scalar, for example the number of the training step.
        share: how many numbers of that shape come before these: positions go on from there.

    Returns:
        float32, `shape`.

    Reference:
        Wellons, "Prospecting for Hash Functions", 2018 (`lowbias32`)
    """
    key = _mix(ops.bitwise_xor(_mix(ops.cast(count, "int32")), _int32(seed)))
    size = (
        math.prod(shape) if all(isinstance(n, int) for n in shape) else ops.prod(ops.stack(shape))
    )
    position = ops.arange(size, dtype="int32")
    if not isinstance(share, int) or share:
        position = position + ops.cast(share, "int32") * ops.cast(size, "int32")
    bits = _mix(ops.bitwise_xor(ops.multiply(position, _int32(0x9E3779B9)), key))
    uniform = ops.cast(_shift_right(bits, 8), "float32") * 2.0**-24
    return ops.reshape(uniform, shape)


def _mix(bits: Tensor) -> Tensor:
    """A bijection of 32-bit integers in which every bit of the input moves half of the output."""
    bits = ops.bitwise_xor(bits, _shift_right(bits, 16))
    bits = ops.multiply(bits, _int32(0x7FEB352D))
    bits = ops.bitwise_xor(bits, _shift_right(bits, 15))
    bits = ops.multiply(bits, _int32(0x846CA68B))
    return ops.bitwise_xor(bits, _shift_right(bits, 16))


def _shift_right(bits: Tensor, places: int) -> Tensor:
    """A shift that brings zeros in, which signed integers do not do by themselves."""
    kept = _int32((1 << (32 - places)) - 1)
    return ops.bitwise_and(ops.right_shift(bits, _int32(places)), kept)


def _int32(value: int) -> Tensor:
    """The low 32 bits of an integer as a signed one; unsigned ones lack operations in Torch."""
    wrapped = (value + 2**31) % 2**32 - 2**31
    return ops.convert_to_tensor(wrapped, dtype="int32")
