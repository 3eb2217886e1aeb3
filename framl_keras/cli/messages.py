"""Shows messages on the terminal, without breaking a progress bar."""

import logging
import sys

from tqdm import tqdm


class _TqdmHandler(logging.Handler):
    """Prints above whatever bar is being shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one message."""
        tqdm.write(self.format(record), file=sys.stderr)


def show_messages() -> None:
    """Sends what `framl_keras` logs, from INFO up, to the terminal; of the rest, warnings."""
    logging.getLogger("framl_keras").setLevel(logging.INFO)
    root = logging.getLogger()  # where libraries would put one of theirs, were there none
    if not any(isinstance(handler, _TqdmHandler) for handler in root.handlers):
        handler = _TqdmHandler()
        handler.addFilter(_concerns_the_user)
        root.addHandler(handler)


def _concerns_the_user(record: logging.LogRecord) -> bool:
    """Not so that Grain finds no JAX to profile, where another backend trains."""
    return "jax profiler" not in record.getMessage()
