"""Runs mutations in processes that may die."""

import contextlib
import faulthandler
import json
import os
import random
import select
import signal
import time
import traceback
from collections import Counter
from types import SimpleNamespace
from typing import NamedTuple

from framl_keras.errors import UserError
from framl_keras.untrusted import reader_process
from framl_keras.untrusted.child import _limit

LONGEST = 20  # seconds until a process counts as hanging
_AT_A_TIME = 250
_in_forks = [0.0]  # what the forks of this mutation took, in MiB


class Outcome(NamedTuple):
    """What became of one mutation."""

    number: int
    kind: str
    seconds: float
    mib: float
    text: str


def run(form, root, count, first=0, in_process=False):
    """Mutates a format's file `count` times and reads each; the outcomes.

    Args:
        form: the format.
        root: an empty folder.
        count: how many mutations.
        first: the number of the first; a number is always the same mutation.
        in_process: whether this process reads them, and dies where one kills it.
    """
    location, target, read = form.make(root)
    whole = target.read_bytes()
    read(str(location), random.Random(0))  # unharmed, it is read
    if in_process:
        numbers = range(first, first + count)
        return [_one(form, whole, location, target, read, number) for number in numbers]
    outcomes, number = [], first
    while number < first + count:
        stop = min(first + count, number + _AT_A_TIME)
        batch = _in_process(lambda n: _one(form, whole, location, target, read, n), number, stop)
        outcomes += batch
        number += len(batch)
    target.write_bytes(whole)
    return outcomes


def _one(form, whole, location, target, read, number):
    rng = random.Random(f"{form.name} {number}")
    target.write_bytes(form.change(whole, rng))
    _in_forks[1:] = []
    base, start = _reset_peak(), time.monotonic()
    kind, text = _read(read, str(location), rng)
    seconds = time.monotonic() - start
    return Outcome(number, kind, seconds, max(_peak() - base, *_in_forks), text)


def _read(read, location, rng):
    try:
        read(location, rng)
    except UserError as error:
        return ("ours" if "\n" not in str(error) else "foreign"), str(error)
    except Exception:
        return "foreign", traceback.format_exc()
    return "fine", ""


def _in_process(work, first, stop):
    """Outcomes from a forked process, up to its end or death."""
    receive, send = os.pipe()
    process = os.fork()
    if not process:
        os.close(receive)
        _work(work, first, stop, send)
    os.close(send)
    lines, died = _listen(receive, process)
    outcomes = [Outcome(*json.loads(line)) for line in lines]
    if len(outcomes) < stop - first:
        outcomes.append(Outcome(first + len(outcomes), "death", 0.0, 0.0, died))
    return outcomes


def _work(work, first, stop, send):
    with contextlib.suppress(BaseException):
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        for number in range(first, stop):
            os.write(send, json.dumps(work(number)).encode() + b"\n")
    os._exit(0)


def _listen(receive, process):
    content, died = b"", ""
    while True:
        ready, _, _ = select.select([receive], [], [], LONGEST)
        if not ready:
            os.kill(process, signal.SIGKILL)
            died = f"more than {LONGEST} s"
        part = os.read(receive, 1 << 16)
        if not part:
            break
        content += part
    os.close(receive)
    status = os.waitpid(process, 0)[1]
    return content.splitlines(), died or f"status {status}"


def _reset_peak():
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return _status("VmRSS")


def _peak():
    return _status("VmHWM")


def _status(name, process="self"):
    with open(f"/proc/{process}/status") as file:
        line = next((line for line in file if line.startswith(name)), "none 0")  # none: it ended
    return int(line.split()[1]) / 1024


def called_in_fork(function, *arguments, seconds, memory, **_):
    """`call_in_child` for many calls: a fork in place of a new interpreter, with its limits."""
    import importlib

    module, _, name = function.partition(":")
    called = getattr(importlib.import_module(module), name)
    if "tensorflow" in module:  # whose threads a fork lacks; here a crash may be seen
        return called(*arguments)
    receive, send = os.pipe()
    process = os.fork()
    if not process:
        os.close(receive)
        base = _reset_peak()
        # What this process has already is more than a new one would have.
        _limit(memory + int(_status("VmSize") * 2**20), seconds)
        try:
            answer = [called(*arguments), None]
        except Exception as error:
            answer = [None, str(error)[:200] or type(error).__name__]
        answer.append(_peak() - base)
        os.write(send, json.dumps(answer).encode())
        os._exit(0)
    os.close(send)
    content = b""
    while part := os.read(receive, 1 << 16):
        content += part
    os.close(receive)
    os.waitpid(process, 0)
    if not content:
        raise ValueError("the library that reads it crashes")
    result, refusal, mib = json.loads(content)
    _in_forks.append(mib)
    if refusal:
        raise ValueError(refusal)
    return result


class ReaderInFork:
    """`Popen` of a reader's process for many files: a fork, with its limits."""

    def __init__(self, *_, **__):
        asks, questions = os.pipe()
        answers, tells = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            faulthandler.disable()  # pytest's would tell of crashes that are meant to be there
            os.dup2(asks, 0)
            os.dup2(tells, 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            for end in (asks, questions, answers, tells):
                os.close(end)
            here = int(_status("VmSize") * 2**20)  # which a new process would not have
            limited = reader_process._limit_memory
            reader_process._limit_memory = lambda memory: limited(memory + here)
            reader_process._serve()
        os.close(asks)
        os.close(tells)
        self.stdin, self.stdout = os.fdopen(questions, "wb"), os.fdopen(answers, "rb")
        self.ended, self.base = False, _status("VmRSS")

    def poll(self):
        """Whether it has ended."""
        if not self.ended:
            self.ended = os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        return 0 if self.ended else None

    def kill(self):
        """Ends it."""
        if self.poll() is None:
            _in_forks.append(_status("VmHWM", self.pid) - self.base)
            os.kill(self.pid, signal.SIGKILL)

    def wait(self):
        """Waits for its end."""
        if not self.ended:
            os.waitpid(self.pid, 0)
        self.ended = True


FORKS = SimpleNamespace(Popen=ReaderInFork, PIPE=None, DEVNULL=None)


def row(form, outcomes):
    """A format's line in the table."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    return (
        f"{form.name:26} {len(outcomes):6} {kinds['ours']:6} {kinds['fine']:6} "
        f"{kinds['foreign']:7} {kinds['death']:6} {max(o.seconds for o in outcomes):7.2f} "
        f"{max(o.mib for o in outcomes):6.0f}"
    )


HEADER = f"{'format':26} {'number':>6} {'ours':>6} {'fine':>6} foreign deaths slowest    MiB"
