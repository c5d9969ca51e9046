"""Reading of what callers give as points and labels."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Bytes that a sparse matrix may have once all its zeros are stored.
DENSE_LIMIT = 2 << 30

# Types whose every value a float32 holds.
_NARROW = {"b1", "i1", "u1", "i2", "u2", "f2"}


def as_points(X: Any, name: str = "X", *, estimator: str | None = None) -> NDArray[Any]:
    """Points as a C-contiguous matrix of float32, float64, int64 or uint64.

    A float32 matrix in C order is returned as it is, without a copy. What a float32 cannot hold
    stays in a wider type: the rounding, and what is subtracted so that no column loses its digits,
    are done below this function.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Anything that numpy reads: arrays of any real type and order, nested lists, pandas and
        polars frames, tensors of torch and jax. Sparse matrices of scipy become dense, up to
        2 GiB of float32.
    name : str
        Its name, for messages.
    estimator : str or None
        Class that asks, for messages.

    Raises
    ------
    TypeError
        For what is no array of real numbers.
    ValueError
        For another number of dimensions, no rows or no columns.
    """
    if _is_sparse(X):
        X = _dense(X, name)
    X = of_framework(X)
    try:
        values = np.asarray(X)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be read as an array: {error}") from error
    if values.dtype.kind == "O":
        values = _of_objects(values, name)
    kind = values.dtype.kind
    if kind == "c":
        raise ValueError(f"Complex data not supported: {name} is an array of {values.dtype}\n")
    if kind in "US":
        raise ValueError(f"{name} is an array of strings; expected numbers")
    if kind not in "biuf":
        raise TypeError(f"{name} is an array of {values.dtype}; expected real numbers")
    _check_shape(values, name, estimator)
    return _storable(values)


def _check_shape(values: NDArray[Any], name: str, estimator: str | None) -> None:
    if values.ndim != 2:
        what = "scalar" if values.ndim == 0 else f"{values.ndim}D"
        message = f"Expected 2D array, got {what} array instead: {name} has shape {values.shape}."
        if values.ndim < 2:
            message += (
                " Reshape your data either using array.reshape(-1, 1) if your data has a single"
                " feature or array.reshape(1, -1) if it contains a single sample."
            )
        else:
            message += f" Found array with dim {values.ndim}."
        raise ValueError(message)
    by = f" by {estimator}" if estimator else ""
    n_samples, n_features = values.shape
    if n_samples == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={values.shape}) while a minimum of 1 is required"
            f"{by}: {name} is empty."
        )
    if n_features == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={values.shape}) while a minimum of 1 is required"
            f"{by}: {name} has no columns."
        )


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers, in native byte order, C order and one of four types."""
    code = values.dtype.kind + str(values.dtype.itemsize)
    if code in _NARROW or code == "f4":
        target = np.float32
    elif code == "i8":
        target = np.int64
    elif code == "u8":
        target = np.uint64
    else:
        # float64 holds integers of 32 bits; of a longer float it keeps as much as is of use.
        target = np.float64
    return np.require(values.astype(target, copy=False), requirements=["C", "A"])


def _is_sparse(X: Any) -> bool:
    return hasattr(X, "tocsr") and hasattr(X, "toarray") and hasattr(X, "shape")


def _dense(X: Any, name: str) -> NDArray[Any]:
    size = 4 * int(np.prod(X.shape, dtype=np.float64))
    if size > DENSE_LIMIT:
        raise TypeError(
            f"{name} is a sparse matrix of shape {tuple(X.shape)}, which would take {size:,} bytes"
            f" when dense; at most {DENSE_LIMIT:,} are converted. Reduce it first, for example by"
            " sklearn.decomposition.TruncatedSVD"
        )
    return X.toarray()


def of_framework(X: Any) -> Any:
    """Tensors of frameworks that numpy does not read by itself."""
    if hasattr(X, "detach") and hasattr(X, "cpu"):
        X = X.detach().cpu()
        if str(getattr(X, "dtype", "")) == "torch.bfloat16":
            X = X.float()
        return X
    if isinstance(X, (np.ndarray, list, tuple)) or hasattr(X, "__array__"):
        return X
    if hasattr(X, "__dlpack__"):
        return np.from_dlpack(X)
    if hasattr(X, "to_numpy"):
        return X.to_numpy()
    return X


