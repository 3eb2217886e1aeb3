"""Names in any script below images: fonts that have their letters, or numbers and a legend."""

import logging
import unicodedata
from collections.abc import Iterable, Sequence

from matplotlib import font_manager

FIRST = "DejaVu Sans"  # comes with Matplotlib
_MOST_FONTS = 400  # that are looked into; a system may have thousands


def fonts_for(texts: Iterable[str]) -> tuple[list[str], set[str]]:
    """Font families, the first that has a letter draws it, and the letters that none has."""
    wanted = {sign for text in texts for sign in text}
    families = [FIRST]
    missing = wanted - _letters(font_manager.findfont(FIRST))
    for entry in sorted(font_manager.fontManager.ttflist, key=lambda e: (e.style, e.name)):
        if not missing or len(families) > _MOST_FONTS:
            break
        if entry.name in families or entry.style != "normal":
            continue
        here = missing & _letters(entry.fname)
        if here:
            families.append(entry.name)
            missing -= here
    return families, missing


def legible(labels: Sequence[str]) -> tuple[list[str], list[str], dict[str, str]]:
    """What is drawn for each label, in which fonts, and a legend of the numbers among it.

    A label gets a number if no font has all its letters, or if they must be joined or run
    from right to left, which Matplotlib does not do.
    """
    texts = ["".join(sign if sign.isprintable() else "?" for sign in text) for text in labels]
    families, missing = fonts_for(text for text in texts if not _needs_shaping(text))
    numbers: dict[str, str] = {}
    for label, text in zip(labels, texts, strict=True):
        if _needs_shaping(text) or missing & set(text):
            numbers.setdefault(label, f"#{len(numbers) + 1}")
    drawn = [numbers.get(label, text) for label, text in zip(labels, texts, strict=True)]
    return drawn, families, {number: label for label, number in numbers.items()}


def _needs_shaping(text: str) -> bool:
    return any(
        unicodedata.bidirectional(sign) in ("R", "AL", "AN")
        or unicodedata.combining(sign)
        or unicodedata.category(sign) in ("Mc", "Me", "Mn", "Cf")
        for sign in text
    )


def _letters(path: str) -> set[str]:
    """The characters that a font draws in outlines; those of colored bitmaps are not."""
    try:
        font = font_manager.get_font(path)
        return {chr(code) for code in font.get_charmap()} if font.scalable else set()
    except (OSError, RuntimeError, ValueError) as error:
        logging.getLogger(__name__).debug("%s: %s", path, error)
        return set()
