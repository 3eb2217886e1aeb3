"""How a picture is seen: what a model gets of an image of any size."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from framl_keras.data.transforms import ASPECT_RATIOS, crop_middle, fitted, to_gray
from framl_keras.types import Size, in_proportion, sides, size_of

CHANNELS = (1, 3)


@dataclass(frozen=True)
class View:
    """How images are seen, in training and verification alike.

    Args:
        size: side of what the model gets, in pixels, or height and width.
        central_crop: fits images to a size larger by 128/112 first, and keeps the middle, as
            FRAML does.
        channels: 3 for RGB, 1 for gray.
        aspect_ratio: what becomes of images of other proportions: `stretch` changes theirs,
            `pad` adds black borders, `crop` keeps their middle.

    Raises:
        ValueError: if `channels` or `aspect_ratio` is none of these.

    Example:
    >>> View((256, 128), channels=1).pixels(np.zeros((40, 30, 3), "uint8")).shape
    (256, 128, 1)
    """

    size: Size = 112
    central_crop: bool = False
    channels: int = 3
    aspect_ratio: str = ASPECT_RATIOS[0]

    def __post_init__(self) -> None:
        if self.channels not in CHANNELS:
            raise ValueError(f"`channels` must be 1 or 3. Received: {self.channels!r}")
        if self.aspect_ratio not in ASPECT_RATIOS:
            raise ValueError(
                f"`aspect_ratio` must be one of {', '.join(ASPECT_RATIOS)}. "
                f"Received: {self.aspect_ratio!r}"
            )

    @classmethod
    def of_facts(cls, shape: tuple[Any, ...], facts: Mapping[str, Any]) -> "View":
        """The view of a model by its input shape and what is kept with it; see `facts`."""
        return cls(
            size_of(int(shape[1]), int(shape[2])),
            bool(facts.get("central_crop", False)),
            int(shape[3]),
            str(facts.get("aspect_ratio", ASPECT_RATIOS[0])),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return (*sides(self.size), self.channels)

    @property
    def room(self) -> Size:
        """What images are fitted to before the middle is cropped."""
        return in_proportion(self.size, 128, 112) if self.central_crop else self.size

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """The one view of an image in verification.

        Args:
            image: RGB uint8 `(height, width, 3)`, of any size.

        Returns:
            uint8, of `shape`.
        """
        whole = fitted(image, self.room, self.aspect_ratio)
        seen = crop_middle(whole, self.size) if self.central_crop else whole
        return to_gray(seen) if self.channels == 1 else seen

    def facts(self) -> dict[str, Any]:
        """The view as JSON has it, for files that say what they are for."""
        size = list(self.size) if isinstance(self.size, tuple) else self.size
        facts = {**asdict(self), "size": size}
        return {"image_size": facts.pop("size"), **facts}
