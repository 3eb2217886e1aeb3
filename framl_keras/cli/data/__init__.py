"""`framl-keras data`: convert, check and audit data sets. Needs no backend."""

import click

from framl_keras.cli.data.audit import audit
from framl_keras.cli.data.check import check
from framl_keras.cli.data.convert import convert
from framl_keras.cli.strict_group import StrictGroup


@click.group("data", cls=StrictGroup)
def command() -> None:
    """Convert, check and audit data sets."""


for _part in (convert, check, audit):
    command.add_command(_part)
