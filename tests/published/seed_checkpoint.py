"""A checkpoint as the seed's `ArcFaceModel.save_weights` writes it, with seeded weights.

Run with tf-keras installed, this file writes `seed_embeddings.json`: what the seed's
own framework makes of such a checkpoint:

    python tests/published/seed_checkpoint.py
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np

HEAD = ("input_norm", "dense", "output_norm")
SIZE = 64
KEPT = 16  # numbers of each embedding in the JSON


def draw(name, shape):
    """Seeded values for `layer/variable`."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith(("gamma", "variance")):
        return rng.uniform(0.5, 1.0, shape).astype(np.float32)
    values = rng.standard_normal(shape, dtype=np.float32)
    if len(shape) < 2:
        return 0.1 * values
    fan_in = np.prod(shape[:2]) if "depthwise" in name else np.prod(shape[:-1])
    return values * np.float32((1.5 / fan_in) ** 0.5)


def pixels():
    return np.random.default_rng(7).integers(0, 256, (2, SIZE, SIZE, 3)).astype(np.float32)


def write(prefix, network, head):
    """Writes a checkpoint in Keras 2's object graph.

    Args:
        prefix: its path.
        network: the backbone's layers: name -> variable -> shape.
        head: the same of the three layers after it.
    """
    import tensorflow as tf

    def variables(name, shapes, saved=None):
        saved = saved or name
        return tf.train.Checkpoint(
            **{v: tf.Variable(draw(f"{name}/{v}", s), name=f"{saved}/{v}") for v, s in shapes}
        )

    def part(nodes):
        return tf.train.Checkpoint(
            **{f"layer_with_weights-{i}": node for i, node in enumerate(nodes)}
        )

    backbone = [variables(name, shapes) for name, shapes in network.items()]
    names = ("batch_normalization", "dense", "batch_normalization_1")
    after = [variables(n, s, saved) for (n, s), saved in zip(head.items(), names, strict=True)]
    margin = [tf.train.Checkpoint(weights=tf.Variable(tf.zeros((512, 3)), name="head/weights"))]
    part([part(backbone), part(after), part(margin)]).write(str(prefix))


def _seed_model(kind):
    """arcface-tf2's model for inference, in tf-keras."""
    import tf_keras as keras

    inputs = keras.Input((SIZE, SIZE, 3))
    backbone = getattr(keras.applications, kind)(
        input_shape=(SIZE, SIZE, 3), include_top=False, weights=None
    )
    norm = keras.layers.BatchNormalization
    dense = keras.layers.Dense(512)
    head = [norm(), keras.layers.Dropout(0.5), keras.layers.Flatten(), dense, norm()]
    x = backbone(inputs)
    for layer in head:
        x = layer(x)
    for layer, name in zip((head[0], head[3], head[4]), HEAD, strict=True):
        _fill(layer, name)
    for layer in backbone.layers:
        _fill(layer, layer.name)
    return keras.Model(inputs, x)


def _fill(layer, name):
    for weight in layer.weights:
        kind = weight.name.split("/")[-1].removesuffix(":0").replace("depthwise_kernel", "kernel")
        weight.assign(draw(f"{name}/{kind}", tuple(weight.shape)))


def main():
    result = {}
    for kind in ("ResNet50", "MobileNetV2"):
        vectors = _seed_model(kind)(pixels() / 255, training=False).numpy().astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        result[kind] = vectors[:, :KEPT].round(8).tolist()
    Path(__file__).with_name("seed_embeddings.json").write_text(json.dumps(result, indent=0))


if __name__ == "__main__":
    sys.exit(main())
