"""A run's states on disk, and going on from them."""
