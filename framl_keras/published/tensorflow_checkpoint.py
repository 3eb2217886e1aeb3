"""Reads the TensorFlow checkpoints of FRAML and arcface-tf2."""

import glob
import importlib
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.errors import UserError
from framl_keras.optional import require
from framl_keras.untrusted import child

_SECONDS, _MEMORY = 120.0, 1 << 36  # importing TensorFlow takes most of either
PROTOCOL = "trackable_object_graph_pb2"
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
HEAD = ("input_norm", "dense", "output_norm")  # their OutputLayer, in the order of its layers
KEY = re.compile(
    r"^(?:model/)?layer_with_weights-(?P<part>\d+)/layer_with_weights-(?P<layer>\d+)"
    r"/(?P<variable>\w+)/\.ATTRIBUTES/VARIABLE_VALUE$"
)


def read_tensorflow_checkpoint(prefix: Path) -> dict[str, np.ndarray]:
    """Reads the weights that `save_weights` of an `ArcFaceModel` wrote.

    Args:
        prefix: the checkpoint's path without `.index`.

    Returns:
        Tensors named `layer/variable`: the network's by its layers' names, the head's
        as in `FeatureRepresentation`. What else there is keeps its key.

    Raises:
        UserError: if TensorFlow is not installed or cannot read the files.
    """
    require("tensorflow", "tensorflow", f"Reading {prefix}")
    try:
        child.call_in_child(
            "framl_keras.published.tensorflow_checkpoint:_count_tensors",
            os.path.abspath(prefix),
            seconds=_SECONDS,
            memory=_MEMORY,
        )
        return _read(prefix)
    except Exception as error:  # damage surfaces as errors of any kind
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{prefix}: not a checkpoint of Keras' save_weights: {reason}") from error


def _count_tensors(prefix: str) -> int:
    """What the child process does: reads everything, for TensorFlow crashes on hostile files."""
    return len(_read(Path(prefix)))


def _read(prefix: Path) -> dict[str, np.ndarray]:
    tf = importlib.import_module("tensorflow")
    protocol = importlib.import_module(f"tensorflow.core.protobuf.{PROTOCOL}")
    reader = tf.train.load_checkpoint(str(prefix))
    graph = protocol.TrackableObjectGraph.FromString(reader.get_tensor(GRAPH))
    attributes = [attribute for node in graph.nodes for attribute in node.attributes]
    keys = {_name(a): a.checkpoint_key for a in attributes if a.checkpoint_key}
    sizes = {key: math.prod(shape) for key, shape in reader.get_variable_to_shape_map().items()}
    if sum(sizes[key] for key in keys.values()) > _bytes_beside(prefix):
        raise ValueError("its tensors are larger than its files")
    return {name: reader.get_tensor(key) for name, key in keys.items()}


def _bytes_beside(prefix: Path) -> int:
    """What the files of a checkpoint take."""
    files = prefix.parent.glob(f"{glob.escape(prefix.name)}.*")
    return sum(file.stat().st_size for file in files)


def _name(attribute: Any) -> str:
    """Our name of a tensor."""
    match = KEY.match(attribute.checkpoint_key)
    if not match:
        return attribute.checkpoint_key
    part, layer = int(match["part"]), int(match["layer"])
    if part == 0:
        return attribute.full_name.replace("/depthwise_kernel", "/kernel")
    if part == 1 and layer < len(HEAD):
        return f"{HEAD[layer]}/{match['variable']}"
    return attribute.checkpoint_key
