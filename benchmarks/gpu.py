"""How fast does a device train and embed, and with how much memory, beside plain torch?

    python benchmarks/gpu.py --minutes 8 --out gpu.jsonl      # where there is a GPU, JAX and Torch
    python benchmarks/gpu.py --small                          # the same on a processor, tiny

Each row is a process of its own: our loop (`train.mode` fit, its callbacks) on JAX or Torch, or
`plain_torch.py`: the same network in torch, channels_last, autocast and torch.compile. A group of
processes compiles at once and is then timed one by one, medians of three turns of at least a
second each, after three steps that don't count. Batches come from memory, as uint8, and are
moved to the device in each step by all of them. Peaks are the allocator's own.

With `--minutes 7 --group 5` on one NVIDIA H200 (16 cores, driver 580.159, jax 0.11.2, torch 2.11.0,
keras 3.15.1), November 2026, bfloat16 at 112 px, embeddings of 512: images/s in training and
embedding, and GiB:

    network      batch  classes         JAX                  Torch              plain torch
    IResNet50    128       85,742   4,707 10,351  4.4     825 1,827 13.8    3,568 14,783  4.7
    IResNet50    128    1,000,000   3,959 12,160 10.6     816 1,705 19.1    2,502 11,857 12.5
    … sampled    128    a tenth     5,076 12,750  8.6     907 1,892 17.4          not in it
    IResNet100   128       85,742   3,059  6,752  6.6     555   910 21.0          out of time
    ResNet50     128       85,742   8,921 12,429  2.3   1,005 1,727  5.4    7,047 36,274  2.6
    MobileNetV2  256       85,742  17,927 30,834  2.8   2,739 4,712  5.9   10,305 62,839  2.7

JAX trains 1.27 to 1.74 times as fast as the rival, and embeds at 0.34 to 1.03 times: there each
batch is sent and fetched before the next. The Torch backend is at 0.14 to 0.33 in training. Its
step for IResNet50 takes 194 ms under the profiler, in which the device works for 42: Keras
starts 7,951 kernels one by one from Python, the rival 3,165 in 15.7 ms. The longest of Keras'
are copies between layouts and types (10.9 and 3.6 ms) and batch norms in float32 (9.3).
`train.jit: true` with Torch did not end compiling within 150 s: Keras' loop over layers passes
the limit of recompilations. So on a GPU, train on JAX. float32, float16 and batches of 64 and
512 were not measured: the time on the machine was over.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DIM = 512
TURNS = 3
SECONDS = 1.0  # at least this long is a turn
Spec = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=8.0, help="No row begins after this.")
    parser.add_argument("--group", type=int, default=6, help="Processes that compile at once.")
    parser.add_argument("--out", type=Path, default=Path("gpu.jsonl"))
    parser.add_argument("--small", action="store_true", help="Tiny, for a processor.")
    parser.add_argument("--jit", action="store_true", help="Torch with `train.jit` and without.")
    parser.add_argument("--only", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        work(options.only)
        return
    specs = list(small() if options.small else compiled() if options.jit else rows())
    end = time.monotonic() + options.minutes * 60
    results = []
    while specs and time.monotonic() < end:
        group, specs = specs[: options.group], specs[options.group :]
        for result in run(group, end):
            results.append(result)
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
            print(line(result), flush=True)
    print("\n".join(kernels(results)))
    if specs:
        print(f"out of time: {len(specs)} rows were not begun")


def row(system: str, backbone: str, precision: str, batch: int, classes: int, rate: float) -> Spec:
    return {
        "system": system,
        "backbone": backbone,
        "precision": precision,
        "batch": batch,
        "classes": classes,
        "sample_rate": rate,
        "size": 112,
    }


def rows() -> Iterator[Spec]:
    """The middle first, then along each axis."""
    systems = ("jax", "torch", "plain")
    for system in systems:
        yield row(system, "IResNet50", "bfloat16", 128, 85_742, 1.0) | {"kernels": system != "jax"}
    for system in systems:
        yield row(system, "MobileNetV2", "bfloat16", 256, 85_742, 1.0) | {
            "kernels": system != "jax"
        }
    for system in ("jax", "torch"):
        for rate in (1.0, 0.1):
            yield row(system, "IResNet50", "bfloat16", 128, 1_000_000, rate)
    yield row("plain", "IResNet50", "bfloat16", 128, 1_000_000, 1.0)
    for backbone in ("ResNet50", "IResNet100"):
        for system in systems:
            yield row(system, backbone, "bfloat16", 128, 85_742, 1.0)
    for precision in ("float32", "float16"):
        for system in systems:
            yield row(system, "IResNet50", precision, 128, 85_742, 1.0)
    for batch in (64, 512):
        for system in systems:
            yield row(system, "IResNet50", "bfloat16", batch, 85_742, 1.0)


def compiled() -> Iterator[Spec]:
    """The Torch backend with `train.jit`, beside itself without."""
    for backbone in ("IResNet50", "MobileNetV2"):
        for system in ("torch", "torch+jit"):
            yield row(system, backbone, "bfloat16", 128, 85_742, 1.0)


def small() -> Iterator[Spec]:
    for system in ("jax", "torch", "plain"):
        yield row(system, "IResNet18", "float32", 4, 1000, 1.0) | {"size": 32, "kernels": True}
    for system in ("jax", "torch"):
        yield row(system, "IResNet18", "bfloat16", 4, 1000, 0.1) | {"size": 32}


def run(group: list[Spec], end: float) -> Iterator[Spec]:
    """Their results; a row that fails says why."""
    started = [(spec, *start(spec)) for spec in group]
    for spec, process, errors in started:
        answer = read(process, end)  # "ready", once it has compiled
        is_late = process.poll() is None and not answer
        if answer == "ready\n":
            process.stdin.write("go\n")
            process.stdin.flush()
            answer = read(process, end + 60)
            is_late = process.poll() is None and not answer
        process.kill()
        process.wait()
        errors.seek(0)
        if answer.startswith("{"):
            yield {**spec, **json.loads(answer)}
        else:
            last = errors.read().strip().splitlines()[-1:] or ["ended by itself"]
            yield {**spec, "failed": "out of time" if is_late else last[0][:200]}


def start(spec: Spec) -> tuple[subprocess.Popen, Any]:
    environment = {
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **os.environ,
        "KERAS_BACKEND": "jax" if spec["system"] == "jax" else "torch",
    }
    errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8")  # noqa: SIM115 - read when it ends
    command = [sys.executable, __file__, "--only", json.dumps(spec)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment
    )
    return process, errors


def read(process: subprocess.Popen, end: float) -> str:
    """The next line that is for us; empty if the process ends or time is over."""
    import select

    while (left := end - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        answer = process.stdout.readline()
        if not answer or answer.startswith(("ready", "{")):
            return answer
    return ""


def work(spec: Spec) -> None:
    """A process: compiles, waits for its turn, and prints what it measured."""
    train, embed = plain(spec) if spec["system"] == "plain" else ours(spec)
    train(3)
    peak = memory(spec["system"])
    embed(3)
    print("ready", flush=True)
    sys.stdin.readline()
    result = {"train": rate(train, spec["batch"]), "peak_gib": peak}
    result["embed"] = rate(embed, spec["batch"])
    if spec.get("kernels"):
        result["kernels"] = kernels_of(train)
    print(json.dumps(result), flush=True)


def rate(step: Callable[[int], None], batch: int) -> float:
    """Images per second, the median of some turns."""
    step(1)
    begin = time.perf_counter()
    step(2)
    count = max(2, round(SECONDS / ((time.perf_counter() - begin) / 2)))
    seconds = []
    for _ in range(TURNS):
        begin = time.perf_counter()
        step(count)
        seconds.append(time.perf_counter() - begin)
    return batch * count / statistics.median(seconds)


def memory(system: str) -> float | None:
    """The most of the device's memory that was in use, in GiB."""
    if system == "jax":
        import jax

        stats = jax.devices()[0].memory_stats()
        return stats["peak_bytes_in_use"] / 2**30 if stats else None
    import torch

    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None


