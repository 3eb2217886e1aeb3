"""Pure tensor functions on `keras.ops`: margins, similarities, correlation."""

# Importing Keras imports our layers, which need what is here: so it comes before all of it.
import keras  # noqa: F401
