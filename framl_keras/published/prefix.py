"""A network inside a larger file: the prefix that a trainer's wrappers put before its names."""

from collections.abc import Iterable
from pathlib import Path

from framl_keras.errors import UserError
from framl_keras.published.layout import STEM, Layout


def prefix_of(names: Iterable[str], layout: Layout, path: Path) -> str:
    """What stands before each of a network's names, such as `features.module.` or nothing.

    Args:
        names: all that the file has.
        layout: the network's; its first and its last kernel tell where it is.
        path: the file, for errors.

    Raises:
        UserError: if the file holds several such networks.
    """
    names = set(names)
    stem = f"{layout.prefix(STEM)}.weight"
    ends = [name.removesuffix(stem) for name in sorted(names) if name.endswith(stem)]
    found = [e for e in ends if (not e or e.endswith(".")) and e + layout.embed in names]
    if len(found) > 1:
        listed = ", ".join(f"{prefix}*" if prefix else stem for prefix in found)
        raise UserError(
            f"{path}: holds {len(found)} networks, {listed}. Expected one: save the state dict "
            "of the one that is meant alone."
        )
    return found[0] if found else ""
