"""What is raised where a number of a run is NaN or infinite."""


class NotFiniteError(FloatingPointError):
    """A number of a run is NaN or infinite.

    Args:
        what: which number.
        step: the step that gave it, from 1; None where the caller knows.
    """

    def __init__(self, what: str, step: int | None = None):
        super().__init__(f"{what} is not finite")
        self.step = step
