"""Metrics of maps, and measures of the layers of a network.

Every function takes `device` and `n_jobs` as :class:`layerlens.PCA` does.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Literal

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._base import working
from ._input import as_labels, as_points, as_seed
from ._neighbors import knn_graph

Device = Literal["auto", "cpu", "gpu"]

__all__ = [
    "calibration",
    "cka",
    "continuity",
    "dimensions",
    "global_score",
    "kl_divergence",
    "knn_accuracy",
    "label_issues",
    "layer_similarity",
    "linear_probe",
    "map_quality",
    "neighbor_recall",
    "profile_layer",
    "random_triplet_accuracy",
    "separation",
    "trustworthiness",
]


def _pair(X: Any, embedding: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    points, places = as_points(X), as_points(embedding, "embedding")
    if len(points) != len(places):
        raise ValueError(f"X has {len(points)} rows, embedding has {len(places)}")
    return points, places


def _done(device: Device, n_jobs: int | None, work: Callable[[_native.How], Any]) -> Any:
    how, close = working(device, n_jobs)
    try:
        return work(how)
    finally:
        close()


def _known(value: Any) -> Any:
    """Results, with None for those that the data do not allow."""
    if isinstance(value, dict):
        if set(value) == {"known"}:
            return _known(value["known"])
        if set(value) == {"unknown"}:
            return None
        return {name: _known(entry) for name, entry in value.items()}
    return value


def trustworthiness(
    X: Any,
    embedding: Any,
    *,
    n_neighbors: int = 5,
    device: Device = "auto",
    n_jobs: int | None = None,
) -> float:
    """How far neighbours in the map are neighbours in the space, 0 to 1, on all points.

    scikit-learn's `trustworthiness` (J. Venna and S. Kaski, 2001) in memory O(n d): O(n^2 d).
    """
    points, places = _pair(X, embedding)
    k = _count(n_neighbors, "n_neighbors")
    return _done(device, n_jobs, lambda how: _native.trustworthiness(points, places, k, how))


def continuity(
    X: Any,
    embedding: Any,
    *,
    n_neighbors: int = 5,
    device: Device = "auto",
    n_jobs: int | None = None,
) -> float:
    """How far neighbours in the space are neighbours in the map, 0 to 1, on all points."""
    points, places = _pair(X, embedding)
    k = _count(n_neighbors, "n_neighbors")
    return _done(device, n_jobs, lambda how: _native.trustworthiness(places, points, k, how))


def neighbor_recall(
    X: Any,
    embedding: Any,
    *,
    n_neighbors: int = 10,
    device: Device = "auto",
    n_jobs: int | None = None,
) -> float:
    """Share of the nearest neighbours in the space that are among as many in the map."""
    points, places = _pair(X, embedding)
    k = _count(n_neighbors, "n_neighbors")
    in_space, _ = knn_graph(points, k, device=device, n_jobs=n_jobs)
    in_map, _ = knn_graph(places, k, device=device, n_jobs=n_jobs)
    both = np.sort(np.concatenate([in_space, in_map], axis=1), axis=1)
    return float((both[:, 1:] == both[:, :-1]).sum() / in_space.size)


def knn_accuracy(
    X: Any,
    y: Any,
    X_test: Any = None,
    y_test: Any = None,
    *,
    n_neighbors: int = 5,
    device: Device = "auto",
    n_jobs: int | None = None,
) -> float:
    """Share of points whose class most of their nearest neighbours name, ties to the smaller class.

    Without test points every point of X is classified by the others.
    """
    points = as_points(X)
    k = _count(n_neighbors, "n_neighbors")
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test: expected both or neither")
    if X_test is None:
        codes, classes = as_labels(y, len(points))
        wanted, queries = codes, None
    else:
        queries = as_points(X_test, "X_test")
        labels = np.asarray(y).reshape(-1)
        both = np.concatenate([labels, np.asarray(y_test).reshape(-1)])
        codes, classes = as_labels(both, len(points) + len(queries), "y and y_test")
        codes, wanted = codes[: len(points)], codes[len(points) :]
    nearest, _ = knn_graph(points, k, queries=queries, device=device, n_jobs=n_jobs)
    votes = codes[nearest]
    found = np.empty(len(votes), dtype=np.uint16)
    for first in range(0, len(votes), 4096):
        part = votes[first : first + 4096]
        counts = np.zeros((len(part), len(classes)), dtype=np.uint32)
        np.add.at(counts, (np.arange(len(part))[:, None], part), 1)
        found[first : first + 4096] = counts.argmax(axis=1)
    return float((found == wanted).mean())


def global_score(
    X: Any,
    embedding: Any,
    *,
    random_state: Any = 42,
    device: Device = "auto",
    n_jobs: int | None = None,
) -> float | None:
    """TriMAP's global score: 1 for the principal components, towards 0 for noise.

    None if the points have no variance beyond that of as many principal components.
    """
    points, places = _pair(X, embedding)
    seed = as_seed(random_state)
    return _done(device, n_jobs, lambda how: _native.global_score(points, places, seed, how))


def map_quality(
    X: Any,
    embedding: Any,
    *,
    random_state: Any = 42,
    device: Device = "auto",
    n_jobs: int | None = None,
) -> dict[str, Any]:
    """All metrics of a map as `layerlens evaluate` gives them, on samples whose sizes it states."""
    points, places = _pair(X, embedding)
    seed = as_seed(random_state)
    return json.loads(_done(device, n_jobs, lambda how: _native.quality(points, places, seed, how)))


def random_triplet_accuracy(
    X: Any,
    embedding: Any,
    *,
    random_state: Any = 42,
    device: Device = "auto",
    n_jobs: int | None = None,
) -> float:
    """Share of random triplets whose two distances from the first point keep their order."""
    options = {"random_state": random_state, "device": device, "n_jobs": n_jobs}
    return map_quality(X, embedding, **options)["random_triplet_accuracy"]


def kl_divergence(
    X: Any,
    embedding: Any,
    *,
    perplexity: float = 30.0,
    device: Device = "auto",
    n_jobs: int | None = None,
) -> float:
    """Divergence KL(P|Q) that t-SNE of this perplexity minimises, over the nearest neighbours.

    It depends on the scale of the map: of maps of other methods, compare the least over scales.
    """
    points, places = _pair(X, embedding)
    return _done(
        device, n_jobs, lambda how: _native.kl_divergence(points, places, float(perplexity), how)
    )


def profile_layer(
    X: Any,
    y: Any,
    X_test: Any = None,
    y_test: Any = None,
    *,
    random_state: Any = 42,
    device: Device = "auto",
    n_jobs: int | None = None,
) -> dict[str, Any]:
    """All measures of one layer: probe, spectrum, intrinsic dimension, separation, silhouette.

    What the data do not allow is None. Without test points the probe is scored by five folds.
    """
    points = as_points(X)
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test: expected both or neither")
    if X_test is None:
        codes, _ = as_labels(y, len(points))
        test = None
    else:
        others = as_points(X_test, "X_test")
        both = np.concatenate([np.asarray(y).reshape(-1), np.asarray(y_test).reshape(-1)])
        codes, _ = as_labels(both, len(points) + len(others), "y and y_test")
        codes, test_codes = codes[: len(points)], codes[len(points) :]
        test = (others, np.ascontiguousarray(test_codes))
    codes = np.ascontiguousarray(codes)
    seed = as_seed(random_state)
    found = _done(
        device,
        n_jobs,
        lambda how: _native.profile_layer(points, codes, how, test=test, random_state=seed),
    )
    return _known(json.loads(found))


def linear_probe(X: Any, y: Any, X_test: Any = None, y_test: Any = None, **options: Any) -> Any:
    """Scores of a linear probe (C = 1, standardised), with ridge and nearest class mean.

    The `probe` of :func:`profile_layer`, whose options it takes.
    """
    return profile_layer(X, y, X_test, y_test, **options)["probe"]


def layer_similarity(
    X: Any, Y: Any, *, device: Device = "auto", n_jobs: int | None = None
) -> dict[str, float | None]:
    """Similarity of two layers of the same points in the same order.

    `cka` (debiased linear), `biased_cka`, `procrustes` (0 to 2) and `neighbor_overlap` (mean
    Jaccard of the 10 nearest).
    """
    x, y = as_points(X), as_points(Y, "Y")
    if len(x) != len(y):
        raise ValueError(f"X has {len(x)} rows, Y has {len(y)}: expected the same points")
    return json.loads(_done(device, n_jobs, lambda how: _native.similarity(x, y, how)))


def cka(X: Any, Y: Any, *, device: Device = "auto", n_jobs: int | None = None) -> float | None:
    """Debiased linear CKA of two layers, at most 1 (S. Kornblith et al., 2019)."""
    return layer_similarity(X, Y, device=device, n_jobs=n_jobs)["cka"]


def dimensions(X: Any, *, device: Device = "auto", n_jobs: int | None = None) -> dict[str, Any]:
    """Spectrum of points, with components for 90, 95 and 99 % of the variance, participation
    ratio and effective rank, and their intrinsic dimension by TwoNN and by maximum likelihood."""
    points = as_points(X)
    spectrum, dimension = _done(device, n_jobs, lambda how: _native.dimensions(points, how))
    return {**json.loads(spectrum), **json.loads(dimension)}


def separation(
    X: Any, y: Any, *, device: Device = "auto", n_jobs: int | None = None
) -> dict[str, Any]:
    """Separation of classes: D, NC1, NC2, Fisher's ratio and CDNV."""
    points = as_points(X)
    codes, _ = as_labels(y, len(points))
    return json.loads(_done(device, n_jobs, lambda how: _native.separation(points, codes, how)))


