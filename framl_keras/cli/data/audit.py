"""`framl-keras data audit`: is what one tests on in the training data?"""

import os
from dataclasses import asdict

import click

from framl_keras.cli.data.columns import chosen_columns, columns_option
from framl_keras.cli.options import (
    chosen_part,
    json_option,
    merge_option,
    part_option,
    parts_name_option,
    tell_part,
)
from framl_keras.cli.show import show


@click.command("audit")
@click.argument("train", metavar="TRAIN")
@click.argument("test", metavar="TEST")
@click.option("--root", type=click.Path(), help="Folder that paths within tables start from.")
@columns_option
@click.option("--jobs", type=click.IntRange(1, 256), default=lambda: os.cpu_count() or 1,
              help="Threads that read; all cores by default.")  # fmt: skip
@part_option("Compare")
@merge_option
@parts_name_option("audit")
@json_option
def audit(
    train: str,
    test: str,
    root: str | None,
    columns: str | None,
    jobs: int,
    part: str | None,
    merge: bool,
    output: str,
    as_json: bool,
) -> int:
    """Find images and identities of TEST that are in TRAIN.

    TRAIN is any training data, TEST any verification set or training data. Images count as
    shared if their pixels are equal, or if they are the same picture encoded, scaled or
    mirrored. Ends with status 1 if something is shared, or could not be compared.

    Many machines can share it: each compares a part of TRAIN, and one joins them with --merge.
    """
    from framl_keras import data

    names = chosen_columns(columns)
    if chosen := chosen_part(part, merge):
        return tell_part(data.audit_part(train, test, output, chosen, root, jobs, names))
    from framl_keras.data.auditing import format_audit

    report = data.audit(train, test, root, jobs, names, output if merge else None)
    if as_json:
        show(asdict(report), as_json)
    else:
        click.echo(format_audit(report))
    return 0 if report.clean else 1
