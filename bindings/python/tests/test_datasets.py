"""Data sets that are built in."""

import layerlens as ll
import numpy as np
import pytest
from sklearn.datasets import load_digits


def test_the_sample_of_fashion_mnist():
    data = ll.datasets.load()
    assert data.x_train.shape == (10_000, 28, 28) and data.x_test.shape == (2_000, 28, 28)
    assert data.x_train.dtype == np.uint8
    assert np.bincount(data.y_test).shape == (10,)
    assert data.class_names[1] == "Trouser"
    assert set(ll.datasets.names()) >= {"fashion-mnist-sample", "digits", "mnist"}


def test_the_digits_are_those_of_scikit_learn():
    data = ll.datasets.load("digits")
    found = load_digits()
    images = np.concatenate([data.x_train, data.x_test])
    labels = np.concatenate([data.y_train, data.y_test])
    assert images.shape == (1797, 8, 8)
    # The images go from 0 to 16 there.
    assert sorted(labels) == sorted(found.target)
    assert len({image.tobytes() for image in images}) == len(
        {image.tobytes() for image in found.images}
    )


def test_what_is_not_there_is_told():
    with pytest.raises(ValueError, match="mnist"):
        ll.datasets.load("nothing")
    with pytest.raises(ValueError, match="/nowhere"):
        ll.datasets.load("mnist", "/nowhere")
