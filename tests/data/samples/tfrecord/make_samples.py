"""Writes this folder's files with TensorFlow's own classes; see README.md."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf


def feature(value):
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def example(**features):
    named = {f"image/{name}": feature(value) for name, value in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=named)).SerializeToString()


def image(number):
    """A 24x24 JPEG with a gradient."""
    y, x = np.indices((24, 24))
    pixels = np.stack([x * 9 + number * 20, y * 9, x * 0 + 128], axis=-1) % 256
    return tf.io.encode_jpeg(pixels.astype(np.uint8), quality=95).numpy()


def write(root):
    """Two identities, 7 and 30, with three images each."""
    with (
        tf.io.TFRecordWriter(str(root / "binary.tfrecord")) as binary,
        tf.io.TFRecordWriter(str(root / "online.tfrecord")) as online,
    ):
        for number in range(6):
            identity, name = (7, 30)[number % 2], f"{number}.jpg"
            path = f"{identity}/{name}"
            (root / "imgs" / str(identity)).mkdir(parents=True, exist_ok=True)
            (root / "imgs" / path).write_bytes(image(number))
            binary.write(example(source_id=identity, filename=path.encode(), encoded=image(number)))
            online.write(example(source_id=identity, img_path=path.encode()))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
