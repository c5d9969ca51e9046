"""What all estimators share: parameters, the device, progress, and fitted state."""

from __future__ import annotations

import inspect
import logging
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._input import as_points, check_feature_names, feature_names, n_threads, sklearn_exception

logger = logging.getLogger("layerlens")

Callback = Callable[[int, "float | None", NDArray[np.float32]], object]


class LayerlensWarning(UserWarning):
    """Something that readers of a result should know."""


class NotFittedError(ValueError, AttributeError):
    """An estimator was asked for what it only has after `fit`."""


class _Progress:
    """Bar of tqdm for each stage, or lines of the log where tqdm is not installed."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage: str | None = None

    def __call__(self, stage: str, done: int, total: int, figures: list[tuple[str, float]]) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            if done == total or stage != self._stage:
                logger.info("%s: %d of %d %s", stage, done, total, dict(figures))
            self._stage = stage
            return
        if stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = tqdm(total=total, desc=stage)
        self._bar.total = total
        self._bar.n = done
        self._bar.set_postfix({name: f"{value:.4g}" for name, value in figures}, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def working(
    device: str = "auto",
    n_jobs: int | None = None,
    verbose: int | bool = 0,
    callback: Callback | None = None,
    callbacks_every_iters: int = 50,
) -> tuple[_native.How, Callable[[], None]]:
    """How work is done, and what has to be called after it."""
    if not isinstance(device, str):
        raise TypeError(f"device = {device!r}: expected 'auto', 'cpu' or 'gpu'")
    if callback is not None and not callable(callback):
        raise TypeError(f"callback = {callback!r}: expected a function")
    every = callbacks_every_iters
    if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
        raise ValueError(f"callbacks_every_iters = {every!r}: expected a whole number from 1 on")
    progress = _Progress() if verbose else None
    how = _native.How(
        device,
        n_threads(n_jobs),
        progress=progress,
        callback=callback,
        callback_every=int(every),
        note=logger.warning,
    )
    return how, progress.close if progress else lambda: None


class Estimator:
    """Base of all estimators, with the manners of scikit-learn's `BaseEstimator`.

    scikit-learn itself is not needed: its `clone`, pipelines and `check_estimator` work by the
    methods that are here.
    """

    #: Kind for scikit-learn: "transformer" or "clusterer".
    _kind = "transformer"

    @classmethod
    def _parameter_names(cls) -> list[str]:
        signature = inspect.signature(cls.__init__)
        return sorted(name for name in signature.parameters if name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name. `deep` is there for scikit-learn: no parameter is an estimator."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Any:
        """Sets parameters.

        Raises
        ------
        ValueError
            For a name that is no parameter.
        """
        known = self._parameter_names()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. Valid parameters are:"
                    f" {known!r}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        signature = inspect.signature(type(self).__init__)
        changed = []
        for name in signature.parameters:
            if name == "self":
                continue
            value = getattr(self, name, None)
            default = signature.parameters[name].default
            if not (value is default or _equal(value, default)):
                changed.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(changed)})"

    #: Attribute that a finished fit leaves.
    _left_by_fit = "labels_"

    def __sklearn_is_fitted__(self) -> bool:
        return self._left_by_fit in vars(self)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None if self._kind == "transformer" else self._kind,
            target_tags=TargetTags(required=False),
            transformer_tags=(
                TransformerTags(preserves_dtype=["float32"]) if hasattr(self, "transform") else None
            ),
            classifier_tags=None,
            regressor_tags=None,
            input_tags=InputTags(sparse=True),
        )

    def _check_is_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            kind = sklearn_exception("NotFittedError", NotFittedError)
            raise kind(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with"
                " appropriate arguments before using this estimator."
            )

    def _read_fitted(self, X: Any) -> NDArray[Any]:
        """Points to fit; their number of columns and their names are kept, and nothing of an
        earlier fit, which could be taken for the result of one that fails."""
        for name in [
            name for name in vars(self) if name.endswith("_") or name == self._left_by_fit
        ]:
            delattr(self, name)
        points = as_points(X, estimator=type(self).__name__)
        names = feature_names(X)
        if names is not None:
            self.feature_names_in_ = names
        self.n_features_in_ = points.shape[1]
        return points

    def _read_new(self, X: Any) -> NDArray[Any]:
        """Points of the kind of the fitted ones."""
        self._check_is_fitted()
        name = type(self).__name__
        check_feature_names(X, getattr(self, "feature_names_in_", None), name)
        points = as_points(X, estimator=name)
        if points.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {points.shape[1]} features, but {name} is expecting"
                f" {self.n_features_in_} features as input."
            )
        return points


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(a == b) and type(a) is type(b)
    except (TypeError, ValueError):
        return False
