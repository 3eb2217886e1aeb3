"""Shows the package's own messages on the terminal, without breaking a progress bar."""

import logging
import sys

from tqdm import tqdm


class _TqdmHandler(logging.Handler):
    """Prints above whatever bar is being shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one message."""
        tqdm.write(self.format(record), file=sys.stderr)


def show_messages() -> None:
    """Sends what `framl_keras` logs, from INFO up, to the terminal."""
    logger = logging.getLogger("framl_keras")
    if not logger.handlers:
        logger.addHandler(_TqdmHandler())
    logger.setLevel(logging.INFO)
