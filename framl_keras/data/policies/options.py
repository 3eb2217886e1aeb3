"""The options of a policy, checked by its layer's signature."""

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from framl_keras.errors import UserError
from framl_keras.types import Size, sides


def arguments(name: str, layer: type, options: Mapping[str, Any], size: Size) -> dict[str, Any]:
    """The arguments that a layer is made with.

    Args:
        name: what errors call the policy.
        layer: the layer's class.
        options: those that the user gave.
        size: side of the images, or height and width, for layers that ask for it.

    Raises:
        UserError: if an option is not one of the layer's, or one is missing.
    """
    taken = _ours(size)
    parameters = {
        key: parameter
        for key, parameter in list(inspect.signature(layer).parameters.items())
        if parameter.kind is not parameter.VAR_KEYWORD
    }
    free = [key for key in parameters if key not in taken]
    for key in options:
        if key not in free:
            raise UserError(f"data.augment.options.{key}: {_unknown(name, key, free)}")
    missing = [
        key
        for key in free
        if parameters[key].default is inspect.Parameter.empty and key not in options
    ]
    if missing:
        raise UserError(
            f"data.augment.options: {name} needs {' and '.join(missing)}; it takes "
            f"{', '.join(free)}."
        )
    ours = {key: value for key, value in taken.items() if key in parameters}
    return ours | {key: _as_tuple(value) for key, value in options.items()} | {"dtype": "float32"}


def _ours(size: Size) -> dict[str, Any]:
    """Arguments that the pipeline decides: what images are, and where randomness comes from."""
    return {
        "seed": 0,
        "value_range": (0, 255),
        "target_size": sides(size),
        "output_channels": 3,
        "data_format": "channels_last",
        "bounding_box_format": None,
    }


def _unknown(name: str, key: str, free: list[str]) -> str:
    if key in _ours(0):
        return f"the pipeline sets it for {name}; leave it out."
    if not free:
        return f"{name} has no options."
    near = difflib.get_close_matches(key, free, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"{name} has no such option. Expected one of {', '.join(free)}.{hint}"


def _as_tuple(value: Any) -> Any:
    """YAML's lists as the tuples that layers ask for."""
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
