"""Embedding methods: PCA, t-SNE, UMAP and TriMAP."""

from __future__ import annotations

import json
import warnings
from typing import Any, Literal, Sequence

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._base import Callback, Estimator, LayerlensWarning, working
from ._input import as_points, as_seed
from ._neighbors import given_neighbors

Device = Literal["auto", "cpu", "gpu"]


class _Embedding(Estimator):
    """A method of the registry of the library."""

    _method: str
    #: Parameters of the Python class that are none of the method.
    _of_python = frozenset(
        {
            "callback",
            "callbacks_every_iters",
            "device",
            "metric",
            "n_jobs",
            "neighbors",
            "precomputed_knn",
            "verbose",
        }
    )

    _left_by_fit = "_map"
    _map: _native.Map
    _fit_X: NDArray[Any] | None
    #: The fitted points, once the first `transform` has prepared them.
    _references: list[_native.FittedPoints]

    def _settings(self, points: NDArray[Any]) -> dict[str, Any]:
        """Parameters of the method as the library reads them."""
        settings = {}
        for name, value in self.get_params().items():
            if name in self._of_python:
                continue
            if name == "random_state":
                value = as_seed(value)
            settings[name] = _plain(value, name)
        return settings

    def fit(self, X: Any, y: Any = None) -> Any:
        """Fits the embedding.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For parameters out of range and points that cannot be embedded, by name.
        KeyboardInterrupt
            After Ctrl-C, within a second.
        """
        points = self._read_fitted(X)
        if len(points) < 2:
            raise ValueError(f"{type(self).__name__} needs several points; X has 1 sample")
        settings = self._settings(points)
        init = None
        if "init" in settings and not isinstance(settings["init"], str):
            init = as_points(settings.pop("init"), "init")
        neighbors = getattr(self, "precomputed_knn", None)
        if neighbors is not None:
            neighbors = given_neighbors(neighbors, len(points))
        how, close = working(
            self.device,
            self.n_jobs,
            self.verbose,
            getattr(self, "callback", None),
            getattr(self, "callbacks_every_iters", 50),
        )
        try:
            self._map = _native.Map.fit(
                self._method,
                json.dumps(settings),
                points,
                how,
                neighbors=neighbors,
                init=init,
                metric=getattr(self, "metric", "euclidean"),
                approximate=_is_approximate(getattr(self, "neighbors", "exact")),
            )
        finally:
            close()
        self._fit_X = points if self._map.needs_the_fitted_points else None
        self._references = []
        self._restore()
        for warning in self._map.warnings():
            warnings.warn(warning, LayerlensWarning, stacklevel=2)
        return self

    def _restore(self) -> None:
        """Sets the attributes of the fitted map."""
        self.embedding_ = self._map.embedding()

    def fit_transform(self, X: Any, y: Any = None) -> NDArray[np.float32]:
        """Fits the embedding, and returns the coordinates of the fitted points.

        Returns
        -------
        array of shape (n_samples, n_components), float32
        """
        return self.fit(X, y).embedding_

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Coordinates of new points in the fitted map; a row depends on nothing but itself.

        Returns
        -------
        array of shape (n_new, n_components), float32
        """
        points = self._read_new(X)
        how, close = working(self.device, self.n_jobs, self.verbose)
        try:
            if not self._references:
                self._references.append(self._map.references(self._fit_X, how))
            return self._map.transform(points, self._references[0], how)
        finally:
            close()

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the columns of the map: ``tsne0``, ``tsne1``, ..."""
        self._check_is_fitted()
        prefix = type(self).__name__.lower()
        return np.asarray([f"{prefix}{at}" for at in range(self.embedding_.shape[1])], dtype=object)

    @property
    def _n_features_out(self) -> int:
        return self.embedding_.shape[1]

    def save(self, path: Any) -> None:
        """Writes the map as `layerlens embed` does; `layerlens transform` reads it."""
        self._check_is_fitted()
        with open(path, "wb") as file:
            file.write(self._map.to_bytes())

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state.pop("_references", None)
        if "_map" in state:
            state["_map"] = self._map.to_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_map" in state:
            self._map = _native.Map.from_bytes(state["_map"])
            self._references = []


