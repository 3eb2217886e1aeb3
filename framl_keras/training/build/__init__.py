"""What a run is made of: data, models, heads, optimizers, and where its weights start."""
