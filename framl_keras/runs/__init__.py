"""A run's folder: its files, its lock, its thresholds, and the model in it."""
