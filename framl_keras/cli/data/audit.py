"""`framl-keras data audit`: is what one tests on in the training data?"""

import os
from dataclasses import asdict

import click

from framl_keras.cli.data.columns import chosen_columns, columns_option
from framl_keras.cli.options import json_option
from framl_keras.cli.show import show


@click.command("audit")
@click.argument("train", metavar="TRAIN")
@click.argument("test", metavar="TEST")
@click.option("--root", type=click.Path(), help="Folder that paths within tables start from.")
@columns_option
@click.option("--jobs", type=click.IntRange(1, 256), default=lambda: os.cpu_count() or 1,
              help="Threads that read; all cores by default.")  # fmt: skip
@json_option
def audit(
    train: str, test: str, root: str | None, columns: str | None, jobs: int, as_json: bool
) -> int:
    """Find images and identities of TEST that are in TRAIN.

    TRAIN is any training data, TEST any verification set or training data. Images count as
    shared if their pixels are equal, or if they are the same picture encoded, scaled or
    mirrored. Ends with status 1 if something is shared, or could not be compared.
    """
    from framl_keras.data.auditing import format_audit
    from framl_keras.data.front import audit as audit_data

    report = audit_data(train, test, root, jobs, chosen_columns(columns))
    if as_json:
        show(asdict(report), as_json)
    else:
        click.echo(format_audit(report))
    return 0 if report.clean else 1
