"""Types of the compiled module; `tests/test_stubs.py` holds them to it."""

from os import PathLike
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

class How:
    def __new__(
        cls,
        device: str,
        n_jobs: int,
        *,
        progress: Callable[[str, int, int, list[tuple[str, float]]], object] | None = None,
        callback: Callable[[int, float | None, NDArray[np.float32]], object] | None = None,
        callback_every: int = 1,
        note: Callable[[str], object] | None = None,
    ) -> How: ...

class FittedPoints: ...

class Map:
    @property
    def needs_the_fitted_points(self) -> bool: ...
    @property
    def offsets(self) -> list[float] | None: ...
    @staticmethod
    def fit(
        method: str,
        parameters: str,
        x: NDArray[Any],
        how: How,
        *,
        neighbors: tuple[NDArray[np.uint32], NDArray[np.float32]] | None = None,
        init: NDArray[Any] | None = None,
        metric: str = "euclidean",
        approximate: bool = False,
    ) -> Map: ...
    @staticmethod
    def from_bytes(bytes: bytes) -> Map: ...
    def course(self) -> list[tuple[int, float]]: ...
    def embedding(self) -> NDArray[np.float32]: ...
    def numbers(self) -> str: ...
    def results(self) -> list[tuple[str, float]]: ...
    def tensor(self, name: str) -> NDArray[np.float32]: ...
    def to_bytes(self) -> bytes: ...
    def references(self, x: NDArray[Any] | None, how: How) -> FittedPoints: ...
    def transform(
        self, new: NDArray[Any], references: FittedPoints, how: How
    ) -> NDArray[np.float32]: ...
    def warnings(self) -> list[str]: ...

def calibration(probabilities: NDArray[Any], y: NDArray[np.uint16], how: How) -> str: ...
def compare_runs(
    first: str | PathLike[str],
    second: str | PathLike[str],
    out: str | PathLike[str],
    how: How,
    *,
    names: list[str] = [],
    n_replicates: int = 1000,
    random_state: int = 42,
    force: bool = False,
) -> tuple[Any, list[str]]: ...
def dataset_names() -> list[tuple[str, str]]: ...
def dbscan(
    parameters: str, x: NDArray[Any], how: How
) -> tuple[NDArray[np.int32], NDArray[np.uint32]]: ...
def describe_device(device: str) -> tuple[str, str, str]: ...
def dimensions(x: NDArray[Any], how: How) -> tuple[str, str]: ...
def global_score(
    x: NDArray[Any], embedding: NDArray[Any], random_state: int, how: How
) -> float | None: ...
def k_means(
    parameters: str, x: NDArray[Any], how: How
) -> tuple[NDArray[np.int32], NDArray[np.float32], float, int]: ...
def kl_divergence(
    x: NDArray[Any], embedding: NDArray[Any], perplexity: float, how: How
) -> float: ...
def label_issues(
    probabilities: NDArray[Any], y: NDArray[np.uint16], how: How
) -> list[tuple[int, float, int]]: ...
def load_dataset(
    name: str, data_dir: str | PathLike[str] | None = None
) -> tuple[
    tuple[NDArray[np.uint8], NDArray[np.uint16]],
    tuple[NDArray[np.uint8], NDArray[np.uint16]],
    list[str],
]: ...
def methods() -> list[tuple[str, str]]: ...
def nearest_neighbors(
    x: NDArray[Any],
    n_neighbors: int,
    how: How,
    *,
    queries: NDArray[Any] | None = None,
    metric: str = "euclidean",
    approximate: bool = False,
) -> tuple[NDArray[np.uint32], NDArray[np.float32]]: ...
def profile_layer(
    train: NDArray[Any],
    train_labels: NDArray[np.uint16],
    how: How,
    *,
    test: tuple[NDArray[Any], NDArray[np.uint16]] | None = None,
    random_state: int = 42,
) -> str: ...
def quality(x: NDArray[Any], embedding: NDArray[Any], random_state: int, how: How) -> str: ...
def report_embedding(
    embedding: str | PathLike[str],
    out: str | PathLike[str],
    how: How,
    *,
    labels: str | PathLike[str] | None = None,
    images: str | PathLike[str] | None = None,
    class_names: list[str] = ...,
    metadata: str | PathLike[str] | None = None,
    space: str | PathLike[str] | None = None,
    name: str | None = None,
    random_state: int = 42,
) -> list[str]: ...
def run_layers(
    activations: str | PathLike[str],
    out: str | PathLike[str],
    how: How,
    *,
    methods: list[tuple[str, str]] | None = None,
    random_state: int = 42,
    report_points: str = "test",
    force: bool = False,
) -> tuple[Any, list[str]]: ...
def separation(x: NDArray[Any], y: NDArray[np.uint16], how: How) -> str: ...
def similarity(x: NDArray[Any], y: NDArray[Any], how: How) -> str: ...
def trustworthiness(
    x: NDArray[Any], embedding: NDArray[Any], n_neighbors: int, how: How
) -> float: ...
