"""From raw photos to aligned faces: detectors, the template, whole folders."""

from framl_keras.photos.align import Aligned, align, draw_landmarks
from framl_keras.photos.align_folder import AlignOptions, AlignSummary, align_folder
from framl_keras.photos.aligned_input import PhotoAligner
from framl_keras.photos.choose import choose
from framl_keras.photos.face import LANDMARKS, Detector, Face
from framl_keras.photos.landmarks_table import LandmarksTable
from framl_keras.photos.open_detector import open_detector
from framl_keras.photos.scrfd import Scrfd
from framl_keras.photos.template import Fit, fit, template, warp
from framl_keras.photos.yunet import YuNet, default_detector

__all__ = [
    "LANDMARKS",
    "AlignOptions",
    "AlignSummary",
    "Aligned",
    "Detector",
    "Face",
    "Fit",
    "LandmarksTable",
    "PhotoAligner",
    "Scrfd",
    "YuNet",
    "align",
    "align_folder",
    "choose",
    "default_detector",
    "draw_landmarks",
    "fit",
    "open_detector",
    "template",
    "warp",
]
