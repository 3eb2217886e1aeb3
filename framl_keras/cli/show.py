"""Prints results: as text for people, or as JSON for programs."""

import json
from typing import Any

import click

from framl_keras.results import plain


def show(result: Any, as_json: bool) -> None:
    """Prints a result's table, or its `to_dict` as JSON."""
    if not as_json:
        click.echo(str(result))
        return
    content = result.to_dict() if hasattr(result, "to_dict") else result
    click.echo(json.dumps(plain(content), indent=1, ensure_ascii=False))
