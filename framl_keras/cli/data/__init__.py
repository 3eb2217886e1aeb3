"""`framl-keras data`: convert, check and audit data sets. Needs no backend."""

import click

from framl_keras.cli.data.audit import audit
from framl_keras.cli.data.check import check
from framl_keras.cli.data.convert import convert
from framl_keras.cli.data.merge import merge
from framl_keras.cli.data.split import split
from framl_keras.cli.strict_group import StrictGroup


@click.group("data", cls=StrictGroup)
def command() -> None:
    """Convert, check, audit, split and merge data sets."""


for _part in (convert, check, audit, split, merge):
    command.add_command(_part)
