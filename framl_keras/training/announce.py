"""What a training is, said once at its beginning."""

import keras

from framl_keras.training.callbacks.progress import Progress


def describe(
    embedder: keras.Model,
    backbone: str,
    identities: int,
    images: int,
    precision: str,
    progress: Progress,
    where: str,
) -> str:
    """Data, network, backend, device, precision and steps, on one line."""
    epochs = f"{progress.epochs} epoch{'s' if progress.epochs > 1 else ''}"
    return (
        f"{identities:,} identities, {images:,} images; {backbone}, "
        f"{embedder.count_params():,} parameters; {keras.config.backend()} on "
        f"{where}, {precision}; {progress.total_steps:,} steps of "
        f"{progress.batch_size} in {epochs}"
    )
