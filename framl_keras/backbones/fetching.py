"""Says in one line that something could not be fetched, and how to go on without."""

from types import TracebackType

from framl_keras.errors import UserError


class Fetching:
    """A context in which Keras and its libraries may fetch files.

    They raise whatever their clients raise: `OSError` and its kin, or, in Keras'
    own download, a bare `Exception`.

    Args:
        what: what is fetched, such as "The ImageNet weights of ResNet50".
        instead: how to go on without, a sentence.
        unknown: further errors that mean that there is no such thing.
    """

    def __init__(self, what: str, instead: str, unknown: tuple[type[Exception], ...] = ()):
        self.what, self.instead, self.unknown = what, instead, unknown

    def __enter__(self) -> None:
        """Begins."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Turns a failure to fetch into a `UserError`."""
        of_keras = kind is Exception and "URL fetch failure" in str(error)
        if of_keras or isinstance(error, (OSError, *self.unknown)):
            reason = " ".join(str(error).split())[:300]
            raise UserError(f"{self.what} is not available ({reason}). {self.instead}") from None
