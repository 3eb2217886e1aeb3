"""Packages that only some need: imported when used, with an error that says how to get them."""

import importlib
from typing import Any

from framl_keras.errors import UserError


def require(package: str, extra: str, purpose: str) -> Any:
    """Imports a package.

    Args:
        package: the name to import.
        extra: the extra of framl-keras that installs it.
        purpose: what needs it, to begin the error with.

    Raises:
        UserError: if it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UserError(
            f"{purpose} needs {package}, which cannot be imported ({error}). "
            f'Install it with: pip install "framl-keras[{extra}]"'
        ) from None
