"""Source -> TFRecord or ArrayRecord: shuffled, sharded, resumable, never half-written."""

from framl_keras.data.conversion.convert import convert, convert_part, join_parts
from framl_keras.data.conversion.manifest import Manifest
from framl_keras.data.conversion.options import ConvertOptions

__all__ = ["ConvertOptions", "Manifest", "convert", "convert_part", "join_parts"]
