"""Reads the plain data in a pickle without running anything of it.

This is not Python's unpickler with a filter: the few operations that lists,
tuples, bytes, numbers and NumPy arrays need are carried out here, on stand-ins,
and any other operation or name is refused. So neither a pickle's code, nor its
calls, nor NumPy's own restoring of state ever runs.
"""

import codecs
import io
import math
import pickletools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


class RefusedPickleError(ValueError):
    """The pickle holds something other than plain data; nothing of it was run."""


class DamagedPickleError(RefusedPickleError):
    """The pickle is damaged."""


class _Name:
    """A function or class that the pickle names; only calls in `_CALLS` are understood."""

    def __init__(self, name: str):
        self.name = name


class _DType:
    """A NumPy dtype being restored."""

    def __init__(self, code: str):
        self.code, self.order = code, "<"

    def restored(self) -> np.dtype:
        """The dtype, if it is one of plain numbers."""
        kind, size = self.code[:1], self.code[1:]
        if kind not in "biuf" or size not in ("1", "2", "4", "8") or self.code in ("f1", "b2"):
            raise RefusedPickleError(f"an array of dtype {self.code!r}")
        return np.dtype(f"{self.order if self.order in '<>' else ''}{self.code}")


class _Array:
    """A NumPy array being restored."""

    def __init__(self) -> None:
        self.value = np.empty(0, dtype=np.uint8)


class _Mark:
    """Where the items of a list or tuple under construction begin."""


