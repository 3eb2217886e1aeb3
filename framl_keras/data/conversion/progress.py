"""How far a conversion is, kept beside its destination so that it can go on."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from framl_keras.data.atomic import write_beside
from framl_keras.errors import UserError
from framl_keras.untrusted.json_text import read_json


@dataclass
class ShardProgress:
    """How far one file is.

    Attributes:
        position: samples of its part of the order that are done.
        records: records written.
        size: bytes written.
        digest: sum of the records' digests modulo 2^256, in hexadecimal.
        skipped: what could not be read and was left out.
        done: whether the file stands under its own name.
    """

    position: int = 0
    records: int = 0
    size: int = 0
    digest: str = "0"
    skipped: list[str] = field(default_factory=list)
    done: bool = False

    def add_digest(self, digest: int) -> None:
        """Adds a record's digest."""
        self.digest = f"{(int(self.digest, 16) + digest) % 2**256:x}"


class Progress:
    """The progress of all files of one conversion.

    Args:
        path: where it is kept.
        task: what is converted and how; kept progress of another task is refused.
        shards: number of files.

    Raises:
        UserError: if another task's progress lies there.
    """

    def __init__(self, path: Path, task: dict[str, Any], shards: int):
        self.path, self._task = path, json.loads(json.dumps(task))
        self.shards = self._read() or [ShardProgress() for _ in range(shards)]

    def save(self) -> None:
        """Keeps the progress."""
        content = {"task": self._task, "shards": [asdict(shard) for shard in self.shards]}
        with write_beside(self.path) as file:
            file.write_text(json.dumps(content), encoding="utf-8")

    def remove(self) -> None:
        """Forgets the progress: the conversion is complete."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> list[ShardProgress] | None:
        if not self.path.exists():
            return None
        anew = "Delete it to start anew."
        content = read_json(self.path, "the progress of a conversion", anew)
        try:
            shards = [_shard(shard) for shard in content["shards"]]
            task = content["task"]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{self.path}: not the progress of a conversion. {anew}") from None
        if task != self._task:
            raise UserError(
                f"{self.path}: a conversion with other data or options was interrupted here. "
                "Repeat that one, or start anew with --overwrite."
            )
        return shards


def _shard(content: dict[str, Any]) -> ShardProgress:
    """A file's progress as JSON holds it, each value of its kind."""
    shard, fresh = ShardProgress(**content), ShardProgress()
    for name, value in asdict(fresh).items():
        if type(getattr(shard, name)) is not type(value):
            raise TypeError(name)
    int(shard.digest, 16)
    counts = (shard.position, shard.records, shard.size)
    if min(counts) < 0 or not all(isinstance(name, str) for name in shard.skipped):
        raise ValueError("counts and names")
    return shard
