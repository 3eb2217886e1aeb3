"""What arguments are: tensors, shapes, and the sizes of images."""

from typing import Any

Tensor = Any  # of the backend that runs; none of the three has a type that all would accept
Shape = tuple[int | None, ...]
Options = dict[str, Any]  # arguments by name
Size = int | tuple[int, int]  # the side of square images, or their height and width


def sides(size: Size) -> tuple[int, int]:
    """Height and width of images.

    Args:
        size: the side, or both.

    Example:
    >>> sides(112), sides((256, 128))
    ((112, 112), (256, 128))
    """
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)


def size_of(height: int, width: int) -> Size:
    """The shortest way to say height and width: one number for squares.

    Example:
    >>> size_of(112, 112), size_of(256, 128)
    (112, (256, 128))
    """
    return height if height == width else (height, width)


def in_proportion(size: Size, numerator: int, denominator: int) -> Size:
    """A size whose sides are multiplied by a fraction, in whole pixels.

    Example:
    >>> in_proportion(112, 8, 7), in_proportion((256, 128), 8, 7)
    (128, (293, 146))
    """
    height, width = (round(side * numerator / denominator) for side in sides(size))
    return size_of(height, width)


def fits_in(size: Size, room: Size) -> bool:
    """Whether an image of one size lies within one of another.

    Example:
    >>> fits_in((256, 128), (288, 144)), fits_in(112, (128, 96))
    (True, False)
    """
    return all(side <= most for side, most in zip(sides(size), sides(room), strict=True))
