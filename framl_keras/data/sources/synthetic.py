"""Faces and textures drawn by rule: any number of identities and images, of any size, by a seed."""

import difflib
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np

from framl_keras.data.sources.source import Sample, Source
from framl_keras.errors import UserError

PREFIX = "synthetic:"
KINDS = ("faces", "textures")
_LIMITS = {  # of each number, the least and the most
    "people": (1, 10_000_000),
    "images": (1, 1_000_000),
    "size": (16, 4096),
    "width": (16, 4096),
    "channels": (1, 3),
    "seed": (0, 2**31),
}
_TABLE = np.round(np.sin(2 * np.pi * np.arange(1 << 12) / (1 << 12)), 6).astype(np.float32)


@dataclass(frozen=True)
class SyntheticOptions:
    """What is drawn.

    Attributes:
        people: number of identities.
        images: images of each.
        size: their side in pixels, or their height where `width` is given.
        seed: decides the identities and the images.
        width: of the images; 0 for squares.
        channels: 1 draws in gray.
        kind: `faces`, or `textures`, which are seen from other places and sides.
    """

    people: int = 100
    images: int = 20
    size: int = 112
    seed: int = 0
    width: int = 0
    channels: int = 3
    kind: str = "faces"

    @classmethod
    def parse(cls, location: str) -> "SyntheticOptions":
        """Reads `synthetic:people=1000,images=20,size=112,seed=0`, each part optional.

        Raises:
            UserError: if a part is unknown, or not within its limits.
        """
        values: dict[str, Any] = {}
        for part in filter(None, location.removeprefix(PREFIX).split(",")):
            key, _, value = part.partition("=")
            name = _known(key.strip(), location)
            read = _kind if name == "kind" else _number
            values[name] = read(name, value.strip(), location)
        return cls(**values)

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width."""
        return self.size, self.width or self.size


class SyntheticFaces(Source):
    """Draws sample `i` when asked for it; the same bytes on every machine and run.

    An identity is a face's geometry and colors, or a texture's waves; its images differ in
    pose, expression, light and noise.

    Args:
        options: how many and how large.

    Example:
    >>> source = SyntheticFaces(SyntheticOptions(people=3, images=2, size=64))
    >>> len(source), source[0].image.shape
    (6, (64, 64, 3))
    """

    def __init__(self, options: SyntheticOptions):
        self.options = options
        people = np.arange(options.people, dtype=np.int64)
        self.labels = np.repeat(people, options.images)
        self.class_names = [f"person-{label:07d}" for label in range(options.people)]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        label, seed = int(self.labels[index]), self.options.seed
        person = np.random.default_rng([seed, 0, label])
        shot = np.random.default_rng([seed, 1, int(index)])
        (height, width), is_gray = self.options.sides, self.options.channels == 1
        if self.options.kind == "textures":
            image = draw_texture(height, width, person, shot)
        else:
            image = draw_face(max(height, width), person, shot)
            image = image if height == width else cv2.resize(image, (width, height))
        if is_gray:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        return Sample(image, label, f"{PREFIX}{self.class_names[label]}#{index}")


def draw_face(size: int, person: np.random.Generator, shot: np.random.Generator) -> np.ndarray:
    """Draws one face, RGB uint8 `(size, size, 3)`.

    Args:
        size: side of the image in pixels.
        person: where what stays the same for an identity comes from.
        shot: where what differs between its images comes from.
    """
    face = _Face(person)
    canvas = np.full((size, size, 3), shot.uniform(40, 200, 3).astype(np.uint8), dtype=np.uint8)
    pose = cv2.getRotationMatrix2D((0.5, 0.5), shot.uniform(-8, 8), shot.uniform(0.92, 1.08))
    pose[:, 2] = pose[:, 2] + shot.uniform(-0.04, 0.04, 2)
    for center, axes, color in face.parts(opening=shot.uniform(0.3, 1.5)):
        middle = pose @ [*center, 1.0] * size
        radii = np.maximum(np.asarray(axes) * size, 1.0)
        cv2.ellipse(
            canvas, tuple(middle.round().astype(int).tolist()),
            tuple(radii.round().astype(int).tolist()), 0, 0, 360, color, -1,
        )  # fmt: skip
    return _lit(canvas, shot)


def draw_texture(
    height: int, width: int, person: np.random.Generator, shot: np.random.Generator
) -> np.ndarray:
    """Draws one view of a texture, a sum of colored waves: RGB uint8 `(height, width, 3)`.

    Args:
        height: of the image in pixels.
        width: of the image in pixels.
        person: where what stays the same for an identity comes from.
        shot: where what differs between its images comes from.
    """
    base, waves = person.uniform(60, 195, 3), 6
    cycles, phases = person.uniform(-9, 9, (waves, 2)), person.uniform(0, 1, waves)
    colors = person.uniform(-38, 38, (waves, 3))
    turn, zoom, moved = shot.uniform(-0.2, 0.2), shot.uniform(0.85, 1.18), shot.uniform(0, 1, 2)
    down, across = (np.arange(n)[:, None] / max(height, width) for n in (height, width))
    image = np.empty((height, width, 3), dtype=np.float32)
    image[:] = base
    for (x, y), phase, color in zip(cycles, phases, colors, strict=True):
        along, aside = zoom * (x + turn * y), zoom * (y - turn * x)
        start = phase + x * moved[0] + y * moved[1]
        places = ((along * across.T + aside * down + start) * len(_TABLE)).astype(np.int64)
        image += _TABLE[places & (len(_TABLE) - 1)][..., None] * color.astype(np.float32)
    return _lit(image, shot)


class _Face:
    """The geometry, in parts of the image's side, and colors of one identity."""

    def __init__(self, person: np.random.Generator):
        self.skin, self.hair, self.iris = (
            tuple(person.integers(low, high, 3).tolist())
            for low, high in ((90, 240), (10, 180), (20, 200))
        )
        self.width, self.height = person.uniform(0.24, 0.36), person.uniform(0.32, 0.42)
        self.apart, self.eye_y = person.uniform(0.10, 0.17), person.uniform(0.38, 0.48)
        self.eye, self.brow = person.uniform(0.02, 0.05), person.uniform(0.005, 0.025)
        self.nose, self.mouth = person.uniform(0.02, 0.06), person.uniform(0.05, 0.14)
        self.mouth_y, self.fringe = person.uniform(0.66, 0.76), person.uniform(0.05, 0.22)

    def parts(self, opening: float):  # type: ignore[no-untyped-def]
        """Ellipses from back to front: center, half axes, color."""
        yield (0.5, 0.46), (self.width + 0.05, self.height + 0.05), self.hair
        yield (0.5, 0.52), (self.width, self.height), self.skin
        yield (0.5, 0.52 - self.height), (self.width, self.fringe), self.hair
        for x in (0.5 - self.apart, 0.5 + self.apart):
            yield (x, self.eye_y), (self.eye * 1.5, self.eye), (245, 245, 245)
            yield (x, self.eye_y), (self.eye * 0.7, self.eye * 0.7), self.iris
            yield (x, self.eye_y - 2 * self.eye), (self.eye * 1.8, self.brow), self.hair
        yield (0.5, 0.58), (self.nose * 0.6, self.nose), tuple(c * 3 // 4 for c in self.skin)
        yield (0.5, self.mouth_y), (self.mouth, 0.02 * opening), (170, 60, 70)


def _lit(image: np.ndarray, shot: np.random.Generator) -> np.ndarray:
    """Adds a gradient of light and noise."""
    across, down = shot.uniform(-50, 50, 2)
    rows, columns = (np.linspace(-0.5, 0.5, side) for side in image.shape[:2])
    light = across * columns[None, :, None] + down * rows[:, None, None] + shot.uniform(-25, 25)
    noise = shot.normal(0, 6, image.shape)
    return np.clip(image + light + noise, 0, 255).astype(np.uint8)


def _known(key: str, location: str) -> str:
    names = [field.name for field in fields(SyntheticOptions)]
    if key not in names:
        near = difflib.get_close_matches(key, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected {', '.join(names)}."
        raise UserError(f"{location}: unknown part {key!r}: {hint}")
    return key


def _number(key: str, text: str, location: str) -> int:
    least, most = _LIMITS[key]
    if text.isascii() and text.isdigit() and len(text) < 12:
        value = int(text)
        if least <= value <= most and (key != "channels" or value != 2):
            return value
    expected = "channels 1 or 3" if key == "channels" else f"{key} from {least} to {most}"
    raise UserError(f"{location}: expected {expected}, not {text!r}.")


def _kind(key: str, text: str, location: str) -> str:
    if text in KINDS:
        return text
    raise UserError(f"{location}: expected {key} {' or '.join(KINDS)}, not {text!r}.")
