"""Names of a data set's files when it is cut into several: `faces.tfrecord-00001-of-00004`."""

import re
from collections.abc import Sequence
from pathlib import Path

from framl_keras.errors import UserError

_SHARD = re.compile(r"(?P<name>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})")


def shard_names(path: Path, count: int) -> list[Path]:
    """The files of a data set called `path`: itself alone, or `count` numbered ones."""
    if count == 1:
        return [path]
    return [path.with_name(f"{path.name}-{n:05d}-of-{count:05d}") for n in range(count)]


def shards_of(path: Path) -> list[Path]:
    """The numbered files of a data set called `path`, in order."""
    if not path.parent.is_dir():
        return []
    beside = (file for file in path.parent.iterdir() if file.name.startswith(path.name + "-"))
    return sorted(
        file for file in beside if (m := _SHARD.fullmatch(file.name)) and m["name"] == path.name
    )


def all_shards(files: Sequence[Path]) -> list[Path]:
    """The files, once it is sure that no shard is missing.

    Raises:
        UserError: if one is.
    """
    there = set(files)
    for file in files:
        match = _SHARD.fullmatch(file.name)
        if match:
            expected = shard_names(file.with_name(match["name"]), int(match["count"]))
            missing = next((other for other in expected if other not in there), None)
            if missing and int(match["count"]) > 1 and not missing.exists():
                raise UserError(f"{missing} is missing beside {file.name}. Restore or convert it.")
    return list(files)