def batch_of(spec: Spec) -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    shape = (spec["batch"], spec["size"], spec["size"], 3)
    labels = rng.integers(0, spec["classes"], spec["batch"]).astype(np.int32)
    return rng.integers(0, 256, shape, dtype=np.uint8), labels


def ours(spec: Spec) -> tuple[Callable[[int], None], Callable[[int], None]]:
    """The loop of `framl-keras train`, and one batch after another through `predict_on_batch`."""
    import train_step

    from framl_keras.data.sources import open_source
    from framl_keras.recipe import Recipe
    from framl_keras.training.from_recipe import build_models

    precision = spec["precision"]
    content = {
        "name": "speed",
        "data": {
            "train": f"synthetic:people={spec['classes']},images=1",
            "image_size": spec["size"],
        },
        "model": {
            "backbone": spec["backbone"],
            "embedding_dim": DIM,
            "sample_rate": spec["sample_rate"],
        },
        "train": {
            "batch_size": spec["batch"],
            "precision": precision if precision == "float32" else f"mixed_{precision}",
            "jit": True if spec["system"] == "torch+jit" else "auto",
        },
    }
    recipe = Recipe.model_validate(content)
    embedder, model = build_models(recipe, open_source(recipe.data.train), 1_000_000)
    pixels, labels = batch_of(spec)
    train_step.batch_of = lambda options: (pixels, labels)
    options = argparse.Namespace(batch=spec["batch"])

    def embed(steps: int) -> None:
        for _ in range(steps):
            embedder.predict_on_batch(pixels)

    return train_step.ours(model, "fit", options), embed


