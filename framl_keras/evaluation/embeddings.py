"""Embeddings with the names of their images, and what could not be read."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from framl_keras.data.atomic import write_beside
from framl_keras.errors import UserError
from framl_keras.results import Tabular


@dataclass(frozen=True, repr=False)
class Embeddings(Tabular):
    """Vectors of images.

    Attributes:
        vectors: float32 `(n, dim)`.
        names: where each image came from.
        left_out: what is wrong with the images that could not be read, by name.
    """

    FORMATS: ClassVar[Mapping[str, str]] = {"length": ".4f"}

    vectors: np.ndarray
    names: Sequence[str]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.vectors)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.vectors, dtype=dtype, copy=copy)

    def rows(self) -> list[dict[str, Any]]:
        """One row for each image: its name, the vector's dimension and length."""
        lengths = np.linalg.norm(self.vectors, axis=1)
        dim = self.vectors.shape[1]
        named = zip(self.names, lengths, strict=True)
        return [{"image": name, "dim": dim, "length": float(length)} for name, length in named]

    def to_dict(self) -> dict[str, Any]:
        """Names, vectors and what was left out."""
        vectors = self.vectors.tolist()
        return {"names": list(self.names), "vectors": vectors, "left_out": dict(self.left_out)}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the vectors as `.npy` and, beside them as `.json`, the names.

        Returns:
            The `.npy` file.

        Raises:
            UserError: if the file cannot be written.
        """
        output = Path(path)
        try:
            names = output.with_suffix(".json")
            with write_beside(names) as told, write_beside(output) as file:
                text = json.dumps(list(self.names), ensure_ascii=False, indent=0)
                told.write_text(text, encoding="utf-8")
                with file.open("wb") as stream:
                    np.save(stream, self.vectors, allow_pickle=False)
                names.unlink(missing_ok=True)  # no vectors stand beside another's names
        except OSError as error:
            raise UserError(f"{output}: cannot be written: {error.strerror}.") from None
        return output
