"""Pure tensor functions on `keras.ops`: margins, similarities, correlation."""
