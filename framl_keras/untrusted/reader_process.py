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
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, BinaryIO, Protocol

import numpy as np

from framl_keras.allocator import keep_memory
from framl_keras.errors import UserError
from framl_keras.untrusted.child import command, environment

LARGEST = 1 << 28  # bytes of one answer; no photograph is larger
_PROGRAM = "from framl_keras.untrusted.reader_process import _serve; _serve()"
_FRAME, _SHAPE = struct.Struct("<cQ"), struct.Struct("<III")
_COUNT, _ROW = struct.Struct("<I"), struct.Struct("<q")
_PIPE = 1 << 20  # bytes
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

    def ahead(self, rows: Sequence[int]) -> None:
        """Told before several rows are read, for libraries that read many at once faster."""

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

    def read(self, rows: Sequence[int]) -> list[Row | UserError | ValueError]:
        """Rows, by one message there and back; asking for each alone takes several times as long.

        Returns:
            Each row, or a UserError where the reader refuses it, a ValueError where it is damaged.
        """
        try:
            with self._lock:
                if self._process is None:
                    self._started()
                question = _COUNT.pack(len(rows)) + b"".join(map(_ROW.pack, rows))
                answers = self._asked(question, len(rows), _WAITS * _SECONDS_A_ROW * len(rows))
        except ValueError as error:  # one of them ended the process
            if len(rows) == 1:
                return [error]
            return [answer for row in rows for answer in self.read([row])]
        return [_understood(kind, content) for kind, content in answers]

    def _started(self) -> Any:
        process = subprocess.Popen(
            command(_PROGRAM),
            bufsize=_PIPE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        self._process = process
        _widen(process.stdout)
        weakref.finalize(self, process.kill)
        watch = threading.Thread(target=_watch, args=(weakref.ref(self), process), daemon=True)
        watch.start()
        (answer,) = self._asked(self._question, 1, self._opening)
        facts = _understood(*answer)
        if isinstance(facts, Exception):
            raise facts
        return facts

    def _asked(self, question: bytes, count: int, wait: float) -> list[tuple[bytes, bytes]]:
        """So many answers to a question, within so many seconds.

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
            return _frames(process.stdout, count)
        except BaseException as error:
            self._process = None
            process.kill()
            process.wait()
            if not isinstance(error, OSError | ValueError):
                raise  # Ctrl-C
            raise ValueError("the library that reads it crashes, or takes too long") from None
        finally:
            self._deadline = math.inf

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in ("_question", "_opening", "facts")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock, self._process, self._deadline = threading.Lock(), None, math.inf


def _widen(pipe: Any) -> None:
    """Lets a pipe hold some images, so that who writes them need not wait for who reads."""
    with contextlib.suppress(ImportError, AttributeError, OSError):  # Linux has it
        import fcntl  # noqa: PLC0415 - Unix has it

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _watch(asks: "weakref.ref[ReaderProcess]", process: "subprocess.Popen[bytes]") -> None:
    """Ends a process that does not answer."""
    while process.poll() is None:
        time.sleep(1)
        owner = asks()
        if owner is None or time.monotonic() > owner._deadline:
            process.kill()


def _frames(stream: Any, count: int) -> list[tuple[bytes, bytes]]:
    """The kinds and the contents of so many answers; ValueError where they end before."""
    heads = list(_FRAME.iter_unpack(_exactly(stream, count * _FRAME.size)))
    if max((length for _, length in heads), default=0) > LARGEST:
        raise ValueError("an answer that is too long")
    ends = list(accumulate((length for _, length in heads), initial=0))
    content = _exactly(stream, ends[-1])
    return [(heads[at][0], content[ends[at] : ends[at + 1]]) for at in range(count)]


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
        return UserError(text)
    if kind == _DAMAGE:
        return ValueError(text)
    return json.loads(text) if kind == _FACTS else text


def _serve() -> None:
    """What the process does: opens the file, then answers until nobody asks."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", _PIPE)
    os.dup2(2, 1)  # what libraries print is no answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks decides what Ctrl-C means
    keep_memory()  # images come and go by the megabyte
    opener, arguments, seconds, memory = json.loads(questions.readline())
    module, _, name = opener.partition(":")
    opened: list[Reader] = []

    def facts() -> tuple[bytes, bytes]:
        function = getattr(importlib.import_module(module), name)
        _limit_memory(memory)
        _limit_time(seconds)
        opened.append(function(*arguments))
        return _FACTS, json.dumps(opened[0].facts).encode("utf-8", "surrogatepass")

    _write(answers, [_answer(facts)])
    while opened and len(question := questions.read(_COUNT.size)) == _COUNT.size:
        (count,) = _COUNT.unpack(question)
        rows = [row for (row,) in _ROW.iter_unpack(questions.read(count * _ROW.size))]
        _limit_time(_SECONDS_A_ROW * count)
        with contextlib.suppress(Exception):  # what is wrong is told of the row
            opened[0].ahead(rows)
        _write(answers, [_answer(lambda row=row: _packed(opened[0].read(row))) for row in rows])
    os._exit(0)  # a library that was led astray need not tidy up


def _write(answers: BinaryIO, frames: Sequence[tuple[bytes, bytes]]) -> None:
    answers.writelines(_FRAME.pack(kind, len(content)) for kind, content in frames)
    answers.writelines(content for _, content in frames)
    answers.flush()


def _answer(asked: Any) -> tuple[bytes, bytes]:
    try:
        kind, content = asked()
        if len(content) > LARGEST:
            raise ValueError(f"{len(content)} bytes, which is too much")
    except UserError as error:
        kind, content = _REFUSAL, str(error).encode("utf-8", "replace")
    except Exception as error:  # whatever a library raises for damage
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        kind, content = _DAMAGE, reason.encode("utf-8", "replace")
    return kind, content


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
