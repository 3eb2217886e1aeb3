"""Writes this folder's files with MXNet's own writer; see README.md. Runs on Python 3.8."""

import io
import os
import sys

import mxnet as mx
import numpy as np
from PIL import Image

MAGIC = b"\x0a\x23\xd7\xce"  # RecordIO's own, in the data: the writer splits the record there
JPEG_COMMENT = b"\xff\xfe\x00\x1a" + b"\0" * 2 + (MAGIC + b"\0\0\0\0") * 2 + b"\0" * 6


def image(number):
    """A 24x24 JPEG; number 3 carries RecordIO's magic number in a comment."""
    y, x = np.indices((24, 24))
    pixels = np.stack([x * 9 + number * 20, y * 9, x * 0 + 128], axis=-1) % 256
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "JPEG", quality=95)
    data = stream.getvalue()
    return data[:2] + JPEG_COMMENT + data[2:] if number == 3 else data


def write(root, name, vectors):
    """As insightface packs faces: images from key 1 on, then identities, the header at key 0."""
    record = mx.recordio.MXIndexedRecordIO(
        os.path.join(root, name + ".idx"), os.path.join(root, name + ".rec"), "w"
    )
    labels = [0, 0, 0, 1, 1, 5]
    for key, number in enumerate(labels, start=1):
        label = [float(number), 0.5, 0.25] if vectors else float(number)
        header = mx.recordio.IRHeader(0, label, key, 0)
        record.write_idx(key, mx.recordio.pack(header, image(key)))
    for key, keys in enumerate([(1, 4), (4, 6), (6, 7)], start=7):
        header = mx.recordio.IRHeader(2, [float(k) for k in keys], key, 0)
        record.write_idx(key, mx.recordio.pack(header, b""))
    header = mx.recordio.IRHeader(2, [7.0, 10.0], 0, 0)
    record.write_idx(0, mx.recordio.pack(header, b""))
    record.close()
    for key in range(1, 7):
        with open(os.path.join(root, str(key) + ".jpg"), "wb") as file:
            file.write(image(key))


if __name__ == "__main__":
    write(sys.argv[1], "train", vectors=False)
    write(sys.argv[1], "vectors", vectors=True)
