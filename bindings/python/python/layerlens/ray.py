"""Fitted maps over many machines: Ray Data workers that load a map once.

A row's place depends on nothing but the row, so any number of workers gives the bytes of one. ray is
an extra: ``pip install layerlens[ray]``.
"""

from __future__ import annotations

import copy
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from ._input import as_labels, as_points
from ._neighbors import knn_graph

__all__ = ["knn_accuracy", "transform"]

#: Names of the coordinates.
_AXES = ("x", "y", "z")
#: Column in which Ray Data names the file of a row (``include_paths=True``).
_PATH = "path"


class _Columns:
    """Points of a batch: one column of arrays, or a column a feature."""

    def __init__(self, columns: str | Sequence[str]) -> None:
        self.names = [columns] if isinstance(columns, str) else list(columns)
        self.is_one = isinstance(columns, str)

    def points(self, batch: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        missing = [name for name in self.names if name not in batch]
        if missing:
            known = ", ".join(sorted(batch))
            raise ValueError(f"the data set has no column {missing[0]!r}; it has {known}")
        if not self.is_one:
            points = np.stack([np.asarray(batch[name]) for name in self.names], axis=1)
        else:
            column = batch[self.names[0]]
            points = np.stack(list(column)) if column.dtype == object else np.asarray(column)
        bad = ~np.isfinite(points).all(axis=1)
        if bad.any():
            raise ValueError(self._where(batch, int(np.flatnonzero(bad)[0])))
        return points

    def _where(self, batch: dict[str, NDArray[Any]], row: int) -> str:
        """Names the file and the row of a value that is not finite."""
        if _PATH not in batch:
            return (
                f"row {row} of a batch of {self.names} is not finite; read the files with"
                " include_paths=True to be told which"
            )
        path = str(batch[_PATH][row])
        import pyarrow.dataset

        table = pyarrow.dataset.dataset(path).to_table(columns=self.names)
        columns = [np.asarray(table[name].to_pylist(), dtype=np.float64) for name in self.names]
        values = columns[0] if self.is_one else np.stack(columns, axis=1)
        rows, at = np.nonzero(~np.isfinite(values))
        return f"{path}: row {rows[0]}, column {at[0]} is {values[rows[0], at[0]]}"


def _workers(num_cpus: float) -> tuple[int, int]:
    """From one worker to as many as the cluster has CPUs for, but for the one that reads."""
    import ray

    return 1, max(1, int((ray.cluster_resources().get("CPU", 1) - 1) / num_cpus))


class _Placer:
    """Worker that holds a fitted map."""

    def __init__(self, fitted: Any, columns: _Columns, kept: Sequence[str] | None) -> None:
        import ray

        self._fitted = ray.get(fitted)
        self._columns = columns
        self._kept = kept

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        places = self._fitted.transform(self._columns.points(batch))
        kept = self._kept
        if kept is None:
            kept = [name for name in batch if name not in self._columns.names]
        found = {name: batch[name] for name in kept}
        for at in range(places.shape[1]):
            found[_AXES[at] if places.shape[1] <= 3 else f"c{at}"] = places[:, at].copy()
        return found


def transform(
    fitted: Any,
    dataset: Any,
    columns: str | Sequence[str],
    *,
    keep: Sequence[str] | None = None,
    batch_size: int = 16_384,
    concurrency: int | tuple[int, int] | None = None,
    num_cpus: float = 1,
    n_jobs: int = 1,
) -> Any:
    """Coordinates of the rows of a Ray data set in a fitted map.

    Parameters
    ----------
    fitted : PCA, TSNE, UMAP or TriMAP
        A fitted estimator; every worker loads it once.
    dataset : ray.data.Dataset
        Read with ``include_paths=True``, faults are named by file and row.
    columns : str or sequence of str
        The column that holds a row's values as an array, or the columns with one value each, in the
        order of the fitted ones.
    keep : sequence of str or None
        Columns that the result has beside the coordinates; None for all but the values.
    batch_size : int
        Rows that are placed together; the result does not depend on it.
    concurrency : int, (int, int) or None
        Workers, or the fewest and the most of them; None for one a CPU of the cluster but one: Ray
        Data reads with what the workers leave, and waits forever if they leave nothing.
    num_cpus : float
        CPUs of a worker, of which it uses `n_jobs` threads.

    Returns
    -------
    ray.data.Dataset
        With the columns ``x`` and ``y``, and ``z`` of a map of three dimensions.
    """
    import ray

    fitted._check_is_fitted()
    worker = copy.copy(fitted).set_params(n_jobs=n_jobs, device="cpu", verbose=0)
    return dataset.map_batches(
        _Placer,
        fn_constructor_args=(ray.put(worker), _Columns(columns), keep),
        batch_format="numpy",
        batch_size=batch_size,
        concurrency=concurrency or _workers(num_cpus),
        num_cpus=num_cpus,
    )


class _Voter:
    """Worker that classifies rows by their neighbours among given points."""

    def __init__(
        self, given: Any, columns: _Columns, label: str, n_neighbors: int, n_jobs: int
    ) -> None:
        import ray

        self._points, self._codes, self._classes = ray.get(given)
        self._columns = columns
        self._label = label
        self._n_neighbors = n_neighbors
        self._n_jobs = n_jobs

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        nearest, _ = knn_graph(
            self._points,
            self._n_neighbors,
            queries=self._columns.points(batch),
            device="cpu",
            n_jobs=self._n_jobs,
        )
        votes = self._codes[nearest]
        counts = np.zeros((len(votes), len(self._classes)), dtype=np.uint32)
        np.add.at(counts, (np.arange(len(votes))[:, None], votes), 1)
        found = self._classes[counts.argmax(axis=1)]
        right = found == np.asarray(batch[self._label])
        return {"right": np.asarray([right.sum()]), "rows": np.asarray([len(right)])}


def knn_accuracy(
    X: Any,
    y: Any,
    dataset: Any,
    columns: str | Sequence[str],
    label: str,
    *,
    n_neighbors: int = 5,
    batch_size: int = 16_384,
    concurrency: int | tuple[int, int] | None = None,
    num_cpus: float = 1,
    n_jobs: int = 1,
) -> float:
    """Share of the rows of a data set whose class most of their nearest rows of `X` name.

    Parameters are those of :func:`transform` and :func:`layerlens.metrics.knn_accuracy`; `label` is
    the column of the classes, of the kind of `y`.
    """
    import ray

    points = as_points(X)
    codes, classes = as_labels(y, len(points))
    counted = dataset.map_batches(
        _Voter,
        fn_constructor_args=(
            ray.put((points, codes, classes)),
            _Columns(columns),
            label,
            n_neighbors,
            n_jobs,
        ),
        batch_format="numpy",
        batch_size=batch_size,
        concurrency=concurrency or _workers(num_cpus),
        num_cpus=num_cpus,
    )
    right, rows = counted.sum(["right", "rows"]).values()
    return float(right / rows)
