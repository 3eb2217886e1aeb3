"""Writes a folder of identities into other containers, by those containers' own libraries."""

import importlib.util
import io
import pickle
import tarfile
import zipfile

import numpy as np

from framl_keras.data.decode import decode
from framl_keras.data.sources import ImageFolder, Sample


def write_zip(folder, path, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))


def write_deflated_zip(folder, path):
    write_zip(folder, path, zipfile.ZIP_DEFLATED)


def write_tar(folder, path):
    with tarfile.open(path, "w") as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            archive.add(file, file.relative_to(folder))


def write_webdataset(folder, path):
    source = ImageFolder(folder)
    with tarfile.open(path, "w") as archive:
        for index in range(len(source)):
            name = source.path_of(index).suffix
            for ending, data in (
                (name, source[index].image),
                (".cls", source.class_names[source.labels[index]].encode()),
            ):
                member = tarfile.TarInfo(f"{index:06d}{ending}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))


def write_npz(folder, path):
    source = ImageFolder(folder)
    images = [decode(Sample(source[i].image, 0, str(i))) for i in range(len(source))]
    names = [source.class_names[label] for label in source.labels]
    np.savez(path, images=np.stack(images), labels=np.array(names))


def write_parquet(folder, path):
    """As `datasets` does, without needing it."""
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    source = ImageFolder(folder)
    images = [{"bytes": source[i].image, "path": str(i)} for i in range(len(source))]
    features = {"label": {"names": source.class_names, "_type": "ClassLabel"}}
    table = pa.table({"image": images, "label": source.labels}).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    pq.write_table(table, path, row_group_size=5)


def _samples(folder):
    source = ImageFolder(folder)
    return [(source[i].image, source.class_names[source.labels[i]]) for i in range(len(source))]


def write_hdf5(folder, path):
    """Pixels in small packed chunks, and numbers that the file names."""
    import h5py

    source = ImageFolder(folder)
    images = [decode(Sample(source[i].image, 0, str(i))) for i in range(len(source))]
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=np.stack(images), chunks=True, compression="gzip")
        file.create_dataset("labels", data=source.labels)
        file["labels"].attrs["class_names"] = np.array(source.class_names, dtype=object)


def write_encoded_hdf5(folder, path):
    """Encoded images, and text."""
    import h5py

    with h5py.File(path, "w") as file:
        images, names = zip(*_samples(folder), strict=True)
        rows = file.create_dataset("image", (len(images),), dtype=h5py.vlen_dtype(np.uint8))
        for row, image in enumerate(images):
            rows[row] = np.frombuffer(image, dtype=np.uint8)
        file.create_dataset("label", data=list(names), dtype=h5py.string_dtype())


def write_lmdb(path, pairs, size=1 << 24):
    import lmdb

    database = lmdb.open(str(path), subdir=False, map_size=size, lock=False)
    with database, database.begin(write=True) as transaction:
        for key, value in pairs:
            transaction.put(key, value)


def write_lmdb_of_paths(folder, path):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    write_lmdb(
        path, [(str(f.relative_to(folder)).encode(), f.read_bytes()) for f in files], 1 << 30
    )


def write_numbered_lmdb(folder, path):
    samples = _samples(folder)
    pairs = [(b"num-samples", str(len(samples)).encode())]
    for number, (image, name) in enumerate(samples, 1):
        pairs += [(f"image-{number:09d}".encode(), image)]
        pairs += [(f"label-{number:09d}".encode(), name.encode())]
    write_lmdb(path, pairs, 1 << 30)


def write_pickled_lmdb(folder, path):
    samples = _samples(folder)
    keys = [f"{number:08d}".encode() for number in range(len(samples))]
    pairs = [(b"__len__", pickle.dumps(len(samples))), (b"__keys__", pickle.dumps(keys))]
    pairs += [(key, pickle.dumps(sample)) for key, sample in zip(keys, samples, strict=True)]
    write_lmdb(path, pairs)


ARCHIVES = {
    "x.zip": write_zip,
    "deflated.zip": write_deflated_zip,
    "x.tar": write_tar,
    "webdataset.tar": write_webdataset,
    "x.npz": write_npz,
    "x.h5": write_hdf5,
    "encoded.h5": write_encoded_hdf5,
    **(
        {
            "paths.mdb": write_lmdb_of_paths,
            "numbered.mdb": write_numbered_lmdb,
            "pickled.mdb": write_pickled_lmdb,
        }
        if importlib.util.find_spec("lmdb")
        else {}
    ),
    **({"x.parquet": write_parquet} if importlib.util.find_spec("pyarrow") else {}),
}
