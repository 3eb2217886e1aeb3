"""Reads the TensorFlow checkpoints of FRAML and arcface-tf2."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.errors import UserError
from framl_keras.optional import require

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
    tf = require("tensorflow", "tensorflow", f"Reading {prefix}")
    protocol = require(f"tensorflow.core.protobuf.{PROTOCOL}", "tensorflow", f"Reading {prefix}")
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        content = reader.get_tensor(GRAPH)
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{prefix}: not a checkpoint of Keras' save_weights: {reason}") from None
    graph = protocol.TrackableObjectGraph.FromString(content)
    attributes = [attribute for node in graph.nodes for attribute in node.attributes]
    return {_name(a): reader.get_tensor(a.checkpoint_key) for a in attributes if a.checkpoint_key}


def _name(attribute: Any) -> str:
    """What a tensor is called here."""
    found = KEY.match(attribute.checkpoint_key)
    if not found:
        return attribute.checkpoint_key
    part, layer = int(found["part"]), int(found["layer"])
    if part == 0:
        return attribute.full_name.replace("/depthwise_kernel", "/kernel")
    if part == 1 and layer < len(HEAD):
        return f"{HEAD[layer]}/{found['variable']}"
    return attribute.checkpoint_key
