"""Fixtures that all tests share."""

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded random numbers, the same in every run."""
    return np.random.default_rng(20221)
