"""A reader in a process of its own: what a C library makes of a hostile file harms only that."""

import contextlib
import importlib
import json
import math
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import weakref
from typing import Any, BinaryIO, Protocol

import numpy as np

from framl_keras.errors import UserError
from framl_keras.untrusted.child import command, environment

LARGEST = 1 << 28  # bytes of one answer; no photograph is larger
_PROGRAM = "from framl_keras.untrusted.reader_process import _serve; _serve()"
_FRAME, _ROW, _SHAPE = struct.Struct("<cQ"), struct.Struct("<q"), struct.Struct("<III")
_FACTS, _BYTES, _TEXT, _ARRAY, _DAMAGE, _REFUSAL = b"F", b"B", b"T", b"A", b"D", b"R"
_SECONDS_A_ROW = 5.0  # of processor time
_WAITS = 30  # times the processor time: other processes may take most of it

Row = bytes | str | np.ndarray


class Reader(Protocol):
    """What runs in the process.

    Attributes:
        facts: what JSON holds, told once.
    """

    facts: Any

    def read(self, row: int) -> Row:
        """Encoded bytes, a path, or uint8 pixels `(height, width, channels)`."""
        ...


class ReaderProcess:
    """Asks a reader in another process for its rows; it is started again if it crashes.

    Args:
        opener: the name of a function that gives a `Reader`, such as
            `framl_keras.data.sources.hdf5:open_hdf5`.
        *arguments: of the function; what JSON holds.
        seconds: processor time that opening may take.
        memory: bytes of address space that it may take.

    Attributes:
        facts: the reader's.

    Raises:
        UserError: if the reader refuses the file.
        ValueError: if the file is damaged: it raises anything else, crashes, or takes too much.
    """

    def __init__(self, opener: str, *arguments: Any, seconds: float, memory: int):
        self._question = json.dumps([opener, arguments, seconds, memory]).encode() + b"\n"
        self._opening = _WAITS * seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = math.inf
        self.facts = self._started()

    def read(self, row: int) -> Row:
        """A row.

        Raises:
            UserError: if the reader refuses it.
            ValueError: if it is damaged.
        """
        with self._lock:
            if self._process is None:
                self._started()
            return self._asked(_ROW.pack(row), _WAITS * _SECONDS_A_ROW)

    def _started(self) -> Any:
        process = subprocess.Popen(
            command(_PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        self._process = process
        weakref.finalize(self, process.kill)
        watch = threading.Thread(target=_watch, args=(weakref.ref(self), process), daemon=True)
        watch.start()
        return self._asked(self._question, self._opening)

    def _asked(self, question: bytes, wait: float) -> Any:
        """The answer to a question, within so many seconds.

        Whatever ends this before ends the process too: the answer must not be taken for the
        next question's.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        self._deadline = time.monotonic() + wait
        try:
            process.stdin.write(question)
            process.stdin.flush()
            kind, content = _frame(process.stdout)
        except BaseException as error:
            self._process = None
            process.kill()
            process.wait()
            if not isinstance(error, OSError | ValueError):
                raise  # Ctrl-C
            raise ValueError("the library that reads it crashes, or takes too long") from None
        finally:
            self._deadline = math.inf
        return _understood(kind, content)

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in ("_question", "_opening", "facts")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock, self._process, self._deadline = threading.Lock(), None, math.inf


def _watch(asks: "weakref.ref[ReaderProcess]", process: "subprocess.Popen[bytes]") -> None:
    """Ends a process that does not answer."""
    while process.poll() is None:
        time.sleep(1)
        owner = asks()
        if owner is None or time.monotonic() > owner._deadline:
            process.kill()


def _frame(stream: Any) -> tuple[bytes, bytes]:
    """The kind and the content of an answer; ValueError where it ends before."""
    kind, length = _FRAME.unpack(_exactly(stream, _FRAME.size))
    if length > LARGEST:
        raise ValueError("an answer that is too long")
    return kind, _exactly(stream, length)


def _exactly(stream: Any, count: int) -> bytes:
    content: bytes = stream.read(count)
    if len(content) != count:
        raise ValueError("no answer")
    return content


def _understood(kind: bytes, content: bytes) -> Any:
    if kind == _BYTES:
        return content
    if kind == _ARRAY:
        shape = _SHAPE.unpack_from(content)
        return np.frombuffer(content, np.uint8, offset=_SHAPE.size).reshape(shape)
    text = content.decode("utf-8", "surrogatepass")
    if kind == _REFUSAL:
        raise UserError(text)
    if kind == _DAMAGE:
        raise ValueError(text)
    return json.loads(text) if kind == _FACTS else text


def _serve() -> None:
    """What the process does: opens the file, then answers until nobody asks."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks decides what Ctrl-C means
    opener, arguments, seconds, memory = json.loads(questions.readline())
    module, _, name = opener.partition(":")
    opened: list[Reader] = []

    def facts() -> tuple[bytes, bytes]:
        function = getattr(importlib.import_module(module), name)
        _limit_memory(memory)
        _limit_time(seconds)
        opened.append(function(*arguments))
        return _FACTS, json.dumps(opened[0].facts).encode("utf-8", "surrogatepass")

    _answer(answers, facts)
    while opened and len(question := questions.read(_ROW.size)) == _ROW.size:
        (row,) = _ROW.unpack(question)
        _limit_time(_SECONDS_A_ROW)
        _answer(answers, lambda row=row: _packed(opened[0].read(row)))
    os._exit(0)  # a library that was led astray need not tidy up


def _answer(answers: BinaryIO, asked: Any) -> None:
    try:
        kind, content = asked()
        if len(content) > LARGEST:
            raise ValueError(f"{len(content)} bytes, which is too much")
    except UserError as error:
        kind, content = _REFUSAL, str(error).encode("utf-8", "replace")
    except Exception as error:  # whatever a library raises for damage
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        kind, content = _DAMAGE, reason.encode("utf-8", "replace")
    answers.write(_FRAME.pack(kind, len(content)))
    answers.write(content)
    answers.flush()


def _packed(row: Row) -> tuple[bytes, bytes]:
    if isinstance(row, str):
        return _TEXT, row.encode("utf-8", "surrogatepass")
    if isinstance(row, np.ndarray):
        if row.dtype != np.uint8 or row.ndim != 3:
            raise ValueError(f"expected uint8 pixels (height, width, channels), not {row.dtype}")
        return _ARRAY, _SHAPE.pack(*row.shape) + row.tobytes()
    return _BYTES, row


def _limit_memory(memory: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system has limits
        import resource  # noqa: PLC0415 - Unix has it

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: float) -> None:
    """Ends this process after so much processor time from now on."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - Unix has it

        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), hard))
