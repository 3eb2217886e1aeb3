"""Writes this folder's arrays with the real bcolz 1.2.1; see README.md. Runs on Python 3.6."""

import os
import sys

import bcolz
import numpy as np

CASES = {  # name -> (dtype, compressor, level, shuffle)
    "lz4_shuffle_float32": ("float32", "lz4", 5, bcolz.SHUFFLE),
    "lz4_bitshuffle_float32": ("float32", "lz4", 5, bcolz.BITSHUFFLE),
    "zstd_noshuffle_float32": ("float32", "zstd", 5, bcolz.NOSHUFFLE),
    "blosclz_shuffle_uint8": ("uint8", "blosclz", 5, bcolz.SHUFFLE),
    "zlib_shuffle_uint8": ("uint8", "zlib", 5, bcolz.SHUFFLE),
    "snappy_shuffle_float32": ("float32", "snappy", 5, bcolz.SHUFFLE),
    "uncompressed_float32": ("float32", "lz4", 0, bcolz.NOSHUFFLE),
    "uncompressed_uint8": ("uint8", "blosclz", 0, bcolz.SHUFFLE),
}


def pixels(count=6, size=16):
    """Smooth 8-bit images, (count, 3, size, size)."""
    n, c, y, x = np.indices((count, 3, size, size))
    return ((n * 37 + c * 11 + y * 3 + x * 5) % 256).astype(np.uint8)


def write(root, name, dtype, cname, clevel, shuffle):
    values = pixels()
    if dtype == "float32":
        values = (values.astype(np.float32) - np.float32(127.5)) / np.float32(127.5)
    params = bcolz.cparams(clevel=clevel, shuffle=shuffle, cname=cname)
    array = bcolz.carray(
        values[:0], rootdir=os.path.join(root, name), mode="w", cparams=params, chunklen=4
    )
    array.append(values)  # six images in chunks of four: the last one is partial
    array.flush()


def write_like_face_evolve(root):
    """A pair set as the widely used script makes it: `fill`, then image by image."""
    values = (pixels(8).astype(np.float32) - np.float32(127.5)) / np.float32(127.5)
    path = os.path.join(root, "lfw_align_112", "lfw")
    array = bcolz.fill(values.shape, dtype=np.float32, rootdir=path, mode="w")
    for position, image in enumerate(values):
        array[position, ...] = image
    array.flush()
    np.save(path + "_list", np.array([True, False, True, False]))


if __name__ == "__main__":
    for case, settings in CASES.items():
        write(sys.argv[1], case, *settings)
    os.makedirs(os.path.join(sys.argv[1], "lfw_align_112"))
    write_like_face_evolve(sys.argv[1])
