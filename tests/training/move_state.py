"""Reads a state on some devices and saves it from there, in a process of its own.

    python tests/training/move_state.py RECIPE SOURCE TARGET COUNT

Without a source, None, the state is the recipe's first.
"""

import sys
from pathlib import Path

from framl_keras.recipe import Recipe
from framl_keras.runs.checkpoint import load_checkpoint, save_parts
from framl_keras.runs.identities import open_training_source
from framl_keras.training.checkpoints.state import parts_of_state, write_state
from framl_keras.training.distribution import ONE_DEVICE, devices_for
from framl_keras.training.train import build_models


def main(recipe: str, source: str, target: str, count: str) -> None:
    from framl_keras.layers import sampled_kernel

    sampled_kernel.SMALLEST_DRAW = 2
    chosen = Recipe.load(recipe)
    devices = ONE_DEVICE if count == "1" else devices_for(int(count), int(count))
    data = open_training_source(chosen)
    with devices.scope():
        _, model = build_models(chosen, data, 6, fresh=source == "None", devices=devices)
        devices.share(model)
        if source != "None":
            write_state(model, load_checkpoint(Path(source), devices).arrays)
        save_parts(Path(target), {}, parts_of_state(model, devices.writes), devices)


if __name__ == "__main__":
    main(*sys.argv[1:])
