"""The margins by name, with the arguments that a recipe may give them."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from framl_keras.recipe.section import Section


class ArcFace(Section):
    """cos(θ + m); see `framl_keras.margins.ArcFace`."""

    name: Literal["ArcFace"]
    margin: float = 0.5
    easy_margin: bool = False
    past_pi: Literal["framl", "continuous", "raw"] = "framl"


class CosFace(Section):
    """cos θ - m; see `framl_keras.margins.CosFace`."""

    name: Literal["CosFace"]
    margin: float = 0.35


class SphereFace(Section):
    """cos(m·θ), continued; see `framl_keras.margins.SphereFace`."""

    name: Literal["SphereFace"]
    margin: float = 1.5


class Combined(Section):
    """cos(m1·θ + m2) - m3; see `framl_keras.margins.Combined`."""

    name: Literal["Combined"]
    m1: float = 1.0
    m2: float = 0.3
    m3: float = 0.2
    past_pi: Literal["continuous", "raw"] = "raw"


class AdaFace(Section):
    """A margin that follows the image's quality; see `framl_keras.margins.AdaFace`."""

    name: Literal["AdaFace"]
    margin: float = 0.4
    concentration: float = 0.333
    momentum: float = 0.99


class MagFace(Section):
    """A margin that grows with the embedding's length; see `framl_keras.margins.MagFace`."""

    name: Literal["MagFace"]
    low_margin: float = 0.45
    high_margin: float = 0.8
    shortest: float = 10.0
    longest: float = 110.0
    regularizer: float = 35.0


class CurricularFace(Section):
    """Hard negatives that count more and more; see `framl_keras.margins.CurricularFace`."""

    name: Literal["CurricularFace"]
    margin: float = 0.5
    momentum: float = 0.99


class ElasticFaceArc(Section):
    """cos(θ + m) with a drawn m; see `framl_keras.margins.ElasticFaceArc`."""

    name: Literal["ElasticFaceArc"]
    margin: float = 0.5
    deviation: float = 0.0125


class ElasticFaceCos(Section):
    """cos θ - m with a drawn m; see `framl_keras.margins.ElasticFaceCos`."""

    name: Literal["ElasticFaceCos"]
    margin: float = 0.35
    deviation: float = 0.0125


Angle = Annotated[float, Field(ge=0, lt=3.14159265)]
MARGINS: dict[str, type[Section]] = {
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
FORMS: dict[str, Any] = {"number": float, **MARGINS}  # an error's location has them


def _form_of_margin(value: Any) -> Any:
    """`number`, or the name that a margin's mapping has."""
    if isinstance(value, dict):
        return value.get("name")
    return type(value).__name__ if isinstance(value, Section) else "number"


Margin = Annotated[
    Annotated[Angle, Tag("number")]
    | Annotated[ArcFace, Tag("ArcFace")]
    | Annotated[CosFace, Tag("CosFace")]
    | Annotated[SphereFace, Tag("SphereFace")]
    | Annotated[Combined, Tag("Combined")]
    | Annotated[AdaFace, Tag("AdaFace")]
    | Annotated[MagFace, Tag("MagFace")]
    | Annotated[CurricularFace, Tag("CurricularFace")]
    | Annotated[ElasticFaceArc, Tag("ElasticFaceArc")]
    | Annotated[ElasticFaceCos, Tag("ElasticFaceCos")],
    Discriminator(_form_of_margin),
]
