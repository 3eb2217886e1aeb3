"""`framl-keras data check`: look training data over before training on them."""

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


@click.command("check")
@click.argument("source", metavar="SRC")
@click.option("--root", type=click.Path(), help="Folder that paths within SRC start from.")
@columns_option
@click.option("--sample", type=click.IntRange(min=1), help="Read this many images, not all.")
@click.option("--size", type=click.IntRange(16, 1024), default=112, show_default=True,
              help="Side of the training images.")  # fmt: skip
@click.option("--central-crop", is_flag=True, help="Crop the middle, not anywhere.")
@click.option("--channels", type=click.Choice(["1", "3"]), default="3", show_default=True,
              help="1 for gray.")  # fmt: skip
@click.option("--aspect-ratio", type=click.Choice(["stretch", "pad", "crop"]), default="stretch",
              show_default=True, help="What becomes of images of other proportions.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Decides the order, the sample and the augmentation.")  # fmt: skip
@click.option("--policy", metavar="NAME",
              help="Augment by a layer, such as keras_cv.rand_augment.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 256), default=lambda: os.cpu_count() or 1,
              help="Threads that read; all cores by default.")  # fmt: skip
@click.option("--sheet", type=click.Path(), default="contact_sheet.png", show_default=True,
              help="Where the contact sheet goes.")  # fmt: skip
@part_option("Read")
@merge_option
@parts_name_option("check")
@json_option
def check(
    source: str,
    root: str | None,
    columns: str | None,
    sample: int | None,
    size: int,
    central_crop: bool,
    channels: str,
    aspect_ratio: str,
    seed: int,
    policy: str | None,
    jobs: int,
    sheet: str,
    part: str | None,
    merge: bool,
    output: str,
    as_json: bool,
) -> int:
    """Count, read and decode the images of SRC and measure the input path.

    Lists what cannot be read, images with the same bytes and sizes that differ, and draws a
    contact sheet of training images as they are seen in training. Ends with status 1 if
    something cannot be read.

    Many machines can share it: each reads a part, and one joins them with --merge.
    """
    from framl_keras import data

    names = chosen_columns(columns)
    if chosen := chosen_part(part, merge):
        return tell_part(data.check_part(source, output, chosen, sample, seed, jobs, root, names))
    from framl_keras.data.checking import format_report

    report = data.check(
        source, size, sample, central_crop, seed, policy, jobs, root, sheet,
        names, int(channels), aspect_ratio, output if merge else None,
    )  # fmt: skip
    if as_json:
        show(asdict(report), as_json)
    else:
        click.echo(format_report(report))
    if len(report.unreadable) < report.checked:
        click.echo(f"Contact sheet of training images: {sheet}", err=True)
    return 1 if report.unreadable else 0
