"""`--columns path=image,label=individual_id`: which columns of a table are meant."""

import click

from framl_keras.errors import UserError

NAMES = ("path", "label", "left", "right", "same", "fold")

columns_option = click.option(
    "--columns",
    metavar="NAME=COLUMN,…",
    help="Columns of a table by name or number, such as path=image,label=individual_id.",
)


def chosen_columns(text: str | None) -> dict[str, str]:
    """Column -> what the table calls it.

    Raises:
        UserError: if it is not written like that.
    """
    pairs = [part.partition("=") for part in (text or "").split(",") if part.strip()]
    for name, equals, column in pairs:
        if name.strip() not in NAMES or not equals or not column.strip():
            raise UserError(
                f"--columns {text}: expected NAME=COLUMN,… with the names {', '.join(NAMES)}, "
                "such as path=image,label=individual_id."
            )
    return {name.strip(): column.strip() for name, _, column in pairs}
