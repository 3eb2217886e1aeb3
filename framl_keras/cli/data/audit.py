"""`framl-keras data audit`: is what one tests on in the training data?"""

import os

import click

from framl_keras.cli.data.columns import chosen_columns, columns_option


@click.command("audit")
@click.argument("train", metavar="TRAIN")
@click.argument("test", metavar="TEST")
@click.option("--root", type=click.Path(), help="Folder that paths within tables start from.")
@columns_option
@click.option("--jobs", type=click.IntRange(1, 256), default=lambda: os.cpu_count() or 1,
              help="Threads that read; all cores by default.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def audit(
    train: str, test: str, root: str | None, columns: str | None, jobs: int, as_json: bool
) -> int:
    """Find images and identities of TEST that are in TRAIN.

    TRAIN is any training data, TEST any verification set or training data. Images count as
    shared if their pixels are equal, or if they are the same picture encoded, scaled or
    mirrored. Ends with status 1 if something is shared, or could not be compared.
    """
    import json
    from dataclasses import asdict

    from framl_keras.data.auditing import audit as audit_sources
    from framl_keras.data.auditing import format_audit, open_test_images
    from framl_keras.data.sources import columns_for, open_source

    chosen = chosen_columns(columns)
    test_images = open_test_images(test, root, chosen)
    source = open_source(train, root, "skip", columns_for(train, chosen))
    report = audit_sources(source, test_images, jobs)
    click.echo(json.dumps(asdict(report), indent=1) if as_json else format_audit(report))
    return 0 if report.clean else 1
