"""What belongs to the whole process is as it was when we are done with it."""

import threading
import types

import cv2
import pytest
from test_batch_order import Pictures, batches

from framl_keras.data import batches as module
from framl_keras.data.batches import training_stream
from framl_keras.data.policies.draws import Draws, drawing_from
from framl_keras.errors import UserError


@pytest.fixture(autouse=True)
def threads_of_opencv(monkeypatch):
    """Three of them, whatever streams other tests have left open."""
    monkeypatch.setattr(module, "_setting", module._Setting())
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(before)


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_opencv_has_its_threads_back_after_the_last_stream(first_to_end):
    streams = [training_stream(batches()) for _ in range(2)]
    for stream in streams:
        next(stream)
    assert cv2.getNumThreads() == 1

    streams.pop(first_to_end).close()
    assert cv2.getNumThreads() == 1

    streams.pop().close()
    assert cv2.getNumThreads() == 3


def test_opencv_has_its_threads_back_after_an_error():
    with pytest.raises(UserError):
        list(training_stream(batches(Pictures(range(10)))))

    assert cv2.getNumThreads() == 3


def test_two_threads_leave_no_function_of_ours_in_tensorflow():
    """They begin and end in the order that would leave one: begin, begin, end, end."""
    random = types.SimpleNamespace(uniform=len, normal=len, gamma=len, get_global_generator=len)
    random.Generator = type("Generator", (), {"from_seed": len})
    generator = type("SeedGenerator", (), {"next": len})
    tf = types.SimpleNamespace(random=random, while_loop=len)
    keras = types.SimpleNamespace(random=types.SimpleNamespace(SeedGenerator=generator))
    before = [dict(vars(part)) for part in (tf, random, random.Generator, generator)]
    inside, ended = threading.Event(), threading.Event()

    def other():
        with drawing_from(Draws(tf), tf, keras):
            inside.set()
            ended.wait(10)

    thread = threading.Thread(target=other)
    with drawing_from(Draws(tf), tf, keras):
        thread.start()
        inside.wait(0.2)
    ended.set()
    thread.join()

    assert [dict(vars(part)) for part in (tf, random, random.Generator, generator)] == before
