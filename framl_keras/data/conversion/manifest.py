"""What a conversion wrote: `<destination>.manifest.json`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from framl_keras.data.atomic import write_beside


@dataclass(frozen=True)
class Manifest:
    """What was written.

    Attributes:
        task: what was converted and how.
        records: number of images.
        classes: number of identities.
        class_names: their names.
        images_per_class: images of each.
        content: sum of the SHA-256 of every record's identity and image modulo 2^256:
            equal for equal content whatever the order, shards and format.
        shards: each file's name, records and bytes.
        skipped: what could not be read and was left out.
        left_out: what else lies in the source but is no record now.
    """

    task: dict[str, Any]
    records: int
    classes: int
    class_names: list[str]
    images_per_class: list[int]
    content: str
    shards: list[dict[str, Any]]
    skipped: list[str]
    left_out: list[str]

    def save(self, destination: Path) -> None:
        """Writes it beside the destination."""
        with write_beside(manifest_path(destination)) as file:
            text = json.dumps(asdict(self), ensure_ascii=True, indent=1)
            file.write_text(text, encoding="ascii")


def manifest_path(destination: Path) -> Path:
    """Where the manifest of a destination is."""
    return destination.with_name(f"{destination.name}.manifest.json")
