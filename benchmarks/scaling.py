"""What a training step of JAX sends between devices, and what it takes on each, by classes.

    KERAS_BACKEND=jax XLA_FLAGS=--xla_force_host_platform_device_count=8 \
        python benchmarks/scaling.py

The step is compiled, not run: messages and memory are counted in the compiled program, so a
million classes need no GPU. The embedder is a dense layer, so that what is seen is the head's.
`--measure` also runs the steps and prints images/s and losses by number of devices; on one
machine's processors, which virtual devices share, that says something of losses only.
"""

import argparse
import math
import re
import time

import jax
import keras
import numpy as np

from framl_keras.models import compile_for_training, training_model
from framl_keras.training.distribution import ONE_DEVICE, devices_for
from framl_keras.training.steps.jax import _step_of

HEADS = {
    "ArcFace": {},
    "CurricularFace": {"margin": {"name": "CurricularFace"}},
    "3 sub-centers": {"sub_centers": 3},
    "ArcFace in 8": {"class_blocks": 8},
    "CurricularFace in 8": {"margin": {"name": "CurricularFace"}, "class_blocks": 8},
    "sampled, 0.1": {"sample_rate": 0.1, "row_optimizer": {"learning_rate": 0.1}},
}
_MESSAGE = re.compile(
    r"= (.*?) (?:all-reduce|all-gather|reduce-scatter|collective-permute|all-to-all)(?:-start)?\("
)
_ARRAY = re.compile(r"[a-z]+(\d+)\[([\d,]*)\]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--heads", nargs="+", default=list(HEADS), choices=HEADS)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--measure", type=int, default=0, help="Steps to run.")
    options = parser.parse_args()
    counts = [n for n in (1, 2, 4, 8) if n <= jax.device_count()]
    print(f"batch {options.batch}, dim {options.dim}, SGD with momentum, float32, JAX on CPU")
    print(f"embeddings of a batch: {options.batch * options.dim * 4 / 1e6:.2f} MB\n")
    print(f"{'head':20} {'classes':>9} {'devices':>7} {'largest':>9} {'all':>9} {'a device':>9}")
    for head in options.heads:
        for classes in options.classes:
            for count in counts:
                print(line(head, classes, count, options), flush=True)


def line(head: str, classes: int, count: int, options: argparse.Namespace) -> str:
    """Messages and memory of one step, in MB; its speed and loss if they are asked for."""
    devices = ONE_DEVICE if count == 1 else devices_for(count, options.batch)
    with devices.scope():
        model, given = step_inputs(HEADS[head], classes, devices, options)
        step = _step_of(model, model.optimizer, True).lower(*given).compile()
        sent, memory = messages(step.as_text()), step.memory_analysis()
        taken = memory.argument_size_in_bytes + memory.temp_size_in_bytes
        numbers = [max(sent, default=0), sum(sent), taken]
        text = f"{head:20} {classes:9,} {count:7}"
        text += "".join(f" {number / 1e6:9.2f}" for number in numbers)
        if options.measure:
            text += measured(step, given, options)
    _step_of.cache_clear()
    keras.backend.clear_session()
    return text


def step_inputs(head: dict, classes: int, devices, options: argparse.Namespace):
    """A compiled training model and a step's arguments."""
    pixels = keras.Input((8, 8, 3))
    embedding = keras.layers.Dense(options.dim)(keras.layers.Flatten()(pixels))
    model = training_model(keras.Model(pixels, embedding), classes, **head)
    compile_for_training(model, keras.optimizers.SGD(0.1, momentum=0.9))
    rng = np.random.default_rng(0)
    images = rng.normal(size=(options.batch, 8, 8, 3)).astype("float32")
    labels = rng.integers(0, classes, options.batch).astype("int32")
    parts = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
    values = [[variable.value for variable in part] for part in parts]
    return model, (*values, *devices.place((images, labels)), keras.ops.ones(()))


def messages(program: str) -> list[int]:
    """The bytes of every message in a compiled program's text."""
    shapes = [_ARRAY.findall(found) for found in _MESSAGE.findall(program)]
    return [
        sum(int(bits) // 8 * math.prod(int(n) for n in dims.split(",") if n) for bits, dims in some)
        for some in shapes
    ]


def measured(step, given, options: argparse.Namespace) -> str:
    """Images/s over some steps, and the first loss."""
    found = step(*given)
    loss = float(found.prediction_loss)
    begin = time.perf_counter()
    for _ in range(options.measure):
        jax.block_until_ready(step(*given))
    rate = options.batch * options.measure / (time.perf_counter() - begin)
    return f"  {rate:9.1f} images/s, loss {loss:.6f}"


if __name__ == "__main__":
    main()
