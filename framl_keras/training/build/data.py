"""The sets that a training verifies on, as far as they are there."""

import logging
from collections.abc import Callable, Iterable

from framl_keras.data.pairs import PairSet
from framl_keras.errors import UserError

log = logging.getLogger(__name__)


def open_present(names: Iterable[str], opened: Callable[[str], Iterable[PairSet]]) -> list[PairSet]:
    """The verification sets that are there; a warning names each that is not.

    Args:
        names: what to open.
        opened: opens the sets of one name.
    """
    present: list[PairSet] = []
    for name in names:
        try:
            present += opened(name)
        except UserError as error:
            log.warning("Training goes on without the verification set %s: %s", name, error)
    return present