def label_issues(
    probabilities: Any, y: Any, *, classes: Any = None, n_jobs: int | None = None
) -> list[dict[str, Any]]:
    """Points whose label is likely wrong, the least self-confident first, by confident learning.

    `probabilities` are (n_samples, n_classes), of points that the classifier was not fitted to;
    `classes` names their columns, by default the classes of y in ascending order.
    """
    rows = as_points(probabilities, "probabilities")
    codes, found = as_labels(y, len(rows))
    names = found if classes is None else np.asarray(classes)
    if len(names) != rows.shape[1]:
        raise ValueError(
            f"probabilities has {rows.shape[1]} columns for {len(names)} classes; `classes` names"
            " the columns where y lacks some"
        )
    if classes is not None:
        column = {name: at for at, name in enumerate(names.tolist())}
        unknown = [name for name in found.tolist() if name not in column]
        if unknown:
            raise ValueError(f"y has the class {unknown[0]!r}, which classes does not name")
        codes = np.asarray([column[name] for name in found.tolist()], dtype=np.uint16)[codes]
    issues = _done("cpu", n_jobs, lambda how: _native.label_issues(rows, codes, how))
    return [
        {"row": row, "self_confidence": confidence, "suggested": names[suggested].item()}
        for row, confidence, suggested in issues
    ]


def calibration(probabilities: Any, y: Any, *, n_jobs: int | None = None) -> dict[str, Any]:
    """ECE of 15 bins, MCE, Brier score, cross-entropy, temperature and the reliability diagram.

    `y` are column numbers of `probabilities`, (n_samples, n_classes).
    """
    rows = as_points(probabilities, "probabilities")
    codes = np.asarray(y)
    whole = codes.dtype.kind in "iu" and codes.ndim == 1
    if not whole or (codes.size and not (0 <= codes.min() and codes.max() < rows.shape[1])):
        raise ValueError(f"y: expected numbers of the {rows.shape[1]} columns of probabilities")
    numbers = np.ascontiguousarray(codes, dtype=np.uint16)
    return json.loads(_done("cpu", n_jobs, lambda how: _native.calibration(rows, numbers, how)))


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} = {value!r}: expected a whole number from 1 on")
    return int(value)
