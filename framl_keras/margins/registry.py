"""Margins by their names in a recipe, and from whatever a head is given."""

import difflib
from typing import Any

import keras

from framl_keras.errors import UserError
from framl_keras.margins.ada_face import AdaFace
from framl_keras.margins.angular import ArcFace, Combined, CosFace, SphereFace
from framl_keras.margins.curricular_face import CurricularFace
from framl_keras.margins.elastic_face import ElasticFaceArc, ElasticFaceCos
from framl_keras.margins.mag_face import MagFace
from framl_keras.margins.margin import Margin

_MARGINS: dict[str, type[Margin]] = {
    margin.__name__: margin
    for margin in (
        ArcFace,
        CosFace,
        SphereFace,
        Combined,
        AdaFace,
        MagFace,
        CurricularFace,
        ElasticFaceArc,
        ElasticFaceCos,
    )
}


def names() -> list[str]:
    """The names that `by_name` knows."""
    return list(_MARGINS)


def by_name(name: str, **options: Any) -> Margin:
    """A new margin.

    Args:
        name: one of `names()`.
        **options: arguments of the margin's class; what is left out has the paper's value.

    Raises:
        UserError: if there is none of that name, or an option is not one of its arguments.
        ValueError: if an option is out of range.
    """
    if name not in _MARGINS:
        folded = {known.casefold(): known for known in names()}
        near = difflib.get_close_matches(str(name).casefold(), folded, n=1)
        hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
        raise UserError(f"Unknown margin {name!r}. Expected one of {', '.join(names())}.{hint}")
    known = _MARGINS[name]().get_config()
    for option in options:
        if option not in known:
            raise UserError(
                f"Unknown option {option!r} of the margin {name}. Expected one of {list(known)}."
            )
    return _MARGINS[name](**options)


def get(margin: float | Margin | dict[str, Any]) -> Margin:
    """The margin that a head was given: a number is ArcFace's.

    Args:
        margin: a number, a margin, or a margin's serialized configuration.

    Raises:
        ValueError: if it is none of these, or out of range.
    """
    if isinstance(margin, int | float):
        return ArcFace(float(margin))
    found = keras.saving.deserialize_keras_object(margin) if isinstance(margin, dict) else margin
    if not isinstance(found, Margin):
        raise ValueError(
            "`margin` must be a number or a margin of `framl_keras.margins`. "
            f"Received: margin={margin!r}"
        )
    return found
