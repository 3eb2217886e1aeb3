"""Source -> TFRecord or ArrayRecord: shuffled, sharded, resumable, never half-written."""

from framl_keras.data.convert.convert import convert
from framl_keras.data.convert.manifest import Manifest
from framl_keras.data.convert.options import ConvertOptions

__all__ = ["ConvertOptions", "Manifest", "convert"]
