"""Chooses the Keras backend before anything imports Keras, with errors that one can act on."""

import importlib.util
import json
import os
from collections.abc import Sequence
from pathlib import Path

from framl_keras.errors import UserError
from framl_keras.optional import pip_install

BACKENDS = ("tensorflow", "jax", "torch")


def choose() -> str:
    """Settles `KERAS_BACKEND`: what is asked for, or else one that is installed.

    Without the variable, Keras' own settings file decides if what it names is
    installed, and otherwise the first installed of TensorFlow, JAX and Torch.

    Returns:
        The backend's name; it stands in the environment as well.

    Raises:
        UserError: if the backend is unknown or not installed.
    """
    name = os.environ.get("KERAS_BACKEND") or _preferred()
    _check(name, "in KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = name
    return name


def among_installed(names: Sequence[str] | None = None) -> list[str]:
    """The named backends, or all that are installed.

    Raises:
        UserError: if a backend is unknown or not installed.
    """
    for name in names or ():
        _check(name, "in --backends")
    return list(names or filter(_is_installed, BACKENDS))


def _check(name: str, where: str) -> None:
    if name not in BACKENDS:
        raise UserError(
            f"Unknown backend {where}: {name!r}. Expected one of {', '.join(BACKENDS)}."
        )
    if not _is_installed(name):
        others = [other for other in BACKENDS if _is_installed(other)]
        instead = f", or set KERAS_BACKEND={others[0]}" if others else ""
        raise UserError(
            f"The backend {name} is not installed. Install it with: {pip_install(name)}{instead}"
        )


def _preferred() -> str:
    """The installed backend to take when the environment names none."""
    wanted = [_in_keras_settings(), *BACKENDS]
    return next((name for name in wanted if name in BACKENDS and _is_installed(name)), BACKENDS[0])


def _in_keras_settings() -> str:
    """The backend in Keras' settings file, or an empty string."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        settings = json.loads((home / "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return settings.get("backend", "") if isinstance(settings, dict) else ""


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
