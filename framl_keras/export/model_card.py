"""The page that lies beside an exported file and says what it is."""

from collections.abc import Mapping
from typing import Any

CARD = "MODEL_CARD.md"
_PROPORTIONS = {
    "stretch": "; images of other proportions are stretched",
    "pad": "; images of other proportions get black borders",
    "crop": "; of images of other proportions the middle",
}
PERCENT = {"accuracy", "eer"}
_USE = {
    "onnx": 'session = onnxruntime.InferenceSession("{file}")\n'
    "{gives} = session.run(None, {by_name})[0]",
    "saved_model": '{gives} = tf.saved_model.load("{file}").serve({given})',
    "openvino": '{gives} = openvino.Core().compile_model("{file}", "CPU")([{listed}])[0]',
    "torch": '{gives} = torch.jit.load("{file}")({tensors})',
    "stablehlo": '{gives} = jax.export.deserialize(open("{file}", "rb").read()).call({listed})',
    "litert": 'interpreter = Interpreter("{file}")  # of ai_edge_litert.interpreter',
}


def model_card(name: str, facts: Mapping[str, Any], size: int) -> str:
    """The card's text, in Markdown.

    Args:
        name: of the exported file.
        facts: what the file's metadata holds.
        size: of the file in bytes.
    """
    kind = "fused: the image's and its mirror image's, added, at length one"
    gives = f"- Output: float32 `(batch, {facts['dim']})`, " + (
        kind if facts["fused"] else "the plain embedding: of any length, not mirrored"
    )
    parity = facts["parity"]
    lines = [
        f"# {name}",
        "",
        "An embedding model, exported by framl-keras.",
        "",
        f"- Input `pixels`: {_pixels(facts)}"
        + (", the middle of each image" if facts["central_crop"] else "")
        + _PROPORTIONS[facts["aspect_ratio"]],
        gives,
        *_origin(facts, size),
        "",
        "## Is it the model that was trained?",
        "",
        f"{_compared(parity)} a component of a unit embedding is {parity['largest']:.1e}, and the "
        f"least cosine between the two is {parity['cosine']:.6f}.",
    ]
    for each in facts["verification"]:
        lines += ["", *_set_lines(each)]
    if not facts["verification"]:
        lines += ["", "It was not verified on pairs."]
    return "\n".join([*lines, *_thresholds(facts), *_use(name, facts), *_limits(facts)])


def pair_card(name: str, facts: Mapping[str, Any], size: int) -> str:
    """The card of a model of two images, in Markdown; see `model_card`."""
    parity, measure = facts["parity"], facts["similarity"]
    lines = [
        f"# {name}",
        "",
        f"A model that compares images two by two under `{measure}`, exported by framl-keras.",
        "",
        f"- Inputs `a` and `b`: {_pixels(facts)}",
        f"- Output: float32 `(batch,)`, the {measure} of the fused embeddings of each pair",
        *_origin(facts, size),
        "",
        "## Is it the model that was trained?",
        "",
        f"{_compared(parity)} the {measure} is {parity['largest']:.1e}.",
    ]
    return "\n".join([*lines, *_thresholds(facts), *_use(name, facts), *_limits(facts)])


def _pixels(facts: Mapping[str, Any]) -> str:
    height, width, channels = facts["input"]
    kind = "RGB" if channels == 3 else "gray"
    return f"uint8 {kind} pixels, `(batch, {height}, {width}, {channels})`, any batch"


def _origin(facts: Mapping[str, Any], size: int) -> list[str]:
    """What it is made of and may be used for."""
    precision = facts.get("precision", "float32")
    return [
        f"- Size: {size / 2**20:.1f} MiB; format: {facts['format']}; numbers: {precision}",
        f"- Weights: {facts['weights']}",
        f"- Alignment: {facts['alignment']}",
        f"- Trained on: {facts['trained_on']}",
        f"- License: {facts['license']}",
    ]


def _compared(parity: Mapping[str, Any]) -> str:
    batches = ", ".join(map(str, parity["batches"]))
    return (
        f"Beside Keras on {parity['images']} images in batches of {batches}, the largest "
        "difference of"
    )


def _set_lines(each: Mapping[str, Any]) -> list[str]:
    """A table of one verification set."""
    rows = []
    for rate in ("accuracy", "auc", "eer"):
        keras, file = (_rate(rate, value) for value in each[rate])
        interval = each["intervals"].get(rate)
        span = "-" if interval is None else " to ".join(_rate(rate, end) for end in interval)
        rows.append(f"| {rate} | {keras} | {span} | {file} |")
    return [
        f"{each['set_name']}: {each['pairs']:,} pairs under the cosine, thresholds chosen on the "
        f"other folds. At Keras' threshold {each['other_verdicts']} pairs are judged otherwise.",
        "",
        "| | Keras | 95 % interval | this file |",
        "| --- | --- | --- | --- |",
        *rows,
    ]


def _rate(name: str, value: float) -> str:
    return f"{100 * value:.2f} %" if name in PERCENT else f"{value:.4f}"


def _thresholds(facts: Mapping[str, Any]) -> list[str]:
    """A table of what distances mean the same identity."""
    if not facts["thresholds"]:
        return []
    rows = [f"| {name} | {value:.6f} |" for name, value in facts["thresholds"].items()]
    head = ["| similarity | same below this distance |", "| --- | --- |"]
    return ["", "## Thresholds", "", *head, *rows]


def _use(name: str, facts: Mapping[str, Any]) -> list[str]:
    """How the file is loaded."""
    names = ("a", "b") if facts.get("pair") else ("pixels",)
    listed = ", ".join(names)
    code = _USE[facts["format"]].format(
        file=name,
        gives="similarity" if facts.get("pair") else "vectors",
        given=f"[{listed}]" if len(names) > 1 else listed,
        listed=listed,
        by_name="{" + ", ".join(f'"{each}": {each}' for each in names) + "}",
        tensors=", ".join(f"torch.from_numpy({each})" for each in names),
    )
    return ["", "## Use", "", "```python", code, "```"]


def _limits(facts: Mapping[str, Any]) -> list[str]:
    """What the numbers do not say."""
    limits = [
        "The numbers above hold for images like those that they were taken on, aligned and "
        "resized in the same way; other ages, cameras or groups of people were not measured "
        "unless a set above says so. A threshold is for this output and for no other model. "
        "Vectors of people are personal data.",
    ]
    if facts.get("precision", "float32") != "float32":
        limits.append(
            "Its numbers are rounded: vectors of this file and of the float32 model should not "
            "be compared with each other."
        )
    if (policy := facts.get("trained_in", "float32")) != "float32":
        limits.append(
            f"It was trained in {policy}, and this file computes in float32: distances differ a "
            "little from those by which the thresholds were chosen."
        )
    return ["", "## Limits", "", *limits, ""]
