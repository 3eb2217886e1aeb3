"""Several sources as one, with a map from their identities' names to common ones."""

import logging
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.source import Sample, Source
from framl_keras.data.table import read_table
from framl_keras.errors import UserError

log = logging.getLogger(__name__)
_COLUMNS = {
    "name": ("name", "from", "old"),
    "label": ("label", "to", "new", "identity"),
    "source": ("source", "data"),
}
LabelMap = Mapping[tuple[str, str], str]  # (source or "" for any, name) -> the common name


class Merged(Source):
    """The samples of several sources, one after the other.

    Identities of the same name are the same, but plain numbers say nothing across sources:
    there, `7` of `faces` becomes `faces/7`. A map overrules both.

    Args:
        sources: the parts.
        names: what each part is called, unlike all others.
        label_map: common names by source and name; `""` stands for any source.

    Raises:
        UserError: if there is no part, or the map names an identity that does not exist.
    """

    def __init__(
        self, sources: Sequence[Source], names: Sequence[str], label_map: LabelMap | None = None
    ):
        if not sources:
            raise UserError("No sources to merge. Expected one at least.")
        self.sources = list(sources)
        mapped = dict(label_map or {})
        _refuse_unknown(self.sources, names, mapped)
        renamed = [
            _renamed(source, name, mapped, len(sources) > 1)
            for source, name in zip(sources, names, strict=True)
        ]
        self.class_names = sorted({name for part in renamed for name in part}, key=natural_key)
        position = {name: label for label, name in enumerate(self.class_names)}
        self._new = [np.array([position[n] for n in part], dtype=np.int64) for part in renamed]
        self.labels = np.concatenate(
            [new[source.labels] for new, source in zip(self._new, self.sources, strict=True)]
        )
        self.left_out = [item for source in self.sources for item in source.left_out]
        self._ends = list(accumulate(len(source) for source in self.sources))
        _say_what_is_shared(renamed)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        part, position = self._locate(index)
        return self.sources[part][position]._replace(label=int(self.labels[index]))

    def several(self, indices: Sequence[int]) -> list[Sample | UserError]:
        """See `Source`: each part is asked once."""
        by_index: dict[int, Sample | UserError] = {}
        by_part: dict[int, list[int]] = {}
        for index in indices:
            by_part.setdefault(self._locate(index)[0], []).append(index)
        for part, rows in by_part.items():
            samples = self.sources[part].several([self._locate(index)[1] for index in rows])
            by_index |= dict(zip(rows, samples, strict=True))
        return [
            each if isinstance(each, UserError) else each._replace(label=int(self.labels[index]))
            for index, each in ((index, by_index[index]) for index in indices)
        ]

    def path_of(self, index: int) -> Path:
        """The image file of a sample; see `Source`."""
        part, position = self._locate(index)
        return self.sources[part].path_of(position)

    def name_of(self, index: int) -> str:
        """What the sample's source calls its file."""
        part, position = self._locate(index)
        return self.sources[part].name_of(position)

    def _locate(self, index: int) -> tuple[int, int]:
        part = bisect_right(self._ends, index)
        return part, index - (self._ends[part - 1] if part else 0)


def names_of_sources(locations: Sequence[str]) -> list[str]:
    """A name for each source: its file's or folder's, with a number where two are alike."""
    stems = [Path(location.rstrip("/")).stem or location for location in locations]
    counts, seen = Counter(stems), Counter[str]()
    names = []
    for stem in stems:
        seen[stem] += 1
        names.append(f"{stem}-{seen[stem]}" if counts[stem] > 1 else stem)
    return names


def read_label_map(path: Path, sources: Sequence[str]) -> LabelMap:
    """Reads a table `name,label[,source]`.

    Args:
        path: the table.
        sources: what the sources are called.

    Raises:
        UserError: if it is none, names an unknown source, or says two things of one name.
    """
    table = read_table(path, _COLUMNS, optional=("source",))
    mapped: dict[tuple[str, str], str] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        source = row.get("source", "")
        if source and source not in sources:
            raise UserError(
                f"{path}:{line}: no source {source!r}. Expected one of {', '.join(sources)}."
            )
        if not row["label"]:
            raise UserError(f"{path}:{line}: expected a label. Complete or remove the line.")
        if mapped.setdefault((source, row["name"]), row["label"]) != row["label"]:
            raise UserError(f"{path}:{line}: {row['name']!r} is mapped twice. Remove a line.")
    return mapped


def _renamed(source: Source, called: str, mapped: LabelMap, several: bool) -> list[str]:
    """The common names of a source's identities, by its labels."""
    numbered = several and all(name.isdigit() for name in source.class_names)
    return [
        mapped.get((called, name))
        or mapped.get(("", name))
        or (f"{called}/{name}" if numbered else name)
        for name in source.class_names
    ]


def _refuse_unknown(sources: Sequence[Source], names: Sequence[str], mapped: LabelMap) -> None:
    known = {
        (called, name)
        for source, called in zip(sources, names, strict=True)
        for name in source.class_names
    }
    known |= {("", name) for _, name in known}
    unknown = next((key for key in mapped if key not in known), None)
    if unknown:
        where = unknown[0] or "any source"
        raise UserError(
            f"The label map names {unknown[1]!r}, which is no identity of {where}. Remove it or "
            "correct its spelling."
        )


def _say_what_is_shared(renamed: Sequence[Sequence[str]]) -> None:
    counts = Counter(name for part in renamed for name in set(part))
    shared = [name for name, count in counts.items() if count > 1]
    if shared:
        log.info(
            "%d identities are in several sources and taken as the same, such as %s.",
            len(shared), shared[0],
        )  # fmt: skip