def _plain(value: Any, name: str) -> Any:
    """A parameter as JSON holds it; an array stays."""
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        raise ValueError(f"{name} = {value}: expected a finite number")
    if name == "init" or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(v, (int, float)) for v in value):
        return [float(v) for v in value]
    raise TypeError(f"{name} = {value!r}: expected a number or a string")


def _is_approximate(neighbors: Any) -> bool:
    if neighbors not in ("exact", "approximate"):
        raise ValueError(f"neighbors = {neighbors!r}: expected 'exact' or 'approximate'")
    return neighbors == "approximate"


class PCA(_Embedding):
    """Principal component analysis, with the parameters and attributes of scikit-learn's `PCA`.

    Parameters
    ----------
    n_components : int or None
        Dimensions of the embedding; None for min(n_samples, n_features).
    whiten : bool
        True to divide every axis by its standard deviation.
    svd_solver : {"auto", "full", "randomized"}
    random_state : int, RandomState, Generator or None
        Seed of the randomised solver.
    device : {"auto", "cpu", "gpu"}
        "auto" takes a real GPU if there is one, never a software adapter.
    n_jobs : int or None
        Threads on the CPU; None or -1 for all. The result does not depend on it.
    verbose : int
        Above 0, progress is shown.

    Attributes
    ----------
    embedding_ : array of shape (n_samples, n_components)
    components_ : array of shape (n_components, n_features)
    explained_variance_, explained_variance_ratio_, singular_values_ : array of (n_components,)
    mean_ : array of shape (n_features,)
    n_components_, n_samples_, n_features_in_ : int
    """

    _method = "pca"

    def __init__(
        self,
        n_components: int | None = None,
        *,
        whiten: bool = False,
        svd_solver: Literal["auto", "full", "randomized"] = "auto",
        random_state: Any = 42,
        device: Device = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.svd_solver = svd_solver
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _settings(self, points: NDArray[Any]) -> dict[str, Any]:
        if self.n_components is not None:
            return super()._settings(points)
        whole = type(self)(**{**self.get_params(), "n_components": min(points.shape)})
        return whole._settings(points)

    def _restore(self) -> None:
        super()._restore()
        numbers = json.loads(self._map.numbers())
        self.components_ = self._map.tensor("components")
        # In double precision, since a large mean leaves the digits of the points no room.
        self.mean_ = self._map.tensor("mean")[0].astype(np.float64)
        if self._map.offsets is not None:
            self.mean_ += self._map.offsets
        self.explained_variance_ = np.asarray(numbers["explained_variance"])
        self.explained_variance_ratio_ = np.asarray(numbers["explained_variance_ratio"])
        self.n_samples_, self.n_components_ = self.embedding_.shape
        self.singular_values_ = np.sqrt(self.explained_variance_ * (self.n_samples_ - 1))

    def inverse_transform(self, X: Any) -> NDArray[np.float64]:
        """Points of the space with these coordinates on the plane of the axes.

        Returns
        -------
        array of shape (n_new, n_features), float64
        """
        self._check_is_fitted()
        places = as_points(X).astype(np.float64)
        if places.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {places.shape[1]} columns, the map has {self.n_components_} dimensions"
            )
        if self.whiten:
            places = places * np.sqrt(self.explained_variance_)
        return places @ self.components_.astype(np.float64) + self.mean_


