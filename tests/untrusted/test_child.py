"""What crashes, hangs, takes too much or fails in a child process is a ValueError here."""

import pytest

from framl_keras.untrusted.child import call_in_child

MODULE = "child_functions"


@pytest.fixture(autouse=True)
def functions(tmp_path, monkeypatch):
    (tmp_path / f"{MODULE}.py").write_text(
        "import ctypes\n"
        "def double(x): print('noise'); return 2 * x\n"
        "def crash(): ctypes.string_at(0)\n"
        "def hang():\n    while True: pass\n"
        "def fail(): raise KeyError('which')\n"
        "def fill(): return len(bytearray(1 << 31))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def called(name, *arguments, seconds=60):
    return call_in_child(f"{MODULE}:{name}", *arguments, seconds=seconds, memory=1 << 30)


def test_the_answer_is_what_the_function_returns():
    assert called("double", 21) == 42


@pytest.mark.parametrize(
    ("name", "message"),
    [("crash", "crashes"), ("hang", "more than 2 s"), ("fail", "which"), ("fill", "Memory")],
)
def test_every_other_end_is_an_error(name, message):
    with pytest.raises(ValueError, match=message):
        called(name, seconds=2 if name == "hang" else 60)
