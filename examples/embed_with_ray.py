"""Embeds a folder of images on all workers of a Ray cluster, or of this machine.

    pip install "ray[data]"
    python examples/embed_with_ray.py photos photos.npz --run runs/quickstart

The list is cut into parts. Each worker loads the model once, on a GPU where there are any, and
writes the parts that it is handed: beside their place, then renamed. A worker that is lost costs
the part it was at, which another one does; started again, what is there already is not done
again. In the end the parts are one file, whose bytes are those of `framl-keras encode`. On several
machines, the folder of images and the place of the result must be shared.
"""

import os
from typing import Any

import click
import ray

import framl_keras as fk

os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")


class EncodesParts:
    """A worker with a model of its own."""

    def __init__(self, run: str | None, images: str, output: str, parts: int):
        self.embedder = fk.Embedder.load(run)
        self.images, self.output, self.parts = images, output, parts

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Encodes the parts of a batch; which ones, from 0, is in `id`."""
        for number in batch["id"]:
            part = (int(number) + 1, self.parts)
            fk.encode_part(self.embedder, self.images, self.output, part)
        return batch


@click.command()
@click.argument("images", type=click.Path(exists=True, resolve_path=True))
@click.argument("output", type=click.Path(resolve_path=True))
@click.option("--run", help="What `Embedder.load` takes; the newest run if none is given.")
@click.option("--parts", default=64, show_default=True, help="Of 64 images or more each.")
@click.option("--workers", type=int, help="As many as GPUs, or two processors each, if not given.")
def main(images: str, output: str, run: str | None, parts: int, workers: int | None) -> None:
    """Embeds IMAGES into OUTPUT on all workers."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    ray.init(runtime_env={"env_vars": {"KERAS_BACKEND": backend}}, log_to_driver=False)
    there = ray.cluster_resources()
    gpus = int(there.get("GPU", 0))
    workers = workers or gpus or max(1, int(there["CPU"]) // 2)
    run = os.path.abspath(run) if run and os.path.exists(run) else run
    numbers = [{"id": part} for part in range(parts)]
    ray.data.from_items(numbers, override_num_blocks=parts).map_batches(
        EncodesParts,
        fn_constructor_args=(run, images, output, parts),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_gpus=1 if gpus else 0,
    ).materialize()
    embeddings = fk.merge_parts(output)
    embeddings.save(output)
    print(f"{output}: {len(embeddings.names):,} images in {parts} parts by {workers} workers")


if __name__ == "__main__":
    main()
