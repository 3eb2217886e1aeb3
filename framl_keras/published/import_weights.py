"""Makes an embedder from a file of published weights."""

from pathlib import Path

from framl_keras.errors import UserError
from framl_keras.published.catalog import backbone_named
from framl_keras.published.from_keras import from_keras_model, from_keras_weights
from framl_keras.published.from_onnx import from_onnx
from framl_keras.published.from_tensorflow import from_tensorflow
from framl_keras.published.from_torch import from_torch
from framl_keras.published.imported import Imported

FOREIGN = {
    ".params": "MXNet's parameters. Expected the same model as insightface publishes it for "
    "torch (.pth).",
    ".pb": "a TensorFlow graph. Expected the checkpoint beside it (.index).",
    ".pkl": "a pickle, which runs code when it is read. Save a state dict: "
    "torch.save(model.state_dict(), 'model.pth').",
    ".npz": "NumPy's arrays. Expected a state dict or .safetensors with the original's names.",
    ".tflite": "a TensorFlow Lite model. Expected the checkpoint that it was converted from.",
}
TORCH_SUFFIXES = (".pth", ".pt", ".ckpt", ".bin", ".tar", ".safetensors")


def import_weights(
    source: str | Path,
    name: str | None = None,
    image_size: int = 112,
    embedding_dim: int | None = None,
    layout: str | None = None,
) -> Imported:
    """Reads published weights into an embedding model and compares it with the original.

    Args:
        source: a torch state dict or checkpoint, safetensors, an ONNX file of insightface's
            IResNets, a TensorFlow checkpoint (its `.index` or prefix), or Keras' `.keras` or
            `.weights.h5`.
        name: what the weights are of, such as `iresnet50`, `mbf`, `adaface_ir50` or
            `resnet50`; `.keras` and `.onnx` files say it themselves.
        image_size: side of the input in pixels.
        embedding_dim: for `.weights.h5`; other sources tell it.
        layout: how the tensors are stored, `arcface_torch` or `magface`, where networks
            share the names of their tensors.

    Raises:
        UserError: if the source cannot be read, or its tensors are not exactly those
            of the network.

    Example:
    >>> import_weights("backbone.pth", "iresnet50").difference  # doctest: +SKIP
    2.1e-07
    """
    path = Path(source)
    prefix = path.with_suffix("") if path.suffix == ".index" else path
    if Path(f"{prefix}.index").is_file():
        return from_tensorflow(prefix, backbone_named(name), image_size)
    if not path.is_file():
        raise UserError(f"No such weights: {path}")
    if path.suffix == ".keras":
        return from_keras_model(path)
    if path.suffix == ".h5":
        return from_keras_weights(path, backbone_named(name), image_size, embedding_dim)
    if path.suffix.lower() == ".onnx":
        return from_onnx(path, backbone_named(name, layout) if name else None, image_size)
    if path.suffix in TORCH_SUFFIXES:
        return from_torch(path, backbone_named(name, layout), image_size, layout is not None)
    if advice := FOREIGN.get(path.suffix.lower()):
        raise UserError(f"{path}: {advice}")
    kinds = ", ".join((*TORCH_SUFFIXES, ".onnx", ".index", ".keras", ".weights.h5"))
    raise UserError(f"{path}: unknown kind of weights. Expected one of {kinds}.")
