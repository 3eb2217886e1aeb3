"""How large are the backbones, how much do they compute, and how fast are they on a processor?

    python benchmarks/backbones.py [--quick]

Prints the table of docs/backbones.md for faces of 112 x 112 and embeddings of 512.
The rival is torch itself: the same layers as `torch.nn` modules, without Keras.
Each backend runs in a process of its own on a single core, and its processor time is
counted, so that other work on the machine disturbs little.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")
TIMED = (
    "FaceResNet10",
    "MobileFaceNet",
    "IResNet10",
    "MobileNetV2",
    "IResNet18",
    "ResNet50",
    "IResNet50",
)
COUNTED = (*TIMED, "IResNet34", "IResNet100", "IResNet200", "MobileFaceNetLarge", "ResNet101")
RIVALS = {"IResNet18": "IResNet", "IResNet50": "IResNet", "MobileFaceNet": "MobileFaceNet"}
BATCH = 8
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def images_per_second(embed, pixels, passes):
    """Images in a second of processor time: the fastest of several passes after a first."""
    embed(pixels)
    fastest = math.inf
    for _ in range(passes):
        start = time.process_time()
        embed(pixels)
        fastest = min(fastest, time.process_time() - start)
    return len(pixels) / fastest


def embedder(name):
    from framl_keras import backbones
    from framl_keras.models import embedding_model

    return embedding_model(name, 112, 512, **backbones.get(name).head)


def multiply_adds(model):
    """Products in the kernels of convolutions and Dense, for one image."""
    import keras

    from framl_keras.keras_internals import layers_within

    total = 0
    for layer in layers_within(model):
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            continue
        places = 1
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            places = math.prod(layer.output.shape[1:3])
        total += math.prod(kernel.shape) * places
    return total


def sizes(names):
    """Name -> (trainable parameters, FLOPs of one image)."""
    found = {}
    for name in names:
        model = embedder(name)
        trained = sum(math.prod(variable.shape) for variable in model.trainable_variables)
        found[name] = (trained, 2 * multiply_adds(model))
    return found


def speeds(names, passes):
    """Name -> images a second through Keras on the backend of this process."""
    from framl_keras.published.parity import random_images

    pixels = random_images(BATCH, 112)
    return {n: images_per_second(embedder(n).predict_on_batch, pixels, passes) for n in names}


def rival_speeds(names, passes):
    """Name -> images a second through torch's own modules."""
    import torch

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "published"))
    import torch_models

    from framl_keras.backbones.faces import DEPTHS

    pixels = torch.rand(BATCH, 3, 112, 112)
    found = {}
    for name in names:
        arguments = [] if name == "MobileFaceNet" else [DEPTHS[int(name.removeprefix("IResNet"))]]
        module = getattr(torch_models, RIVALS[name])(*arguments).eval()
        with torch.inference_mode():
            found[name] = images_per_second(module, pixels, passes)
    return found


def measure(task, names, backend, passes):
    """A task's result from a process of its own, on one core."""
    command = [sys.executable, __file__, "--task", task, "--names", *names]
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, **ONE_THREAD, "KERAS_BACKEND": backend}
    environment["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*command, "--passes", str(passes)], env=environment, check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout.splitlines()[-1])


def table(quick):
    """Measures and prints everything."""
    timed, passes = (TIMED[:2], 2) if quick else (TIMED, 3)
    counted = sizes(timed if quick else COUNTED)
    by_backend = {backend: measure("speeds", timed, backend, passes) for backend in BACKENDS}
    rivals = measure("rival_speeds", [n for n in timed if n in RIVALS], "torch", passes)
    print(f"| backbone | parameters (M) | GFLOPs | {' | '.join(BACKENDS)} | torch without Keras |")
    print("|---|---|---|---|---|---|---|")
    for name, (parameters, flops) in sorted(counted.items(), key=lambda item: item[1][1]):
        cells = [by_backend[backend].get(name) for backend in BACKENDS] + [rivals.get(name)]
        shown = " | ".join("" if cell is None else f"{cell:.1f}" for cell in cells)
        print(f"| {name} | {parameters / 1e6:.2f} | {flops / 1e9:.2f} | {shown} |")
    for name in rivals:
        ratios = (f"{b} {by_backend[b][name] / rivals[name]:.2f}" for b in BACKENDS)
        print(f"{name}, speed against torch without Keras: {', '.join(ratios)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="Two networks, two passes.")
    parser.add_argument("--task", choices=["speeds", "rival_speeds"], help=argparse.SUPPRESS)
    parser.add_argument("--names", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--passes", type=int, default=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        result = {"speeds": speeds, "rival_speeds": rival_speeds}[options.task]
        print(json.dumps(result(options.names, options.passes)))
    else:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        table(options.quick)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
