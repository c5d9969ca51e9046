"""Images to try things on: a sample of Fashion-MNIST and the digits of UCI are built in."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _native

__all__ = ["Dataset", "load", "names"]


class Dataset(NamedTuple):
    """Training and test images, (n, height, width) or (n, height, width, 3) of uint8, with labels."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint16]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint16]
    class_names: list[str]


def names() -> dict[str, str]:
    """Names of the data sets, with a line about each."""
    return dict(_native.dataset_names())


def load(
    name: str = "fashion-mnist-sample", data_dir: str | os.PathLike[str] | None = None
) -> Dataset:
    """A data set by its name; those that are not built in are read from files that are here.

    Returns
    -------
    Dataset
        Fields `x_train, y_train, x_test, y_test, class_names`; the images are uint8, 0 to 255.

    Raises
    ------
    ValueError
        For another name, or files that are missing, with the folders that were searched.
    """
    (x_train, y_train), (x_test, y_test), class_names = _native.load_dataset(name, data_dir)
    return Dataset(x_train, y_train, x_test, y_test, class_names)
