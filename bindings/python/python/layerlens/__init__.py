"""Layerlens: what each hidden layer of a neural network has learned.

Estimators with the manners of scikit-learn (:class:`PCA`, :class:`TSNE`, :class:`UMAP`,
:class:`TriMAP`, :class:`KMeans`, :class:`DBSCAN`), exact neighbours (:func:`knn_graph`), metrics
(:mod:`layerlens.metrics`), the look into a network (:func:`look`), the comparison of two
(:func:`compare`), and the page of anybody's embedding (:func:`show`). Everything heavy runs on any
Vulkan, Metal or DX12 GPU, or on the CPU by the same algorithms, with the same bytes for any number
of threads.

>>> import numpy as np
>>> import layerlens as ll
>>> X = np.random.default_rng(0).normal(size=(300, 8))
>>> ll.TSNE(device="cpu").fit_transform(X).shape
(300, 2)
"""

from importlib.metadata import PackageNotFoundError, version

from . import _native, datasets, metrics
from ._base import LayerlensWarning, NotFittedError
from ._clusters import DBSCAN, KMeans
from ._look import Comparison, Look, compare, look
from ._maps import PCA, TSNE, UMAP, TriMAP
from ._neighbors import knn_graph
from ._page import Page, show

try:
    __version__ = version("layerlens")
except PackageNotFoundError:  # imported from the source tree
    __version__ = "0+unknown"


def device(choice: str = "auto") -> str:
    """Name of the device that a choice takes on this machine, and why."""
    kind, name, reason = _native.describe_device(choice)
    return f"{name} ({reason})" if kind == "cpu" else f"{name}, {kind} ({reason})"


__all__ = [
    "Comparison",
    "DBSCAN",
    "KMeans",
    "LayerlensWarning",
    "Look",
    "NotFittedError",
    "PCA",
    "Page",
    "TSNE",
    "TriMAP",
    "UMAP",
    "compare",
    "datasets",
    "device",
    "knn_graph",
    "look",
    "metrics",
    "show",
]
