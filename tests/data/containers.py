"""Writes a folder of identities into other containers, by those containers' own libraries."""

import importlib.util
import io
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


ARCHIVES = {
    "x.zip": write_zip,
    "deflated.zip": write_deflated_zip,
    "x.tar": write_tar,
    "webdataset.tar": write_webdataset,
    "x.npz": write_npz,
    **({"x.parquet": write_parquet} if importlib.util.find_spec("pyarrow") else {}),
}
