"""The look into a network: its layers, embedded, scored, measured, on one page."""

from __future__ import annotations

import contextlib
import csv
import html
import json
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._base import LayerlensWarning, logger, working
from ._input import _of_framework, as_labels, as_points, as_seed
from ._keras import KerasModel
from ._torch import TorchModel

#: Layers that are taken if the caller names none.
MAX_LAYERS = 12
#: Values of an image's layer above which its channels are averaged.
MAX_VALUES = 2048


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


class Look:
    """Results of a look into a network; its folder is that of `layerlens run`.

    Attributes
    ----------
    path : Path
        Folder with maps, tables, figures, the page and the manifest.
    layers : list of str
        Names of the spaces, the input first.
    methods : list of str
    class_names : list of str
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._manifest = json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))
        maps = self._manifest["results"]["maps"]
        self.layers = list(dict.fromkeys(entry["space"] for entry in maps))
        self.methods = list(dict.fromkeys(entry["method"] for entry in maps))
        names = self.path / "activations" / "class_names.txt"
        self.class_names = names.read_text(encoding="utf-8").splitlines() if names.exists() else []

    def __repr__(self) -> str:
        return f"Look({str(self.path)!r}: {', '.join(self.layers)}; {', '.join(self.methods)})"

    def embedding(
        self, layer: str, method: str = "tsne", part: Literal["train", "test"] = "train"
    ) -> NDArray[np.float32]:
        """Map of a layer, (n_samples, 2): of the training points, or the test points placed in it.

        Raises
        ------
        KeyError
            For a layer or method that the look does not have.
        """
        path = self.path / "embeddings" / f"{method}_{layer}_{part}.npy"
        if not path.is_file():
            raise KeyError(
                f"no map of {layer!r} by {method!r} for {part!r}: there are the layers"
                f" {self.layers} and the methods {self.methods}"
            )
        return np.load(path)

    def activations(
        self, layer: str, part: Literal["train", "test"] = "train"
    ) -> NDArray[np.float32]:
        """Activations of a layer, (n_samples, n_features)."""
        return np.load(self.path / "activations" / f"{layer}_{part}.npy")

    def _table(self, name: str) -> Any:
        """Table of the folder: a DataFrame if pandas is installed, else a list of dicts."""
        path = self.path / "scores" / name
        try:
            import pandas
        except ImportError:
            with open(path, encoding="utf-8", newline="") as file:
                return [
                    {key: _number(value) for key, value in row.items()}
                    for row in csv.DictReader(file)
                ]
        return pandas.read_csv(path)

    @property
    def scores(self) -> Any:
        """k-NN accuracy of every space and map."""
        return self._table("knn.csv")

    @property
    def quality(self) -> Any:
        """Metrics of every map."""
        return self._table("quality.csv")

    @property
    def profile(self) -> Any:
        """Measures of every layer: probes, dimensions, separation, calibration."""
        return self._table("layers.csv")

    @property
    def look_at(self) -> Any:
        """Points that are worth a look, with the reasons."""
        return self._table("look_at.csv")

    @property
    def findings(self) -> list[str]:
        """What the measures say, a sentence each."""
        profile = self._manifest["results"].get("profile") or {}
        return list(profile.get("findings", []))

    def page(self) -> Page:
        """The explorable page."""
        return Page(self.path / "report.html")

    def save(self, path: str | os.PathLike[str] = "report.html") -> Path:
        """Copies the page to a file, and returns its path."""
        return self.page().save(path)

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()


def _number(text: str) -> Any:
    try:
        return float(text) if "." in text or "e" in text else int(text)
    except ValueError:
        return text or None


def look(
    model: Any,
    train: Any,
    test: Any = None,
    *,
    layers: Sequence[str] | Literal["all"] | None = None,
    class_names: Sequence[str] | None = None,
    images: Any = None,
    methods: Sequence[str] = ("pca", "tsne", "umap", "trimap"),
    batch_size: int = 256,
    random_state: Any = 42,
    device: Literal["auto", "cpu", "gpu"] = "auto",
    n_jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    verbose: int = 0,
) -> Look:
    """Shows what each hidden layer of a PyTorch or Keras model has learned.

    Takes the activations of its layers, embeds each by every method, places the test points in the
    maps, scores and measures the layers, and makes the page. torch and keras are only imported if
    the model is one of theirs.

    Parameters
    ----------
    model : torch.nn.Module or keras.Model
        A trained classifier. It is left as it was; dropout is off while its layers are taken.
    train, test : (x, y), or an iterable of batches (x, y) such as a DataLoader
        Inputs as the model takes them, and their classes: numbers or names.
    layers : sequence of str, "all" or None
        Names of modules (PyTorch) or layers (Keras). None takes those that do something of their
        own, each after the activations and normalisations that follow it, at most 12 of them spread
        evenly; "all" takes them all.
    class_names : sequence of str or None
        Name of each class in the order of the sorted labels; the labels themselves if None.
    images : array, (array, array) or None
        Pictures of the training points, and of the test points, for the page, if the inputs are
        none themselves: (n, height, width), or with 1 or 3 channels.
    methods : sequence of str
    batch_size : int
        Rows that pass through the model at a time, if `train` is (x, y).
    random_state, device, n_jobs, verbose
        As in :class:`layerlens.PCA`; `device` is that of the embeddings, the model stays on its own.
    out : path or None
        Folder of the results; a temporary one if None.
    force : bool
        True to replace an earlier run in `out`.

    Returns
    -------
    Look
        In a notebook it shows its page.

    Raises
    ------
    TypeError
        For a model of another kind.
    ValueError
        For layers that the model does not have, labels that do not fit, activations that are not
        finite, by name.
    """
    names = None if layers is None or isinstance(layers, str) else list(layers)
    if isinstance(layers, str) and layers != "all":
        raise ValueError(f"layers = {layers!r}: expected a list of names, 'all' or None")
    if TorchModel.is_one(model):
        source: Any = TorchModel(model, names)
    elif KerasModel.is_one(model):
        source = KerasModel(model, names)
    else:
        raise TypeError(
            f"model is a {type(model).__module__}.{type(model).__qualname__}; expected a"
            " torch.nn.Module or a keras.Model. Layers of other programs are taken from .npy files:"
            " `layerlens run --from-activations`"
        )
    seed = as_seed(random_state)
    owner = None if out is not None else tempfile.TemporaryDirectory(prefix="layerlens-")
    target = Path(owner.name) / "look" if owner is not None else Path(str(out))
    if target.exists() and not force and any(target.iterdir()):
        raise FileExistsError(f"{target} exists already; give another `out`, or force=True")
    with tempfile.TemporaryDirectory(prefix="layerlens-layers-") as temporary:
        # The page calls the data as the folder is called.
        folder = Path(temporary) / _file_name(str(getattr(model, "name", type(model).__name__)))
        folder.mkdir()
        written = _Layers(folder, everything=layers is not None)
        pictures = images if isinstance(images, (tuple, list)) else (images, None)
        if len(pictures) != 2:
            raise ValueError("images: expected those of the training points, or (train, test)")
        written.part("train", source, _Batches(train, batch_size, "train"), pictures[0])
        if test is not None:
            written.part("test", source, _Batches(test, batch_size, "test"), pictures[1])
        written.finish(class_names)
        how, close = working(device, n_jobs, verbose)
        chosen = [(name, json.dumps({"random_state": seed})) for name in methods]
        try:
            path, notes = _native.run_layers(
                folder, target, how, methods=chosen, random_state=seed, force=force
            )
        finally:
            close()
    for note in notes:
        logger.warning(note)
    result = Look(path)
    # The temporary folder lives as long as what reads it.
    result._owner = owner  # type: ignore[attr-defined]
    return result


class _Batches:
    """Inputs and labels, batch by batch."""

    def __init__(self, given: Any, batch_size: int, part: str) -> None:
        self.part = part
        self.labels: list[NDArray[Any]] = []
        self.inputs: list[NDArray[Any]] = []
        if _is_pair(given) and not all(_is_pair(part) for part in given):
            x, y = (np.asarray(_of_framework(value)) for value in given)
            if x.ndim < 2 or len(x) == 0:
                raise ValueError(f"{part}: expected inputs of two dimensions or more, found {x.shape}")
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
            x, y = (np.asarray(_of_framework(value)) for value in batch[:2])
            y = _classes(y, self.part)
            if len(x) != len(y):
                raise ValueError(f"{self.part}: a batch of {len(x)} inputs and {len(y)} labels")
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


class _Layers:
    """Folder of layers, as `layerlens run --from-activations` reads it."""

    def __init__(self, folder: Path, everything: bool) -> None:
        self._folder = folder
        self._everything = everything
        self._labels: dict[str, NDArray[Any]] = {}
        self._names: list[str] = []

    def part(self, part: str, source: Any, batches: _Batches, pictures: Any) -> None:
        """Takes the layers of a part and writes them, with its pictures."""
        # Closed at once after an error too, so that the model is left as it was.
        with contextlib.closing(source.passes(batches)) as passes:
            gathered, answers = self._gather(part, passes)
        inputs = np.concatenate(batches.inputs)
        self._labels[part] = np.concatenate(batches.labels)
        layers = {"raw": inputs.reshape(len(inputs), -1)}
        for name, rows in gathered.items():
            file = _file_name(name)
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
        images = _images(inputs if pictures is None else np.asarray(_of_framework(pictures)))
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


def _file_name(name: str) -> str:
    """Name of a layer as files have it."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "layer"
    return f"{safe}_layer" if safe in {"raw", "labels", "images", "softmax", "logits"} else safe


def _images(inputs: NDArray[Any]) -> NDArray[np.uint8] | None:
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


def show(
    embedding: Any,
    labels: Any = None,
    images: Any = None,
    *,
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
        pictures = _images(np.asarray(_of_framework(images)))
        if pictures is None:
            raise ValueError("images: expected (n, height, width), with 1 or 3 channels")
        if len(pictures) != n:
            raise ValueError(f"{len(pictures)} images for {n} points")
        given["images"] = write("images", pictures)
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