_MARK = _Mark()
_EXPANSION, _FREE = 4, 1 << 20
_OPERATIONS = {operation.code: operation for operation in pickletools.opcodes}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "MARK": lambda: _MARK,
}  # fmt: skip
_PUSH = {
    "INT", "LONG", "FLOAT", "UNICODE", "STRING",
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_OLD_STRINGS = {"BINSTRING", "SHORT_BINSTRING"}  # `str` of Python 2: bytes
_STORE = {"PUT", "BINPUT", "LONG_BINPUT"}
_LOAD = {"GET", "BINGET", "LONG_BINGET"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def load_plain(data: bytes) -> Any:
    """The lists, tuples, bytes, numbers and arrays in a pickle of any protocol.

    Raises:
        RefusedPickleError: if it holds anything else.
        DamagedPickleError: if it is damaged.
    """
    machine = _Machine(_FREE + _EXPANSION * len(data))
    try:
        for name, argument in _operations(data):
            if name == "STOP":
                return machine.result()
            machine.step(name, argument)
    except RefusedPickleError:
        raise
    except (ValueError, LookupError, TypeError, OverflowError, MemoryError) as error:
        raise DamagedPickleError(str(error)[:80]) from None
    raise DamagedPickleError("it does not end")


def _operations(data: bytes) -> Iterator[tuple[str, Any]]:
    """Each operation's name and argument.

    As `pickletools.genops`, which takes the strings of protocol 0 for ASCII.
    """
    stream = io.BytesIO(data)
    while code := stream.read(1):
        operation = _OPERATIONS.get(code.decode("latin-1"))
        if operation is None:
            raise DamagedPickleError(f"no operation {code!r}")
        if operation.name == "STRING":
            yield "STRING", _quoted(stream.readline())
        else:
            yield operation.name, operation.arg.reader(stream) if operation.arg else None


def _quoted(line: bytes) -> bytes:
    """The bytes that Python 2's `repr` of a string stands for."""
    text = line.rstrip(b"\n")
    if len(text) < 2 or text[:1] not in (b"'", b'"') or text[-1:] != text[:1]:
        raise DamagedPickleError("a string without quotes")
    return codecs.escape_decode(text[1:-1])[0]


class _Machine:
    """The stack and memo that a pickle's operations work on."""

    def __init__(self, most_bytes: int) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._left = most_bytes  # of what calls give: each may copy all that the file holds

    def result(self) -> Any:
        """What the finished pickle holds."""
        (value,) = self._stack
        return _finished(value)

    def step(self, name: str, argument: Any) -> None:
        """Carries out one operation."""
        if name in _PUSH:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif name in _OLD_STRINGS:
            self._stack.append(argument.encode("latin-1"))
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self._stack[-1]
        elif name in _STORE:
            self._memo[argument] = self._stack[-1]
        elif name in _LOAD:
            self._stack.append(self._memo[argument])
        elif name in _TUPLES:
            self._stack.append(tuple(self._pop(_TUPLES[name])))
        elif name not in ("PROTO", "FRAME"):
            self._build(name, argument)

    def _build(self, name: str, argument: Any) -> None:
        """The operations that take what is on the stack."""
        if name in ("TUPLE", "LIST"):
            items = self._pop_to_mark()
            self._stack.append(tuple(items) if name == "TUPLE" else items)
        elif name in ("APPENDS", "APPEND"):
            items = self._pop_to_mark() if name == "APPENDS" else self._pop(1)
            self._top(list).extend(items)
        elif name == "GLOBAL":
            self._stack.append(_named(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            self._stack.append(_named(*self._pop(2)))
        elif name == "REDUCE":
            function, arguments = self._pop(2)
            result = _call(function, arguments)
            self._left -= len(result) if isinstance(result, bytes) else 0
            if self._left < 0:
                raise RefusedPickleError("it unpacks to many times its size")
            self._stack.append(result)
        elif name == "BUILD":
            _restore(self._stack[-2], self._pop(1)[0])
        else:
            raise RefusedPickleError(f"the operation {name}")

    def _pop(self, count: int) -> list[Any]:
        items = self._stack[-count:]
        if len(items) < count or any(item is _MARK for item in items):
            raise DamagedPickleError("nothing to take")
        del self._stack[-count:]
        return items

    def _pop_to_mark(self) -> list[Any]:
        at = len(self._stack) - 1
        while self._stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise DamagedPickleError("no mark")
        items = self._stack[at + 1 :]
        del self._stack[at:]
        return items

    def _top(self, kind: type) -> Any:
        if not isinstance(self._stack[-1], kind):
            raise DamagedPickleError("not a list")
        return self._stack[-1]


def _named(module: str, name: str) -> _Name:
    """A name that plain data use; modules moved between versions of Python and NumPy."""
    module = str(module).replace("__builtin__", "builtins").replace("numpy._core", "numpy.core")
    full = f"{module}.{name}"
    if full not in _CALLS and full != "numpy.ndarray":
        raise RefusedPickleError(f"the name {full[:80]!r}")
    return _Name(full)


def _call(function: Any, arguments: Any) -> Any:
    if not isinstance(function, _Name) or function.name not in _CALLS:
        raise RefusedPickleError("a call of something else than NumPy's restoring functions")
    return _CALLS[function.name](*arguments)


def _dtype(code: Any, *_: Any) -> _DType:
    text = code.decode("ascii") if isinstance(code, bytes) else str(code)
    return _DType(text)


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding != "latin1":
        raise RefusedPickleError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin-1")


def _scalar(dtype: _DType, data: bytes) -> Any:
    return _array_of(data, dtype, ()).item()


def _from_buffer(data: bytes, dtype: _DType, shape: tuple[int, ...], order: str) -> np.ndarray:
    return _array_of(data, dtype, shape, "F" if order == "F" else "C")


def _bytes(*arguments: Any) -> bytes:
    if not arguments:
        return b""
    if isinstance(arguments[0], bytes | bytearray):
        return bytes(arguments[0])
    return _encode(*arguments)


def _array_of(data: Any, dtype: Any, shape: Any, order: Any = "C") -> np.ndarray:
    if not isinstance(dtype, _DType) or not isinstance(data, bytes | bytearray):
        raise RefusedPickleError("an array that holds objects")
    restored = dtype.restored()
    if not all(type(side) is int and 0 <= side <= len(data) for side in shape):
        raise DamagedPickleError("an array whose shape does not fit its data")
    if len(shape) > 8 or math.prod(shape) * restored.itemsize != len(data):
        raise DamagedPickleError("an array whose shape does not fit its data")
    return np.frombuffer(data, dtype=restored).reshape(shape, order=order)


def _restore(target: Any, state: Any) -> None:
    """Gives a dtype or array its state."""
    if isinstance(target, _DType):
        order = state[1]
        target.order = order.decode("ascii") if isinstance(order, bytes) else str(order)
    elif isinstance(target, _Array):
        _, shape, dtype, is_fortran, data = state
        target.value = _array_of(data, dtype, shape, "F" if is_fortran else "C")
    else:
        raise RefusedPickleError("the state of an object")


def _finished(value: Any) -> Any:
    """The data, lists and tuples as lists, with arrays in place of their stand-ins."""
    return _unwrapped(value, depth=3, known={})


def _unwrapped(value: Any, depth: int, known: dict[int, Any]) -> Any:
    """A list that stands in many places is unwrapped once, so that nesting costs nothing."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, list | tuple) and depth:
        if id(value) not in known:
            known[id(value)] = [_unwrapped(item, depth - 1, known) for item in value]
        return known[id(value)]
    if isinstance(value, list | tuple | _Name | _DType | _Mark):
        raise RefusedPickleError("something else than lists of bytes, numbers and arrays")
    return value


_CALLS: dict[str, Callable[..., Any]] = {
    "numpy.core.multiarray._reconstruct": lambda *_: _Array(),
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy.dtype": _dtype,
    "_codecs.encode": _encode,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytes,
}
