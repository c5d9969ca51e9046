"""Clustering: k-means and DBSCAN."""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._base import Estimator, working
from ._input import as_seed
from ._maps import _plain
from ._neighbors import knn_graph


class _Clusterer(Estimator):
    _kind = "clusterer"

    def fit_predict(self, X: Any, y: Any = None) -> NDArray[np.int32]:
        """Finds clusters, and returns the one of each row."""
        return self.fit(X, y).labels_


class KMeans(_Clusterer):
    """k-means, with the parameters and attributes of scikit-learn's `KMeans`.

    Parameters
    ----------
    n_clusters : int
    n_init : int
        Starts, of which the best is kept.
    max_iter : int
    tol : float
    random_state, device, n_jobs, verbose
        As in :class:`layerlens.PCA`.

    Attributes
    ----------
    cluster_centers_ : array of shape (n_clusters, n_features)
    labels_ : array of shape (n_samples,), int32
    inertia_ : float
    n_iter_, n_features_in_ : int
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_init: int = 10,
        max_iter: int = 300,
        tol: float = 1e-4,
        random_state: Any = 42,
        device: Literal["auto", "cpu", "gpu"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> KMeans:
        """Finds clusters of the rows of X; y is ignored."""
        points = self._read_fitted(X)
        names = ("n_clusters", "n_init", "max_iter", "tol")
        settings = {name: _plain(getattr(self, name), name) for name in names}
        settings["random_state"] = as_seed(self.random_state)
        how, close = working(self.device, self.n_jobs, self.verbose)
        try:
            found = _native.k_means(json.dumps(settings), points, how)
        finally:
            close()
        self.labels_, self.cluster_centers_, self.inertia_, self.n_iter_ = found
        return self

    def _to_centers(self, X: Any, k: int) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
        points = self._read_new(X)
        return knn_graph(
            self.cluster_centers_, k, queries=points, device=self.device, n_jobs=self.n_jobs
        )

    def predict(self, X: Any) -> NDArray[np.int32]:
        """The nearest centre of each row; of equals the first."""
        return self._to_centers(X, 1)[0][:, 0].astype(np.int32)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Distances from each row to every centre, (n_samples, n_clusters)."""
        self._check_is_fitted()
        nearest, distances = self._to_centers(X, len(self.cluster_centers_))
        ordered = np.empty_like(distances)
        np.put_along_axis(ordered, nearest.astype(np.intp), distances, axis=1)
        return ordered

    def fit_transform(self, X: Any, y: Any = None) -> NDArray[np.float32]:
        """Finds clusters, and returns the distances from each row to every centre."""
        return self.fit(X, y).transform(X)

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the sum of the squared distances from the nearest centres."""
        distances = self._to_centers(X, 1)[1].astype(np.float64)
        return -float((distances**2).sum())

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """``kmeans0``, ``kmeans1``, ..."""
        self._check_is_fitted()
        return np.asarray([f"kmeans{at}" for at in range(len(self.cluster_centers_))], dtype=object)


class DBSCAN(_Clusterer):
    """DBSCAN, with the parameters and attributes of scikit-learn's `DBSCAN`.

    Parameters
    ----------
    eps : float or "auto"
        Radius around a point; "auto" for the knee of the k-distance curve.
    min_samples : int
        Points within it, itself counted, that make a core point.
    device, n_jobs, verbose
        As in :class:`layerlens.PCA`.

    Attributes
    ----------
    labels_ : array of shape (n_samples,), int32; -1 is noise
    core_sample_indices_ : array of ints, ascending
    components_ : array of shape (n_core_samples, n_features)
    n_features_in_ : int
    """

    def __init__(
        self,
        eps: float | Literal["auto"] = 0.5,
        *,
        min_samples: int = 5,
        device: Literal["auto", "cpu", "gpu"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.eps = eps
        self.min_samples = min_samples
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> DBSCAN:
        """Finds clusters of the rows of X; y is ignored."""
        points = self._read_fitted(X)
        settings = {name: _plain(getattr(self, name), name) for name in ("eps", "min_samples")}
        how, close = working(self.device, self.n_jobs, self.verbose)
        try:
            self.labels_, cores = _native.dbscan(json.dumps(settings), points, how)
        finally:
            close()
        self.core_sample_indices_ = cores.astype(np.int64)
        self.components_ = points[self.core_sample_indices_].copy()
        return self