def plain(spec: Spec) -> tuple[Callable[[int], None], Callable[[int], None]]:
    import torch
    from plain_torch import Rival

    names = ("backbone", "classes", "precision")
    rival = Rival(*(spec[name] for name in names), DIM, spec["size"], torch.cuda.is_available())
    pixels, labels = (torch.from_numpy(part) for part in batch_of(spec))

    def train(steps: int) -> None:
        for _ in range(steps):
            loss = rival.train(pixels, labels)
        float(loss)

    def embed(steps: int) -> None:
        for _ in range(steps):
            rival.embed(pixels)

    return train, embed


def kernels_of(train: Callable[[int], None]) -> dict[str, Any]:
    """Milliseconds of a step by kernel, the ten that take longest, and the step's whole."""
    if os.environ["KERAS_BACKEND"] == "jax":
        return {}
    import torch
    from torch.profiler import ProfilerActivity, profile

    on_gpu = torch.cuda.is_available()
    kinds = [ProfilerActivity.CUDA] if on_gpu else [ProfilerActivity.CPU]
    steps = 5
    with profile(activities=kinds) as found:
        begin = time.perf_counter()
        train(steps)
        if on_gpu:
            torch.cuda.synchronize()
        whole = time.perf_counter() - begin
    name = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    times = {each.key[:90]: getattr(each, name) / 1e3 / steps for each in found.key_averages()}
    longest = sorted(times.items(), key=lambda pair: -pair[1])[:10]
    counts = sum(each.count for each in found.key_averages()) / steps
    busy = sum(times.values())
    return {"step": whole * 1e3 / steps, "busy": busy, "count": counts, "longest": longest}


def line(result: Spec) -> str:
    start = (
        f"{result['system']:9} {result['backbone']:11} {result['precision']:8} "
        f"batch {result['batch']:3} {result['classes']:9,} classes x {result['sample_rate']:<4g}"
    )
    if "failed" in result:
        return f"{start} failed: {result['failed']}"
    peak = "" if result["peak_gib"] is None else f", {result['peak_gib']:5.1f} GiB"
    return f"{start} train {result['train']:8.1f}, embed {result['embed']:8.1f} images/s{peak}"


def kernels(results: list[Spec]) -> Iterator[str]:
    for result in results:
        if isinstance(found := result.get("kernels"), dict):
            yield (
                f"\n{result['system']} {result['backbone']}: {found['step']:.1f} ms a step under "
                f"the profiler, {found['busy']:.1f} ms in {found['count']:.0f} kernels"
            )
            yield from (f"  {time:8.2f} ms  {name}" for name, time in found["longest"])


if __name__ == "__main__":
    main()
