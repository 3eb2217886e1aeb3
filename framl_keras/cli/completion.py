"""What a shell completes: names of similarities, recipes, runs, engines and published networks."""

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _of(names: Callable[[], Iterable[str]], files: bool = False) -> Completion:
    """Completes names, which are looked up when a shell asks, or else files if `files` is set."""

    def complete(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
        items = [CompletionItem(name) for name in names() if name.startswith(begun)]
        return items if items or not files else [CompletionItem(begun, type="file")]

    return complete


def _similarities() -> Iterable[str]:
    from framl_keras.similarities import names

    return (*names(), "all")


def _recipes() -> Iterable[str]:
    from framl_keras.recipe.packaged import packaged

    return packaged()


def _runs() -> Iterable[str]:
    return sorted(str(recipe.parent) for recipe in Path().glob("runs/*/recipe.yaml"))


def _published() -> Iterable[str]:
    from framl_keras.published.catalog import TENSORFLOW, TORCH

    return sorted(name.lower() for name in {**TORCH, **TENSORFLOW})


def _engines() -> Iterable[str]:
    from framl_keras.export.engine import ENGINES

    return ENGINES


similarity = _of(_similarities)
recipe = _of(_recipes, files=True)
run = _of(_runs, files=True)
published = _of(_published)
engine = _of(_engines)
