"""ONNX files of insightface's recognizers give the embeddings that onnxruntime gives for them."""

import numpy as np
import pytest

from framl_keras.errors import UserError
from framl_keras.published import import_weights

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

import torch_models  # noqa: E402  (it needs torch)


def exported(path, model, folds=True, size=112):
    """A file as insightface makes them: torch's exporter folds batch norms where it can."""
    mode = torch.onnx.TrainingMode.EVAL if folds else torch.onnx.TrainingMode.PRESERVE
    torch.onnx.export(
        model.eval(),
        (torch.zeros(1, 3, size, size),),
        str(path),
        input_names=["input.1"],
        training=mode,
        do_constant_folding=folds,
        dynamo=False,
    )
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    model = torch_models.randomize(torch_models.IResNet((2, 2, 2, 2)))
    return exported(tmp_path_factory.mktemp("onnx") / "w600k_r18.onnx", model)


def kinds_in(path):
    return [node.op_type for node in onnx.load(str(path)).graph.node]


def original(path, pixels):
    session = onnxruntime.InferenceSession(str(path))
    scaled = np.float32((pixels.transpose(0, 3, 1, 2) - 127.5) / 127.5)
    return np.concatenate([session.run(None, {"input.1": one[None]})[0] for one in scaled])


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("name", [None, "iresnet18", "r18"])
def test_folded_batch_norms_come_back(name, file, zero_start):
    kinds = kinds_in(file)
    assert kinds.count("BatchNormalization") < kinds.count("Conv")  # folded, as published
    pixels = np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3)).astype(np.float32)

    imported = import_weights(file, name)

    found, expected = imported.embedder.predict_on_batch(pixels), original(file, pixels)
    np.testing.assert_allclose(unit(found), unit(expected), atol=1e-4)
    assert np.abs(unit(expected)[0] - unit(expected)[1]).max() > 1e-2
    assert imported.difference < 1e-4
    assert imported.framework == "onnxruntime"


def test_batch_norms_that_were_not_folded_are_read_too(tmp_path, zero_start):
    model = torch_models.randomize(torch_models.IResNet((2, 2, 2, 2)))
    path = exported(tmp_path / "plain.onnx", model, folds=False)
    kinds = kinds_in(path)
    assert kinds.count("BatchNormalization") >= kinds.count("Conv")

    assert import_weights(path).difference < 1e-4


def changed(file, tmp_path, change):
    model = onnx.load(str(file))
    change(model)
    path = tmp_path / "changed.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def without_prelu(model):
    next(node for node in model.graph.node if node.op_type == "PRelu").op_type = "Relu"


def of_other_bytes(model):
    model.graph.initializer[0].raw_data = b"12345"


def external(model):
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "elsewhere"


def with_two_inputs(model):
    model.graph.input.add().name = "mask"


FAULTS = {
    "another network": (without_prelu, None, r"IResNets. Expected .*PRelu after .*, and not Relu"),
    "damaged": (of_other_bytes, None, "damaged"),
    "weights elsewhere": (external, None, "its weights are in another file"),
    "two inputs": (with_two_inputs, None, "2 inputs and 1 outputs"),
    "another name": (lambda model: None, "r50", "is IResNet18's, not IResNet50's"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_iresnet_is_said_in_one_line(fault, file, tmp_path):
    change, name, message = FAULTS[fault]

    with pytest.raises(UserError, match=message) as error:
        import_weights(changed(file, tmp_path, change), name)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_onnx_is_said(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"x" * 100)

    with pytest.raises(UserError, match="not an ONNX file"):
        import_weights(path)
