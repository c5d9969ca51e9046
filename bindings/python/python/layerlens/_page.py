"""Pages: of a run, or of anybody's embedding."""

from __future__ import annotations

import csv
import html
import math
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._base import LayerlensWarning, working
from ._folder import as_images
from ._input import as_labels, as_points, as_seed, of_framework


class Page:
    """A page that needs no network: shown inline by notebooks, or saved."""

    def __init__(self, path: str | os.PathLike[str], height: int = 860) -> None:
        self.path = Path(path)
        self.height = height

    def __str__(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def __repr__(self) -> str:
        return f"Page({str(self.path)!r})"

    def save(self, path: str | os.PathLike[str] = "report.html") -> Path:
        """Copies the page to a file, and returns its path."""
        target = Path(path)
        shutil.copyfile(self.path, target)
        return target

    def _repr_html_(self) -> str:
        # `srcdoc` instead of a file: notebooks of other machines, and Colab, see no files of ours.
        source = html.escape(str(self), quote=True)
        return (
            f'<iframe srcdoc="{source}" style="width: 100%; height: {self.height}px; border: 0"'
            ' title="Layerlens" sandbox="allow-scripts allow-downloads allow-popups'
            ' allow-same-origin"></iframe>'
        )


def show(
    embedding: Any,
    labels: Any = None,
    images: Any = None,
    *,
    metadata: Any = None,
    class_names: Sequence[str] | None = None,
    space: Any = None,
    name: str = "embedding",
    random_state: Any = 42,
    device: Literal["auto", "cpu", "gpu"] = "auto",
    n_jobs: int | None = None,
) -> Page:
    """The page of anybody's embedding.

    Parameters
    ----------
    embedding : array-like of shape (n_samples, 2)
    labels : array-like of shape (n_samples,) or None
        Classes: numbers or names.
    images : array of shape (n, height, width) or (n, height, width, 3), or with channels first
        Shown on the card of each point.
    metadata : DataFrame, mapping of names to columns, structured array or None
        Columns of n_samples values. Each is shown on the card of a point; categories and amounts
        colour and filter the map, texts are searched.
    class_names : sequence of str or None
        Name of each class in the order of the sorted labels.
    space : array-like of shape (n_samples, n_features) or None
        The points that were embedded: neighbours are sought in it and the map is measured.
    name : str
        Name of the data.
    random_state, device, n_jobs
        As in :class:`layerlens.PCA`.

    Returns
    -------
    Page
        In a notebook it shows itself; `save` writes it to a file.

    Raises
    ------
    ValueError
        For arrays that do not fit each other.
    """
    places = as_points(embedding, "embedding")
    n = len(places)
    if places.shape[1] != 2:
        raise ValueError(f"embedding has {places.shape[1]} columns; expected two")
    owner = tempfile.TemporaryDirectory(prefix="layerlens-")
    folder = Path(owner.name)
    given: dict[str, Any] = {}

    def write(file: str, values: NDArray[Any]) -> Path:
        path = folder / f"{file}.npy"
        np.save(path, values)
        return path

    path = write(re.sub(r"[^A-Za-z0-9._ -]+", "_", name) or "embedding", places)
    if labels is not None:
        codes, classes = as_labels(labels, n, "labels")
        names = [str(entry) for entry in (classes if class_names is None else class_names)]
        if len(names) != len(classes):
            raise ValueError(f"class_names has {len(names)} names for {len(classes)} classes")
        given["labels"] = write("labels", codes)
        listed = folder / "class_names.txt"
        listed.write_text("\n".join(names) + "\n", encoding="utf-8")
        given["class_names"] = [str(listed)]
    if images is not None:
        pictures = as_images(np.asarray(of_framework(images)))
        if pictures is None:
            raise ValueError("images: expected (n, height, width), with 1 or 3 channels")
        if len(pictures) != n:
            raise ValueError(f"{len(pictures)} images for {n} points")
        given["images"] = write("images", pictures)
    if metadata is not None:
        given["metadata"] = _write_table(metadata, n, folder / "metadata.csv")
    if space is not None:
        points = as_points(space, "space")
        if len(points) != n:
            raise ValueError(f"space has {len(points)} rows, embedding has {n}")
        given["space"] = write("space", points)
    how, close = working(device, n_jobs)
    target = folder / "report.html"
    try:
        notes = _native.report_embedding(
            path, target, how, name=name, random_state=as_seed(random_state), **given
        )
    finally:
        close()
    for note in notes:
        warnings.warn(note, LayerlensWarning, stacklevel=2)
    page = Page(target)
    page._owner = owner  # type: ignore[attr-defined]
    return page


def _write_table(metadata: Any, n: int, path: Path) -> Path:
    """Writes the columns of a table of `n` rows as CSV with a header."""
    if hasattr(metadata, "columns") and hasattr(metadata, "__getitem__"):
        names = list(metadata.columns)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"metadata has two columns called {str(twice)!r}")
    elif isinstance(metadata, Mapping):
        names = list(metadata)
    else:
        names = list(getattr(getattr(metadata, "dtype", None), "names", None) or ())
        if not names:
            raise TypeError(
                f"metadata is a {type(metadata).__name__}; expected a DataFrame, a mapping of names"
                " to columns or a structured array"
            )
    if not names:
        raise ValueError("metadata has no columns")
    columns = []
    for name in names:
        column = metadata[name]
        cells = column.tolist() if hasattr(column, "tolist") else list(column)
        if len(cells) != n:
            raise ValueError(f"metadata: {str(name)!r} has {len(cells)} values for {n} points")
        columns.append([_cell(value) for value in cells])
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([str(name) for name in names])
        writer.writerows(zip(*columns))
    return path


def _cell(value: Any) -> str:
    # None, and what pandas writes where there is no value; a NaN is not itself.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, float) and math.isnan(value):
        return ""
    return str(value)
