"""Finds out which format a verification set has, from what is there."""

from pathlib import Path

from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.errors import UserError


def open_pairs(location: str, name: str) -> list[PairSet]:
    """Opens verification sets: one, or as many as the folder at `location` holds.

    Args:
        location: a file or folder whose format is detected from its content.
        name: what the report calls the set; a folder of several names them itself.

    Raises:
        UserError: if nothing is there, or the format cannot be told.
    """
    path = Path(location)
    if not path.exists():
        raise UserError(
            f"No verification set at {location}. Expected bcolz folders (lfw_align_112/lfw and so "
            "on), an insightface .bin, an LFW pairs.txt, a CSV of pairs, or embeddings (.npz); "
            "set it with --set data.test=PATH"
        )
    raise UserError(f"Cannot tell the format of {location}.")
