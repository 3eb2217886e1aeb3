"""An ONNX graph without what exporters leave in it, such as casts to the same type."""

from pathlib import Path


def simplify(path: Path) -> None:
    """Rewrites a file by onnxruntime's basic optimizations, which use ONNX' own operators only.

    Torch's exporter leaves 700 nodes where 100 do, and quantizers read what is there.
    """
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    beside = path.with_name(f"simple-{path.name}")
    options.optimized_model_filepath = str(beside)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    model = onnx.load(str(beside))
    used = {node.domain for node in model.graph.node}
    imports = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(imports)
    onnx.save(model, str(path))
    beside.unlink()
