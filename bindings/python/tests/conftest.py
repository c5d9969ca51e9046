"""Data that the tests share."""

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

# The smallest of the backends of Keras.
os.environ.setdefault("KERAS_BACKEND", "jax")


@pytest.fixture(scope="session")
def digits():
    """600 images of digits, (600, 64) of float32, and their classes."""
    found = load_digits()
    return found.data[:600].astype(np.float32), found.target[:600]


@pytest.fixture(scope="session")
def groups():
    """Three groups of 50 points in five dimensions."""
    random = np.random.default_rng(7)
    x = random.normal(size=(150, 5)) + np.repeat(np.eye(5)[:3] * 12, 50, axis=0)
    return x.astype(np.float32), np.repeat(np.arange(3), 50)


@pytest.fixture(scope="session")
def program():
    """The command line, as `cargo build --release` or LAYERLENS_PROGRAM gives it."""
    root = Path(__file__).parents[3]
    given = os.environ.get("LAYERLENS_PROGRAM")
    path = Path(given) if given else root / "target" / "release" / "layerlens"
    if not path.exists():
        pytest.skip(f"no program at {path}: `cargo build --release` makes it")
    return path
