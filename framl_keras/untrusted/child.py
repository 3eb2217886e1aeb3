"""A process to which nothing is lost if a C library crashes on what it reads."""

import contextlib
import importlib
import json
import math
import os
import subprocess
import sys
import time
from typing import Any

_PROGRAM = "from framl_keras.untrusted.child import _answer; _answer()"
_WAITS = 20  # times the processor time: other processes may take most of it
_OUT_OF_TIME = (-9, -24)  # SIGKILL, SIGXCPU
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def call_in_child(
    function: str, *arguments: Any, seconds: float, memory: int, shows_progress: bool = False
) -> Any:
    """Calls a function in a process of its own.

    Args:
        function: its name, `framl_keras.untrusted.hdf5:measure`.
        *arguments: what JSON holds.
        seconds: processor time that it may take; a busy machine may take many times as long.
        memory: bytes of address space it may take.
        shows_progress: whether what it writes to the terminal is shown.

    Returns:
        What the function returns, as JSON holds it.

    Raises:
        ValueError: what the function raises, or if it crashes, or takes too much.
    """
    question = json.dumps([function, arguments, memory, seconds])
    try:
        done = subprocess.run(
            command(_PROGRAM),
            input=question.encode(),
            stdout=subprocess.PIPE,
            stderr=None if shows_progress else subprocess.DEVNULL,
            timeout=_WAITS * seconds,
            env=environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"reading it takes more than {seconds:.0f} s") from None
    try:
        result, refusal = json.loads(done.stdout)
    except ValueError:
        if done.returncode in _OUT_OF_TIME:
            raise ValueError(f"reading it takes more than {seconds:.0f} s") from None
        raise ValueError("the library that reads it crashes") from None
    if refusal:
        raise ValueError(refusal)
    return result


def command(program: str) -> list[str]:
    """The command that runs a line of Python in a process of its own."""
    return [sys.executable, "-P", "-c", program]


def environment() -> dict[str, str]:
    """The variables of such a process: the same imports, and one thread."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": paths}


def _answer() -> None:
    """What the process does: one question from stdin, one answer to stdout."""
    function, arguments, memory, seconds = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    module, _, name = function.partition(":")
    try:
        called = getattr(importlib.import_module(module), name)
        _limit(memory, seconds)
        answer = [called(*arguments), None]
    except Exception as error:  # whatever a library raises for damage, the file is refused
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        answer = [None, reason]
    json.dump(answer, answers)
    answers.flush()
    os._exit(0)  # a library that was led astray need not tidy up


def _limit(memory: int, seconds: float) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system has limits
        import resource  # noqa: PLC0415 - Unix has it

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        used = time.process_time()  # by imports, which are not the file's fault
        most = math.ceil(used + seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))
