"""Embedders on Hugging Face's hub, by `hf://user/name`."""

from pathlib import Path

from framl_keras.errors import UserError
from framl_keras.optional import require

HUB = "hf://"
_FILES = ["*.keras", "*.json", "recipe.yaml"]


def fetched(address: str) -> Path:
    """Fetches an embedder, or takes it from the hub's own cache.

    Args:
        address: `hf://user/name`, or `hf://user/name@revision`.

    Returns:
        Its run's folder, or its only `.keras` file.

    Raises:
        UserError: if `huggingface_hub` is not installed, the embedder cannot be fetched, or
            there is none.
    """
    name, _, revision = address.removeprefix(HUB).strip("/").partition("@")
    if name.count("/") != 1:
        raise UserError(f"{address}: expected hf://user/name, or hf://user/name@revision")
    hub = require("huggingface_hub", "huggingface", address)
    try:
        folder = hub.snapshot_download(name, revision=revision or None, allow_patterns=_FILES)
    except Exception as error:  # the hub's errors have no common base
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"{address}: cannot be fetched: {reason}. Look at the name and the connection; a "
            "folder that you have already opens by its path."
        ) from None
    return _embedder_in(Path(folder), address)


def _embedder_in(folder: Path, address: str) -> Path:
    if (folder / "embedder.keras").is_file():
        return folder / "embedder.keras"
    models = sorted(folder.glob("*.keras"))
    if len(models) != 1:
        names = ", ".join(model.name for model in models) or "none"
        raise UserError(f"{address}: expected one .keras file. Received: {names}")
    return models[0]
