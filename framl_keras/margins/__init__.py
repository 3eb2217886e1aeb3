"""Margins for `ArcMarginLayer`: the field's heads, each a small class.

A new one is a new file in this folder: a class with `@register`. Recipes, their schema and
`names()` find it there.
"""

import importlib
import pkgutil

from framl_keras.margins.ada_face import AdaFace
from framl_keras.margins.angular import ArcFace, Combined, CosFace, SphereFace
from framl_keras.margins.curricular_face import CurricularFace
from framl_keras.margins.dynamic_margin import DynamicMargin
from framl_keras.margins.elastic_face import ElasticFaceArc, ElasticFaceCos
from framl_keras.margins.mag_face import MagFace
from framl_keras.margins.margin import Margin, sees_labels
from framl_keras.margins.registry import arguments, by_name, get, names, register
from framl_keras.registry import MARGINS

__all__ = [
    "AdaFace",
    "ArcFace",
    "Combined",
    "CosFace",
    "CurricularFace",
    "DynamicMargin",
    "ElasticFaceArc",
    "ElasticFaceCos",
    "MagFace",
    "Margin",
    "SphereFace",
    "arguments",
    "by_name",
    "get",
    "names",
    "register",
    "sees_labels",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
for _name in MARGINS:
    globals().setdefault(_name, MARGINS[_name])
