"""Backbones: networks from scaled pixels to a feature map, by name."""

from framl_keras.backbones.applications import application, application_names
from framl_keras.backbones.faces import face_backbones
from framl_keras.backbones.keras_cv_networks import KERAS_CV
from framl_keras.backbones.keras_hub_networks import KERAS_HUB
from framl_keras.backbones.registry import Backbone, get, names, register, register_family

for _name, _backbone in face_backbones().items():
    register(_name, _backbone)
for _name in application_names():
    register(_name, application(_name))
for _library in (KERAS_CV, KERAS_HUB):
    register_family(_library.package, _library.find)

__all__ = ["Backbone", "get", "names", "register", "register_family"]
