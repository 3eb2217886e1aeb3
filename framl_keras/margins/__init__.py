"""Margins for `ArcMarginLayer`: the field's heads, each a small class."""

from framl_keras.margins.ada_face import AdaFace
from framl_keras.margins.angular import ArcFace, Combined, CosFace, SphereFace
from framl_keras.margins.curricular_face import CurricularFace
from framl_keras.margins.elastic_face import ElasticFaceArc, ElasticFaceCos
from framl_keras.margins.mag_face import MagFace
from framl_keras.margins.margin import Margin
from framl_keras.margins.registry import by_name, get, names

__all__ = [
    "AdaFace",
    "ArcFace",
    "Combined",
    "CosFace",
    "CurricularFace",
    "ElasticFaceArc",
    "ElasticFaceCos",
    "MagFace",
    "Margin",
    "SphereFace",
    "by_name",
    "get",
    "names",
]