class TSNE(_Embedding):
    """t-SNE on exact neighbours, with the parameters of openTSNE and scikit-learn.

    Parameters
    ----------
    n_components : {2, 3}
    perplexity : float or sequence of floats
        Effective number of neighbours, between 1 and 168, or several.
    early_exaggeration, exaggeration : float
        Factors of the attraction, at first and later.
    early_exaggeration_iter, max_iter : int
        Iterations with the first factor, and in all.
    learning_rate : float or "auto"
        Step size; "auto" for n_samples / exaggeration.
    initial_momentum, final_momentum, max_step_norm : float
    repulsion : {"auto", "grid", "exact"}
        Repulsion on a grid, O(n), or over all pairs; "auto": on the grid from 2,000 points on.
    accuracy : {"fast", "accurate"}
        Fineness of the grid.
    init : {"pca", "random"} or array of shape (n_samples, n_components)
    placement : {"mode", "optimise"}
        New points at the mode of their neighbours' coordinates, or by gradient descent.
    metric : {"euclidean", "cosine"}
    neighbors : {"exact", "approximate"}
        Search of the neighbours.
    precomputed_knn : tuple of two arrays or None
        Indices and distances of the neighbours, each (n_samples, k), nearest first, as
        :func:`layerlens.knn_graph` gives them; at least 3 * perplexity of each point.
    callback : function or None
        Called as ``callback(iteration, error, embedding)``; if it returns True the fit ends there.
    callbacks_every_iters : int
    random_state, device, n_jobs, verbose
        As in :class:`PCA`.

    Attributes
    ----------
    embedding_ : array of shape (n_samples, n_components)
    kl_divergence_ : float
    errors_ : list of (iteration, divergence)
    n_iter_, n_features_in_ : int
    """

    _method = "tsne"

    def __init__(
        self,
        n_components: int = 2,
        *,
        perplexity: float | Sequence[float] = 30.0,
        early_exaggeration: float = 12.0,
        early_exaggeration_iter: int = 250,
        exaggeration: float = 1.0,
        learning_rate: float | Literal["auto"] = "auto",
        max_iter: int = 750,
        initial_momentum: float = 0.5,
        final_momentum: float = 0.8,
        max_step_norm: float = 5.0,
        repulsion: Literal["auto", "grid", "exact"] = "auto",
        accuracy: Literal["fast", "accurate"] = "fast",
        init: Any = "pca",
        placement: Literal["mode", "optimise"] = "mode",
        metric: Literal["euclidean", "cosine"] = "euclidean",
        neighbors: Literal["exact", "approximate"] = "exact",
        precomputed_knn: Any = None,
        callback: Callback | None = None,
        callbacks_every_iters: int = 50,
        random_state: Any = 42,
        device: Device = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.perplexity = perplexity
        self.early_exaggeration = early_exaggeration
        self.early_exaggeration_iter = early_exaggeration_iter
        self.exaggeration = exaggeration
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.initial_momentum = initial_momentum
        self.final_momentum = final_momentum
        self.max_step_norm = max_step_norm
        self.repulsion = repulsion
        self.accuracy = accuracy
        self.init = init
        self.placement = placement
        self.metric = metric
        self.neighbors = neighbors
        self.precomputed_knn = precomputed_knn
        self.callback = callback
        self.callbacks_every_iters = callbacks_every_iters
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _restore(self) -> None:
        super()._restore()
        self.kl_divergence_ = dict(self._map.results())["kl_divergence"]
        self.errors_ = self._map.course()
        self.n_iter_ = self.errors_[-1][0]


class UMAP(_Embedding):
    """UMAP on exact neighbours, with the parameters of umap-learn.

    Parameters
    ----------
    n_neighbors : int
        Neighbours of each point, itself counted.
    n_components : {2, 3}
    min_dist, spread : float
    n_epochs : int or "auto"
        "auto": 1,000 up to 10,000 points, 400 beyond.
    learning_rate, repulsion_strength, local_connectivity, set_op_mix_ratio : float
    negative_sample_rate : int
    init : {"pca", "spectral", "random"} or array of shape (n_samples, n_components)
    placement : {"mode", "optimise"}
        New points at the mode of their neighbours' coordinates, or by gradient descent.
    metric, neighbors, precomputed_knn, callback, callbacks_every_iters
        As in :class:`TSNE`; UMAP has no error, so a callback is given None. At least
        max(n_neighbors - 1, 12) precomputed neighbours of each point are needed.
    random_state, device, n_jobs, verbose
        As in :class:`PCA`.

    Attributes
    ----------
    embedding_ : array of shape (n_samples, n_components)
    n_epochs_, n_features_in_ : int
    """

    _method = "umap"

    def __init__(
        self,
        n_neighbors: int = 15,
        *,
        n_components: int = 2,
        min_dist: float = 0.1,
        spread: float = 1.0,
        n_epochs: int | Literal["auto"] | None = "auto",
        learning_rate: float = 1.0,
        negative_sample_rate: int = 5,
        repulsion_strength: float = 1.0,
        local_connectivity: float = 1.0,
        set_op_mix_ratio: float = 1.0,
        init: Any = "pca",
        placement: Literal["mode", "optimise"] = "mode",
        metric: Literal["euclidean", "cosine"] = "euclidean",
        neighbors: Literal["exact", "approximate"] = "exact",
        precomputed_knn: Any = None,
        callback: Callback | None = None,
        callbacks_every_iters: int = 50,
        random_state: Any = 42,
        device: Device = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.min_dist = min_dist
        self.spread = spread
        self.n_epochs = n_epochs
        self.learning_rate = learning_rate
        self.negative_sample_rate = negative_sample_rate
        self.repulsion_strength = repulsion_strength
        self.local_connectivity = local_connectivity
        self.set_op_mix_ratio = set_op_mix_ratio
        self.init = init
        self.placement = placement
        self.metric = metric
        self.neighbors = neighbors
        self.precomputed_knn = precomputed_knn
        self.callback = callback
        self.callbacks_every_iters = callbacks_every_iters
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _settings(self, points: NDArray[Any]) -> dict[str, Any]:
        # umap-learn's name of "auto".
        if self.n_epochs is not None:
            return super()._settings(points)
        return type(self)(**{**self.get_params(), "n_epochs": "auto"})._settings(points)

    def _restore(self) -> None:
        super()._restore()
        self.n_epochs_ = int(dict(self._map.results())["n_epochs"])


class TriMAP(_Embedding):
    """TriMAP on exact neighbours, with the parameters of trimap.

    Parameters
    ----------
    n_components : {2, 3}
    n_inliers, n_outliers, n_random : int
        Neighbours in a point's triplets, triplets with each of them, and random triplets.
    max_iter : int
    learning_rate, weight_temp : float
    init : {"pca", "random"} or array of shape (n_samples, n_components)
    placement : {"mode", "optimise"}
        New points at the mode of their neighbours' coordinates, or by their own triplets.
    metric, neighbors, precomputed_knn, callback, callbacks_every_iters
        As in :class:`TSNE`; the error is the mean loss of a triplet.
    random_state, device, n_jobs, verbose
        As in :class:`PCA`.

    Attributes
    ----------
    embedding_ : array of shape (n_samples, n_components)
    loss_ : float
        Mean loss of a triplet.
    errors_ : list of (iteration, loss)
    n_iter_, n_features_in_ : int
    """

    _method = "trimap"

    def __init__(
        self,
        n_components: int = 2,
        *,
        n_inliers: int = 12,
        n_outliers: int = 4,
        n_random: int = 3,
        max_iter: int = 300,
        learning_rate: float = 0.1,
        weight_temp: float = 0.5,
        init: Any = "pca",
        placement: Literal["mode", "optimise"] = "mode",
        metric: Literal["euclidean", "cosine"] = "euclidean",
        neighbors: Literal["exact", "approximate"] = "exact",
        precomputed_knn: Any = None,
        callback: Callback | None = None,
        callbacks_every_iters: int = 50,
        random_state: Any = 42,
        device: Device = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.n_inliers = n_inliers
        self.n_outliers = n_outliers
        self.n_random = n_random
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.weight_temp = weight_temp
        self.init = init
        self.placement = placement
        self.metric = metric
        self.neighbors = neighbors
        self.precomputed_knn = precomputed_knn
        self.callback = callback
        self.callbacks_every_iters = callbacks_every_iters
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _restore(self) -> None:
        super()._restore()
        self.loss_ = dict(self._map.results())["loss"]
        self.errors_ = self._map.course()
        self.n_iter_ = self.errors_[-1][0]
