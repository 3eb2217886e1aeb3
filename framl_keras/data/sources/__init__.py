"""A source for each on-disk training format: random access to (encoded image, label)."""

from framl_keras.data.sources.detect import columns_for, open_source, open_sources, register_source
from framl_keras.data.sources.image_folder import ImageFolder
from framl_keras.data.sources.image_list import ImageList
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.merged import Merged
from framl_keras.data.sources.orl import OrlFaces
from framl_keras.data.sources.people import People
from framl_keras.data.sources.samples import Samples, as_source
from framl_keras.data.sources.source import Images, Sample, Source
from framl_keras.data.sources.synthetic import SyntheticFaces, SyntheticOptions

__all__ = [
    "ImageFolder",
    "ImageList",
    "Images",
    "LeftOut",
    "Merged",
    "OrlFaces",
    "People",
    "Sample",
    "Samples",
    "Source",
    "SyntheticFaces",
    "SyntheticOptions",
    "as_source",
    "columns_for",
    "open_source",
    "open_sources",
    "register_source",
]
