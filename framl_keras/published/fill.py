"""Fills an embedder with published tensors, all of which must fit."""

import re
from collections.abc import Iterable, Mapping

import numpy as np

from framl_keras.errors import UserError
from framl_keras.published.slots import Slot

LISTED = 6  # names in one error; the rest is counted


def fill(
    slots: Mapping[str, Slot],
    tensors: Mapping[str, np.ndarray],
    ignorable: re.Pattern[str],
    source: str,
) -> None:
    """Puts each tensor into its slot.

    Args:
        slots: by the tensor's published name.
        tensors: what the source holds.
        ignorable: names that the source may hold for nothing, such as counters.
        source: the file, for errors.

    Raises:
        UserError: if a tensor is missing, left over or of another shape; it lists
            the names, and nothing is filled.
    """
    missing = [name for name in slots if name not in tensors]
    surplus = [name for name in tensors if name not in slots and not ignorable.search(name)]
    misshapen = [
        f"{name} {tensors[name].shape} instead of {slot.shape}"
        for name, slot in slots.items()
        if name in tensors and tensors[name].shape != slot.shape
    ]
    problems = [
        f"{kind}: {_listed(names)}"
        for kind, names in (("missing", missing), ("surplus", surplus), ("misshapen", misshapen))
        if names
    ]
    if problems:
        raise UserError(
            f"{source}: the tensors are not those of this network. {'; '.join(problems)}. "
            "Check --as and --image-size."
        )
    for name, slot in slots.items():
        slot.variable.assign(slot.convert(np.asarray(tensors[name], dtype=np.float32)))


def _listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
