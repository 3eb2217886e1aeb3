"""Pure tensor functions on `keras.ops`: margins, lengths, correlation, sampling."""