def _of_objects(values: NDArray[Any], name: str) -> NDArray[Any]:
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        # The words that numpy uses: "argument must be a string or a real number".
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} is an array of objects that are not all numbers: {error}") from error


def feature_names(X: Any) -> NDArray[Any] | None:
    """Names of the columns of a frame, if all are strings."""
    columns = getattr(X, "columns", None)
    if columns is None or isinstance(X, np.ndarray):
        return None
    try:
        names = np.asarray(list(columns), dtype=object)
    except TypeError:
        return None
    kinds = {type(name) for name in names}
    if len(names) == 0 or not any(issubclass(kind, str) for kind in kinds):
        return None
    if not all(issubclass(kind, str) for kind in kinds):
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your"
            f" input has {sorted(kind.__name__ for kind in kinds)} as feature name / column name"
            " types. If you want feature names to be stored and validated, you must convert them"
            " all to strings, by using X.columns = X.columns.astype(str) for example."
        )
    return names


def check_feature_names(X: Any, fitted: NDArray[Any] | None, estimator: str) -> None:
    """Refuses columns of other names, or in another order, than the fitted ones."""
    names = feature_names(X)
    if fitted is None and names is None:
        return
    if names is None:
        warnings.warn(
            f"X does not have valid feature names, but {estimator} was fitted with feature names",
            UserWarning,
            stacklevel=3,
        )
        return
    if fitted is None:
        warnings.warn(
            f"X has feature names, but {estimator} was fitted without feature names",
            UserWarning,
            stacklevel=3,
        )
        return
    if len(names) == len(fitted) and (names == fitted).all():
        return
    unseen = sorted(set(names) - set(fitted))
    missing = sorted(set(fitted) - set(names))

    def listed(names: list[str]) -> str:
        shown = "".join(f"- {name}\n" for name in names[:5])
        return shown + ("- ...\n" if len(names) > 5 else "")

    message = "The feature names should match those that were passed during fit.\n"
    if unseen:
        message += "Feature names unseen at fit time:\n" + listed(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + listed(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    raise ValueError(message)


def as_labels(y: Any, n: int, name: str = "y") -> tuple[NDArray[np.uint16], NDArray[Any]]:
    """Labels as numbers from 0 on, and the classes that they stand for, ascending.

    Raises
    ------
    ValueError
        For another number of labels than `n`, missing labels, or more than 65,536 classes.
    """
    values = np.asarray(of_framework(y))
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or len(values) != n:
        raise ValueError(
            f"{name} has shape {values.shape}; expected one label for each of {n} rows"
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"row {row} of {name} is {values[row]}: expected a label")
    if values.dtype.kind == "O":
        for row, value in enumerate(values):
            if value is None or value != value:
                raise ValueError(f"row {row} of {name} is {value}: expected a label")
        if len({type(value) for value in values}) > 1:
            values = values.astype(str)
    classes, codes = np.unique(values, return_inverse=True)
    if len(classes) > 1 << 16:
        raise ValueError(
            f"{name} has {len(classes)} different labels; at most 65,536 are supported"
        )
    return codes.reshape(-1).astype(np.uint16), classes


def as_seed(random_state: Any) -> int:
    """Seed of 32 bits: a number as it is, the next number of a generator, or a fresh one for None."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(1 << 32))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(1 << 32, dtype=np.uint64))
    if random_state is np.random:
        return int(np.random.randint(1 << 32, dtype=np.uint64))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        if 0 <= random_state < 1 << 63:
            return int(random_state)
        raise ValueError(f"random_state = {random_state}: expected a number from 0 to 2**63 - 1")
    raise ValueError(
        f"random_state = {random_state!r}: expected None, a number or a generator of numpy"
    )


def n_threads(n_jobs: int | None) -> int:
    """Number of threads, 0 for all: -1 are all, -2 all but one."""
    if n_jobs is None:
        return 0
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, (int, np.integer)) or n_jobs == 0:
        raise ValueError(f"n_jobs = {n_jobs!r}: expected None or a whole number other than 0")
    if n_jobs > 0:
        return int(n_jobs)
    if n_jobs == -1:
        return 0
    import os

    return max(1, (os.cpu_count() or 1) + 1 + int(n_jobs))


def sklearn_exception(name: str, fallback: type[Exception]) -> type[Exception]:
    """Exception of scikit-learn if that is loaded, so that its own tests recognise it."""
    module = sys.modules.get("sklearn.exceptions")
    return getattr(module, name, fallback) if module else fallback
