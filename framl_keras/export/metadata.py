"""What an exported file says about itself, kept inside the file."""

import json
import zipfile
from pathlib import Path
from typing import Any

from framl_keras.errors import UserError
from framl_keras.untrusted.json_text import parse_json

KEY = "framl_keras"
MEMBER = f"{KEY}.json"


def write_metadata(path: Path, format: str, facts: dict[str, Any]) -> None:
    """Puts facts into an exported file.

    ONNX and OpenVINO have a place for them. A SavedModel has a folder for more assets.
    LiteRT's own tools add files as a zip after the model, and so is done for the others.
    """
    text = json.dumps(facts, ensure_ascii=False, indent=1)
    names = ("a", "b", "similarity") if facts.get("pair") else ("pixels", "embedding")
    if format == "onnx":
        _name_onnx(path, text, names)
    elif format == "openvino":
        _name_openvino(path, text, names)
    elif format == "saved_model":
        folder = path / "assets.extra"
        folder.mkdir(exist_ok=True)
        (folder / MEMBER).write_text(text, encoding="utf-8")
    else:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(MEMBER, text)


def read_metadata(path: str | Path) -> dict[str, Any]:
    """What `write_metadata` put into a file; empty if nothing.

    Raises:
        UserError: if the file is missing or damaged.

    Example:
    >>> read_metadata("embedder.onnx")["image_size"]  # doctest: +SKIP
    [112, 112]
    """
    path = Path(path)
    try:
        facts = _facts_in(path)
    except ImportError:
        raise
    except Exception as error:  # each format's library has its own for damage
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise UserError(f"{path}: not a model that was exported: {reason}.") from error
    if not isinstance(facts, dict):
        raise UserError(f"{path}: not a model that was exported: its {KEY} holds no facts.")
    return facts


def _facts_in(path: Path) -> Any:
    if path.is_dir():
        file = path / "assets.extra" / MEMBER
        return parse_json(file.read_bytes()) if file.is_file() else {}
    if path.suffix == ".onnx":
        import onnx

        properties = onnx.load(str(path), load_external_data=False).metadata_props
        return next((parse_json(each.value) for each in properties if each.key == KEY), {})
    if path.suffix == ".xml":
        import openvino

        model = openvino.Core().read_model(str(path))
        return parse_json(model.get_rt_info(KEY).astype(str)) if model.has_rt_info(KEY) else {}
    if not path.exists():
        raise FileNotFoundError("no such file")
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.endswith(MEMBER)]
        return parse_json(archive.read(members[0])) if members else {}


def _name_onnx(path: Path, text: str, names: tuple[str, ...]) -> None:
    """Names a graph's inputs, output and batch dimension, which exporters number."""
    import onnx

    model = onnx.load(str(path))
    values = [*model.graph.input, *model.graph.output]
    new = {value.name: name for value, name in zip(values, names, strict=True)}
    for node in model.graph.node:
        for side in (node.input, node.output):
            for place, name in enumerate(side):
                side[place] = new.get(name, name)
    for value in values:
        value.name = new[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, text
    onnx.save(model, str(path))


def _name_openvino(path: Path, text: str, names: tuple[str, ...]) -> None:
    import openvino

    model = openvino.Core().read_model(str(path))
    for result in model.get_results():  # each swish within the network came along as an output
        if "/" in result.get_friendly_name():
            model.remove_result(result)
    for port, name in zip((*model.inputs, *model.outputs), names, strict=True):
        port.get_tensor().set_names({name})
    model.set_rt_info(text, [KEY])
    beside = path.with_name(f"{path.stem}-named{path.suffix}")
    openvino.save_model(model, str(beside), compress_to_fp16=False)
    del model
    for suffix in (".xml", ".bin"):
        beside.with_suffix(suffix).replace(path.with_suffix(suffix))
