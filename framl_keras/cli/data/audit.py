"""`framl-keras data audit`: is what one tests on in the training data?"""

import os

import click


@click.command("audit")
@click.argument("train", metavar="TRAIN")
@click.argument("test", metavar="TEST")
@click.option("--root", type=click.Path(), help="Folder that paths within TRAIN start from.")
@click.option("--jobs", type=click.IntRange(1, 256), default=lambda: os.cpu_count() or 1,
              help="Threads that read; all cores by default.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def audit(train: str, test: str, root: str | None, jobs: int, as_json: bool) -> int:
    """Find images and identities of TEST that are in TRAIN.

    TRAIN is any training data, TEST any verification set or training data. Images count as
    shared if their pixels are equal, or if they are the same picture encoded, scaled or
    mirrored. Ends with status 1 if something is shared.
    """
    import json
    from dataclasses import asdict

    from framl_keras.data.auditing import audit as audit_sources
    from framl_keras.data.auditing import format_audit, open_test_images
    from framl_keras.data.sources import open_source

    test_images = open_test_images(test)
    report = audit_sources(open_source(train, root, on_error="skip"), test_images, jobs)
    click.echo(json.dumps(asdict(report), indent=1) if as_json else format_audit(report))
    return 1 if report.matches or report.identities else 0
