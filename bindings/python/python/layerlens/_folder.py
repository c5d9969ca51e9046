"""Folder of layers, as `layerlens run --from-activations` reads it, from a model and its inputs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._input import as_labels, as_points, of_framework

#: Layers that are taken if the caller names none.
MAX_LAYERS = 12
#: Values of an image's layer above which its channels are averaged.
MAX_VALUES = 2048


class Batches:
    """Inputs and labels, batch by batch."""

    def __init__(self, given: Any, batch_size: int, part: str) -> None:
        self.part = part
        self.labels: list[NDArray[Any]] = []
        self.inputs: list[NDArray[Any]] = []
        if _is_pair(given) and not all(_is_pair(part) for part in given):
            x, y = (np.asarray(of_framework(value)) for value in given)
            if x.ndim < 2 or len(x) == 0:
                raise ValueError(
                    f"{part}: expected inputs of two dimensions or more, found {x.shape}"
                )
            y = _classes(y, part)
            if len(y) != len(x):
                raise ValueError(f"{part}: {len(y)} labels for {len(x)} inputs")
            self._source: Iterable[Any] = (
                (x[at : at + batch_size], y[at : at + batch_size])
                for at in range(0, len(x), batch_size)
            )
        elif isinstance(given, Iterable) and not hasattr(given, "shape"):
            self._source = given
        else:
            raise TypeError(f"{part}: expected (x, y) or an iterable of such batches")

    def __iter__(self) -> Iterator[NDArray[Any]]:
        for batch in self._source:
            if not isinstance(batch, (tuple, list)) or len(batch) < 2:
                raise TypeError(f"{self.part}: expected batches of (x, y)")
            x, y = (np.asarray(of_framework(value)) for value in batch[:2])
            y = _classes(y, self.part)
            if len(x) != len(y):
                raise ValueError(f"{self.part}: a batch of {len(x)} inputs and {len(y)} labels")
            if np.issubdtype(x.dtype, np.inexact):
                bad = np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(axis=1))
                if len(bad) > 0:
                    row = sum(map(len, self.inputs)) + int(bad[0])
                    raise ValueError(f"{self.part}: input row {row} holds NaN or infinity")
            self.inputs.append(x)
            self.labels.append(y)
            yield x


def _classes(y: NDArray[Any], part: str) -> NDArray[Any]:
    """One class a row: as they are, in a column, or one-hot."""
    if y.ndim == 2 and y.shape[1] > 1 and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1)
    if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
        return y.reshape(-1)
    raise ValueError(f"{part}: expected one label for each input, found labels of shape {y.shape}")


def _is_pair(given: Any) -> bool:
    return isinstance(given, (tuple, list)) and len(given) == 2


class LayerFolder:
    """Folder of layers, as `layerlens run --from-activations` reads it."""

    def __init__(self, folder: Path, everything: bool) -> None:
        self._folder = folder
        self._everything = everything
        self._labels: dict[str, NDArray[Any]] = {}
        self._names: list[str] = []

    def part(self, part: str, source: Any, batches: Batches, pictures: Any) -> None:
        """Takes the layers of a part and writes them, with its pictures."""
        # Closed at once after an error too, so that the model is left as it was.
        with contextlib.closing(source.passes(batches)) as passes:
            gathered, answers = self._gather(part, passes)
        inputs = np.concatenate(batches.inputs)
        self._labels[part] = np.concatenate(batches.labels)
        layers = {"raw": inputs.reshape(len(inputs), -1)}
        for name, rows in gathered.items():
            file = file_name(name)
            if file in layers:
                raise ValueError(
                    f"layer {name!r} and another are both called {file!r} in files: choose by"
                    " `layers`, or rename one"
                )
            layers[file] = np.concatenate(rows)
        if not self._names:
            self._names = list(layers)
        for name, values in layers.items():
            self._write(f"{name}_{part}", as_points(values, f"layer {name!r}"))
        self._write_answers(part, np.concatenate(answers))
        images = as_images(inputs if pictures is None else np.asarray(of_framework(pictures)))
        if images is None and pictures is not None:
            raise ValueError("images: expected (n, height, width), with 1 or 3 channels")
        if images is not None:
            if len(images) != len(inputs):
                raise ValueError(f"{part}: {len(images)} images for {len(inputs)} inputs")
            self._write(f"images_{part}", images)

    def _gather(
        self, part: str, passes: Iterable[tuple[dict[str, NDArray[Any]], NDArray[Any]]]
    ) -> tuple[dict[str, list[NDArray[Any]]], list[NDArray[Any]]]:
        """Rows of the layers, and of the output, batch by batch."""
        gathered: dict[str, list[NDArray[Any]]] = {}
        answers: list[NDArray[Any]] = []
        for outputs, answer in passes:
            rows = len(answer)
            if not answers:
                names = [name for name, value in outputs.items() if _is_layer(value, rows)]
                if not self._everything and len(names) > MAX_LAYERS:
                    names = _spread(names)
                gathered = {name: [] for name in names}
            for name, kept in gathered.items():
                if name not in outputs or not _is_layer(outputs[name], rows):
                    raise ValueError(f"layer {name!r} is not there in every batch of {part}")
                kept.append(_flat(outputs[name]))
            answers.append(answer)
        if not answers:
            raise ValueError(f"{part}: there are no batches")
        return gathered, answers

    def _write(self, name: str, values: NDArray[Any]) -> None:
        np.save(self._folder / f"{name}.npy", values)

    def _write_answers(self, part: str, answers: NDArray[Any]) -> None:
        if answers.ndim != 2:
            raise ValueError(
                f"the model's output has shape {answers.shape}; expected one row of class scores a"
                " point"
            )
        # One column is the second of two classes.
        sums = np.ones(1) if answers.shape[1] == 1 else answers.sum(axis=1)
        in_range = bool(((answers >= 0) & (answers <= 1)).all())
        are_shares = in_range and np.allclose(sums, 1, atol=1e-3)
        self._write(f"{'softmax' if are_shares else 'logits'}_{part}", answers)

    def finish(self, class_names: Sequence[str] | None) -> None:
        """Writes labels, names and the order of the layers."""
        whole = np.concatenate(list(self._labels.values()))
        codes, classes = as_labels(whole, len(whole), "the labels")
        n_columns = self._n_columns()
        # Numbers that are columns of the output already keep their meaning where some are missing.
        if classes.dtype.kind in "iu" and classes.min() >= 0 and classes.max() < n_columns:
            codes, classes = whole.astype(np.uint16), np.arange(n_columns)
        names = [str(name) for name in (classes if class_names is None else class_names)]
        if len(names) != len(classes):
            raise ValueError(
                f"class_names has {len(names)} names, the labels have {len(classes)} classes"
            )
        first = 0
        for part, labels in self._labels.items():
            self._write(f"labels_{part}", codes[first : first + len(labels)].astype(np.uint16))
            first += len(labels)
        (self._folder / "class_names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
        (self._folder / "layers.txt").write_text("\n".join(self._names) + "\n", encoding="utf-8")

    def _n_columns(self) -> int:
        for name in ("softmax", "logits"):
            path = self._folder / f"{name}_train.npy"
            if path.exists():
                columns = int(np.load(path, mmap_mode="r").shape[1])
                return 2 if columns == 1 else columns
        return 0


def _is_layer(value: NDArray[Any], rows: int) -> bool:
    """True for an output with a row for each input, and more than one value each."""
    return value.ndim >= 2 and len(value) == rows and value[0].size > 1


def _flat(value: NDArray[Any]) -> NDArray[Any]:
    """Rows of a layer: tokens by their mean, large images by the means of their channels."""
    if value.ndim == 2:
        return value
    if value.ndim == 3:
        return value.mean(axis=1)
    if value[0].size > MAX_VALUES:
        # Of the two usual layouts the one with fewer rows and columns than channels is rare.
        channels_first = value.shape[1] <= value.shape[-1] or value.shape[2] == value.shape[3]
        axes = tuple(range(2, value.ndim)) if channels_first else tuple(range(1, value.ndim - 1))
        return value.mean(axis=axes)
    return value.reshape(len(value), -1)


def _spread(names: list[str]) -> list[str]:
    """At most 12 names, evenly spread, the first and the last among them."""
    places = np.linspace(0, len(names) - 1, MAX_LAYERS).round().astype(int)
    return [names[at] for at in places]


def file_name(name: str) -> str:
    """Name of a layer as files have it."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "layer"
    return f"{safe}_layer" if safe in {"raw", "labels", "images", "softmax", "logits"} else safe


def as_images(inputs: NDArray[Any]) -> NDArray[np.uint8] | None:
    """Inputs as images, (n, height, width) or (n, height, width, 3), if they are some."""
    x = inputs
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[-1] not in (1, 3):
        x = np.moveaxis(x, 1, -1)
    if x.ndim == 4 and x.shape[-1] == 1:
        x = x[..., 0]
    if not (x.ndim == 3 or (x.ndim == 4 and x.shape[-1] == 3)) or min(x.shape[1:3]) < 4:
        return None
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    x = x.astype(np.float32)
    low, high = float(x.min()), float(x.max())
    if 0 <= low and 1 < high <= 255 and np.array_equal(x[:64], x[:64].round()):
        low, high = 0.0, 255.0
    elif 0 <= low and high <= 1:
        low, high = 0.0, 1.0
    if not high > low:
        return None
    return np.ascontiguousarray(((x - low) * (255 / (high - low))).round().clip(0, 255), np.uint8)
