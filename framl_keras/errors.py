"""The error of everything that a user can fix."""


class UserError(ValueError):
    """Something in the user's files, recipe or command line is not as expected.

    The message is one line: what was wrong, where (file, record or key), what
    was expected, and what to do next. The command line prints it without a
    stack trace and exits with status 2.
    """
