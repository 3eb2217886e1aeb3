"""The page that lies beside an exported file and says what it is."""

from collections.abc import Mapping
from typing import Any

_USE = {
    "onnx": 'session = onnxruntime.InferenceSession("{file}")\n'
    'vectors = session.run(None, {{"pixels": pixels}})[0]',
    "saved_model": 'vectors = tf.saved_model.load("{file}").serve(pixels)',
    "openvino": 'vectors = openvino.Core().compile_model("{file}", "CPU")([pixels])[0]',
    "torch": 'vectors = torch.jit.load("{file}")(torch.from_numpy(pixels))',
    "stablehlo": 'vectors = jax.export.deserialize(open("{file}", "rb").read()).call(pixels)',
    "litert": 'interpreter = Interpreter("{file}")  # of ai_edge_litert.interpreter',
}


def model_card(name: str, facts: Mapping[str, Any], size: int) -> str:
    """The card's text, in Markdown.

    Args:
        name: of the exported file.
        facts: what the file's metadata holds.
        size: of the file in bytes.
    """
    height, width, channels = facts["input"]
    parity = facts["parity"]
    kind = "fused: the image's and its mirror image's, added, at length one"
    lines = [
        f"# {name}",
        "",
        "An embedding model, exported by framl-keras.",
        "",
        f"- Input: uint8 RGB pixels, `(batch, {height}, {width}, {channels})`, any batch"
        + (", the middle of each image" if facts["central_crop"] else ""),
        f"- Output: float32 `(batch, {facts['dim']})`, "
        + (kind if facts["fused"] else "the plain embedding: of any length, not mirrored"),
        f"- Size: {size / 2**20:.1f} MiB; format: {facts['format']}",
        f"- Weights: {facts['weights']}",
        f"- Alignment: {facts['alignment']}",
        f"- Trained on: {facts['trained_on']}",
        f"- License: {facts['license']}",
        "",
        "## Is it the model that was trained?",
        "",
        f"Beside Keras on {parity['images']} images in batches of "
        f"{', '.join(map(str, parity['batches']))}, the largest difference of a component of a "
        f"unit embedding is {parity['largest']:.1e}.",
    ]
    for each in facts["verification"]:
        lines += ["", _set_line(each)]
    return "\n".join([*lines, *_thresholds(facts), *_use(name, facts["format"])])


def _use(name: str, format: str) -> list[str]:
    """How the file is loaded, and what its numbers do not say."""
    return [
        "",
        "## Use",
        "",
        "```python",
        _USE[format].format(file=name),
        "```",
        "",
        "## Limits",
        "",
        "The numbers above hold for images like those that they were taken on. A threshold is "
        "for this output and for no other model. Vectors of people are personal data.",
        "",
    ]


def _set_line(each: Mapping[str, Any]) -> str:
    (keras, file), (auc, file_auc) = each["accuracy"], each["auc"]
    return (
        f"{each['set_name']}, {each['pairs']:,} pairs, cosine: accuracy {100 * keras:.2f} % by "
        f"Keras and {100 * file:.2f} % by the file, AUC {auc:.4f} and {file_auc:.4f}; "
        f"{each['other_verdicts']} pairs are judged otherwise."
    )


def _thresholds(facts: Mapping[str, Any]) -> list[str]:
    """A table of what distances mean the same identity."""
    if not facts["thresholds"]:
        return []
    rows = [f"| {name} | {value:.6f} |" for name, value in facts["thresholds"].items()]
    head = ["| similarity | same below this distance |", "| --- | --- |"]
    return ["", "## Thresholds", "", *head, *rows]
