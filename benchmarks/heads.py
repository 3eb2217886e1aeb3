"""Does each head train the quick start as well as ArcFace does?

    python benchmarks/heads.py [--seeds 0 1 2] [--heads CosFace AdaFace] [--set train.epochs=1]

Trains recipes/quickstart.yaml with each head, everything else equal, and prints the table of
docs/heads.md: accuracy on the people that were held out, in ten folds, by the cosine. The
rival is ArcFace. Each training runs in a process of its own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RIVAL = "ArcFace"
# What differs from the quick start. Margins have their papers' values, which were found at
# scales of 30 to 64 and for thousands of classes; what cannot be so for 30 classes says why.
HEADS = {
    "ArcFace": [],
    "softmax": ["model.head=softmax"],
    "ArcFace, continuous past π": ["model.margin={name: ArcFace, past_pi: continuous}"],
    "ArcFace, easy margin": ["model.margin={name: ArcFace, easy_margin: true}"],
    "ArcFace, straight-through": ["model.backward=straight_through"],
    "ArcFace, interclass filter": ["model.interclass_filter=0.5"],
    "CosFace": ["model.margin={name: CosFace}"],
    "SphereFace": ["model.margin={name: SphereFace}"],
    "Combined": ["model.margin={name: Combined}"],
    "AdaFace": ["model.margin={name: AdaFace}"],
    # Embeddings of length about 23, the root of 512, are what the last batch norm begins with.
    "MagFace": ["model.margin={name: MagFace}"],
    "CurricularFace": ["model.margin={name: CurricularFace}"],
    "ElasticFaceArc": ["model.margin={name: ElasticFaceArc}"],
    "ElasticFaceCos": ["model.margin={name: ElasticFaceCos}"],
    "Sub-centers, 3": ["model.sub_centers=3"],
    # A batch's own classes must be among the sampled: 24 of 30 hold a batch of 20.
    "Partial FC, 0.8": [
        "model.sample_rate=0.8",
        "train.batch_size=20",
        "model.row_optimizer={learning_rate: 0.1}",
    ],
    "ArcFace, batches of 20": ["train.batch_size=20"],  # what Partial FC is to be compared with
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", nargs="+", choices=list(HEADS), default=list(HEADS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        print(json.dumps(accuracy(HEADS[options.only], options.changes)))
        return
    print("| head | what differs from the quick start | accuracy % | against ArcFace |")
    print("|---|---|---|---|", flush=True)
    rival: list[float] = []
    for name in sorted(options.heads, key=lambda name: name != RIVAL):  # the rival first
        found = [run_alone(name, seed, options.changes) for seed in options.seeds]
        rival = found if name == RIVAL else rival
        print(row(name, found, rival), flush=True)


def row(name: str, found: list[float], rival: list[float]) -> str:
    mean = statistics.mean(found)
    spread = f" ({min(found):.2f} to {max(found):.2f})" if len(found) > 1 else ""
    against = f"{mean - statistics.mean(rival):+.2f}" if rival else ""
    changes = ", ".join(f"`{change.replace('=', ': ', 1)}`" for change in HEADS[name])
    return f"| {name} | {changes} | {mean:.2f}{spread} | {against} |"


def run_alone(name: str, seed: int, changes: list[str]) -> float:
    """Accuracy in percent of one training, from a process of its own."""
    command = [sys.executable, __file__, "--only", name, "--set", f"seed={seed}"]
    for change in changes:
        command += ["--set", change]
    environment = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return json.loads(done.stdout.splitlines()[-1])


def accuracy(head: list[str], changes: list[str]) -> float:
    from framl_keras.data import View
    from framl_keras.evaluation import evaluate
    from framl_keras.recipe import Recipe
    from framl_keras.runs.directory import RunDirectory
    from framl_keras.training.train import train

    recipe = Recipe.load(ROOT / "recipes" / "quickstart.yaml", [*head, *changes])
    with tempfile.TemporaryDirectory() as folder:
        trained = train(recipe, RunDirectory(Path(folder) / "run"))
    (result,) = evaluate(
        trained.embedder,
        trained.pair_sets,
        View(recipe.data.image_size),
        baseline=False,
        progress=False,
    )
    return 100 * result.accuracy


if __name__ == "__main__":
    main()
