"""The recipes that come with the package, found by name."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
_FOLDERS = (_PACKAGE / "recipes", _PACKAGE.parent / "recipes")  # installed; in a clone


def packaged() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))} if folder else {}


def located(recipe: str | os.PathLike[str]) -> Path:
    """The file of a recipe: a path, or the name of a packaged recipe.

    A file that exists comes first. `quickstart`, `quickstart.yaml` and
    `recipes/quickstart.yaml` are the packaged recipe where there is no such file.

    Args:
        recipe: the path or name.

    Returns:
        The file; `recipe` itself, as a path, if neither is there.
    """
    path = Path(recipe)
    if path.is_file() or path.parent.as_posix() not in (".", "recipes"):
        return path
    if path.suffix not in ("", ".yaml"):
        return path
    return packaged().get(path.stem, path)


def about(file: Path) -> str:
    """The first sentence of a recipe's opening comment, after the command."""
    lines = file.read_text(encoding="utf-8").splitlines()[1:]
    text = ""
    for line in lines:
        if not line.startswith("#"):
            break
        text += line.removeprefix("#").strip() + " "
    return text.strip().partition(". ")[0].removesuffix(".") + "."
