"""Does a run that is killed again and again end where an uninterrupted one does, bit for bit?

    KERAS_BACKEND=torch python benchmarks/kill_resume.py
    KERAS_BACKEND=jax python benchmarks/kill_resume.py --processes 2 --kills 10

Trains a small network with dropout and augmentation for 200 steps, twice without a break,
and once with 20 SIGKILLs at random moments, every other one while a checkpoint is being
written, going on after each. The rival of the killed run is the first one; the second says
what the backend itself repeats. Of several processes one is killed, drawn by the seed; all
others must end by themselves within a minute. Compared: weights, optimizer
and metric states, logged losses.
"""

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

from framl_keras.runs.checkpoint import load_checkpoint

STEPS_PER_EPOCH = 20
TRAIN = "from framl_keras.cli import main; main()"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--mode", choices=["fit", "eager"], default="fit")
    parser.add_argument("--backbone", default="IResNet10")
    parser.add_argument("--train", default="orl", help="Training data with 20 people or more.")
    parser.add_argument("--processes", type=int, default=1, help="That train together.")
    parser.add_argument("--seed", type=int, default=0, help="Decides when to kill.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("recipe.yaml").write_text(yaml.safe_dump(recipe(options)), encoding="utf-8")
        for name in ("straight", "again"):
            for process in train(name, options):
                process.wait()
        during_writes = train_with_kills("killed", options)
        same = [report(name, options) for name in ("again", "killed")]
        print(f"{options.kills} kills, {during_writes} of them left a half-written checkpoint")
    return 0 if all(same) else 1


def recipe(options: argparse.Namespace) -> dict:
    return {
        "name": "set-by-the-command",
        "data": {
            "train": options.train,
            "people": [1, 20],
            "image_size": 32,
            "augment": {"resize_to": 36, "degrees": 15, "shift": 0.05, "erase": 0.5},
        },
        "model": {"backbone": options.backbone, "embedding_dim": 32, "dropout": 0.3, "scale": 16},
        "train": {
            "epochs": -(-options.steps // STEPS_PER_EPOCH),
            "batch_size": 200 // STEPS_PER_EPOCH,
            "optimizer": {"name": "adamw", "learning_rate": 0.001, "weight_decay": 0.05},
            "schedule": {"name": "cosine", "warmup": 0.1},
            "verify_every": 0,
            "log_every": 1,
            "save_steps": 3,
        },
    }


def train(name: str, options: argparse.Namespace) -> list[subprocess.Popen]:
    """The processes of a training, which find each other as torchrun's do."""
    arguments = ["train", "recipe.yaml", "--name", name, "--mode", options.mode]
    started = []
    port = random.randint(20000, 30000)
    for rank in range(options.processes):
        variables = {"MASTER_ADDR": "localhost", "MASTER_PORT": port, "RANK": rank}
        variables |= {"WORLD_SIZE": options.processes, "LOCAL_RANK": rank}
        spread = {key: str(value) for key, value in variables.items()}
        environment = {**os.environ, **(spread if options.processes > 1 else {})}
        command = [sys.executable, "-c", TRAIN, *arguments]
        with Path(f"{name}.{rank}.err").open("a") as errors, Path(f"{name}.out").open("a") as out:
            started.append(subprocess.Popen(command, stderr=errors, stdout=out, env=environment))
    return started


def train_with_kills(name: str, options: argparse.Namespace) -> int:
    """Trains with kills; how many came while a checkpoint was being written."""
    rng, during_writes = random.Random(options.seed), 0
    steps = sorted(rng.sample(range(1, options.steps - 3), options.kills))
    for number, step in enumerate(steps):
        processes = train(name, options)
        await_moment(processes[0], name, step, number % 2 == 0, rng.uniform(0, 0.1))
        chosen = rng.choice(processes)
        chosen.send_signal(signal.SIGKILL)
        if chosen.wait() != -signal.SIGKILL:
            said = [path.read_text()[-1500:] for path in sorted(Path().glob(f"{name}.*.err"))]
            raise SystemExit("\n".join([f"the run ended by itself before step {step}", *said]))
        for other in processes:
            other.wait(60)  # no hang
        during_writes += len(half_written(name))
    for process in train(name, options):
        process.wait()
    if half_written(name):
        raise SystemExit("a half-written checkpoint was left behind")
    return during_writes


def await_moment(
    process: subprocess.Popen, name: str, step: int, in_write: bool, delay: float
) -> None:
    """Waits until the run logs `step`, and then for a checkpoint being written or a while."""
    while process.poll() is None and steps_logged(name, process) < step:
        time.sleep(0.002)
    if not in_write:
        time.sleep(delay)
    # A busy machine may hide a write from us, so this is given up a few writes later.
    while in_write and process.poll() is None and steps_logged(name, process) < step + 9:
        if half_written(name):
            return


def steps_logged(name: str, process: subprocess.Popen) -> int:
    """The last step that this process has logged; its lock says that it has begun."""
    owner = Path(f"runs/.{name}.owner")
    log = Path(f"runs/{name}/logs/training.csv")
    if not owner.exists() or f"process {process.pid} " not in owner.read_text() or not log.exists():
        return 0
    last = log.read_text().splitlines()[-1].split(",")[0]
    return int(last) if last.isdecimal() else 0


def half_written(name: str) -> list[Path]:
    return list(Path(f"runs/{name}/checkpoints").glob(".*.ckpt.partial"))


def report(name: str, options: argparse.Namespace) -> bool:
    """Prints what differs from the straight run; whether nothing does."""
    left, right = state_of("straight"), state_of(name)
    if left.keys() != right.keys():
        print(f"{name}: other tensors than the straight run's")
        return False
    differing = [key for key in left if left[key].tobytes() != right[key].tobytes()]
    rows = sum(a != b for a, b in zip(log_of("straight"), log_of(name), strict=True))
    largest = max((np.abs(left[key] - right[key]).max() for key in differing), default=0.0)
    print(
        f"{os.environ.get('KERAS_BACKEND', '')} {options.mode} {name}: {len(differing)} of "
        f"{len(left)} tensors differ (by {largest:.2g} at most), {rows} of "
        f"{len(log_of(name))} lines of the log"
    )
    return not differing and not rows


def state_of(name: str) -> dict[str, np.ndarray]:
    return load_checkpoint(sorted(Path(f"runs/{name}/checkpoints").glob("step-*"))[-1]).arrays


def log_of(name: str) -> list[dict]:
    """The rows of the log, without the speed, which is the clock's."""
    with Path(f"runs/{name}/logs/training.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [
        {key: value for key, value in row.items() if key != "images_per_second"} for row in rows
    ]


if __name__ == "__main__":
    sys.exit(main())
