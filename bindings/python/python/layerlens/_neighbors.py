"""Exact nearest neighbours."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._base import working
from ._input import as_points


def knn_graph(
    X: Any,
    k: int,
    *,
    queries: Any = None,
    metric: Literal["euclidean", "cosine"] = "euclidean",
    neighbors: Literal["exact", "approximate"] = "exact",
    device: Literal["auto", "cpu", "gpu"] = "auto",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """The k nearest rows of `X` of each of its rows, or of each of the `queries`.

    A row is not its own neighbour; its duplicates are. Ties go to the smaller index.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    k : int
        Between 1 and 504, and below n_samples, or with queries at most n_samples.
    queries : array-like of shape (n_queries, n_features) or None
    metric : {"euclidean", "cosine"}
    neighbors : {"exact", "approximate"}
        "approximate" finds nearly all of them in less time; queries are searched exactly.
    device, n_jobs, verbose
        As in :class:`layerlens.PCA`.

    Returns
    -------
    indices : array of shape (n, k), uint32
    distances : array of shape (n, k), float32, ascending in each row

    Raises
    ------
    ValueError
        For a number of neighbours out of range, or points that do not fit.
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"k = {k!r}: expected a whole number from 1 on")
    if neighbors not in ("exact", "approximate"):
        raise ValueError(f"neighbors = {neighbors!r}: expected 'exact' or 'approximate'")
    points = as_points(X)
    others = None if queries is None else as_points(queries, "queries")
    how, close = working(device, n_jobs, verbose)
    try:
        return _native.nearest_neighbors(
            points,
            int(k),
            how,
            queries=others,
            metric=metric,
            approximate=neighbors == "approximate",
        )
    finally:
        close()


def given_neighbors(precomputed_knn: Any, n: int) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """Checked indices and distances, without the points themselves, which umap-learn has first."""
    try:
        indices, distances = precomputed_knn
    except (TypeError, ValueError) as error:
        raise ValueError("precomputed_knn: expected (indices, distances)") from error
    indices = np.asarray(indices)
    distances = as_points(distances, "the distances of precomputed_knn")
    if indices.ndim != 2 or indices.dtype.kind not in "iu":
        raise ValueError(
            "precomputed_knn: expected indices of shape (n_samples, k), whole numbers; found"
            f" {indices.dtype} {indices.shape}"
        )
    if indices.shape != distances.shape or len(indices) != n:
        raise ValueError(
            f"precomputed_knn: indices of shape {indices.shape} and distances of shape"
            f" {distances.shape} for {n} points"
        )
    if indices.size and (indices.min() < 0 or indices.max() >= n):
        row = int(np.flatnonzero(((indices < 0) | (indices >= n)).any(axis=1))[0])
        raise ValueError(f"precomputed_knn: row {row} has a neighbour outside 0 .. {n - 1}")
    if indices.shape[1] > 1 and (indices[:, 0] == np.arange(n)).all():
        indices, distances = indices[:, 1:], distances[:, 1:]
    return (
        np.ascontiguousarray(indices, dtype=np.uint32),
        np.ascontiguousarray(distances, dtype=np.float32),
    )
