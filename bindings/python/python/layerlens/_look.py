"""The look into a network: its layers, embedded, scored, measured, on one page."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._base import logger, working
from ._folder import Batches, LayerFolder, file_name
from ._input import as_seed
from ._keras import KerasModel
from ._page import Page
from ._torch import TorchModel


class _Results:
    """A folder of results with tables and a page."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

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

    def page(self) -> Page:
        """The explorable page."""
        return Page(self.path / "report.html")

    def save(self, path: str | os.PathLike[str] = "report.html") -> Path:
        """Copies the page to a file, and returns its path."""
        return self.page().save(path)

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()


class Look(_Results):
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
        super().__init__(path)
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


class Comparison(_Results):
    """Results of a comparison of two looks; its folder is that of `layerlens compare`.

    Attributes
    ----------
    path : Path
        Folder with tables, figures, the page and the manifest.
    """

    def __repr__(self) -> str:
        return f"Comparison({str(self.path)!r})"

    @property
    def accuracy(self) -> Any:
        """Accuracies of both in every common space and map, and their differences with intervals."""
        return self._table("accuracy.csv")

    @property
    def gains(self) -> Any:
        """What each class gains from the first space to the last, in both."""
        return self._table("gains.csv")

    @property
    def confused_pairs(self) -> Any:
        """Pairs of classes that are taken for each other, in both."""
        return self._table("confused_pairs.csv")

    @property
    def measures(self) -> Any:
        """Means of every method over the common spaces, in both."""
        return self._table("measures.csv")

    @property
    def answers(self) -> Any:
        """The answers of both about each point, and which of them is right: a, b, both or neither.

        Raises
        ------
        FileNotFoundError
            If the two scored different points.
        """
        return self._table("answers.csv")

    @property
    def layer_similarity(self) -> Any:
        """Similarity of each layer of one with each of the other.

        Raises
        ------
        FileNotFoundError
            If the two scored different points, or one did not keep its layers.
        """
        return self._table("layer_similarity.csv")


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
    if isinstance(methods, str):
        raise TypeError(f"methods = {methods!r}; expected a list of names, not one text")
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
    target, owner = _target(out, "look", force)
    with tempfile.TemporaryDirectory(prefix="layerlens-layers-") as temporary:
        # The page calls the data as the folder is called.
        folder = Path(temporary) / file_name(str(getattr(model, "name", type(model).__name__)))
        folder.mkdir()
        written = LayerFolder(folder, everything=layers is not None)
        pictures = images if isinstance(images, (tuple, list)) else (images, None)
        if len(pictures) != 2:
            raise ValueError("images: expected those of the training points, or (train, test)")
        written.part("train", source, Batches(train, batch_size, "train"), pictures[0])
        if test is not None:
            written.part("test", source, Batches(test, batch_size, "test"), pictures[1])
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


def compare(
    first: Look,
    second: Look,
    *,
    names: Sequence[str] = ("first", "second"),
    n_replicates: int = 1000,
    random_state: Any = 42,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
) -> Comparison:
    """Compares two looks: the same measures of both, with intervals of their differences.

    If both scored the same points, the page shows the maps of both networks side by side, and which
    of them is right about each point. Points are the same if the inputs of the models are, to the
    last byte.

    Parameters
    ----------
    first, second : Look
    names : (str, str)
        What tables, figures and the page call them.
    n_replicates : int
        Replicates of the bootstrap that gives the intervals, at least 100.
    random_state
        As in :class:`layerlens.PCA`.
    out : path or None
        Folder of the results; a temporary one if None.
    force : bool
        True to replace earlier results in `out`.

    Returns
    -------
    Comparison
        In a notebook it shows its page.

    Raises
    ------
    TypeError
        For what is no look, or names that are one text.
    ValueError
        If they have no common space, or the names are not two different ones.
    """
    for name, value in (("first", first), ("second", second)):
        if not isinstance(value, Look):
            raise TypeError(f"{name} is a {type(value).__qualname__}; expected a layerlens.Look")
    if isinstance(names, str):
        raise TypeError(f"names = {names!r}; expected two names, not one text")
    seed = as_seed(random_state)
    target, owner = _target(out, "comparison", force)
    how, close = working("cpu", None, 0)
    try:
        path, notes = _native.compare_runs(
            first.path,
            second.path,
            target,
            how,
            names=[str(name) for name in names],
            n_replicates=int(n_replicates),
            random_state=seed,
            force=force,
        )
    finally:
        close()
    for note in notes:
        logger.warning(note)
    result = Comparison(path)
    result._owner = owner  # type: ignore[attr-defined]
    return result


def _target(
    out: str | os.PathLike[str] | None, name: str, force: bool
) -> tuple[Path, tempfile.TemporaryDirectory[str] | None]:
    """Folder of the results, and the temporary folder that it lies in, if it does."""
    owner = None if out is not None else tempfile.TemporaryDirectory(prefix="layerlens-")
    target = Path(owner.name) / name if owner is not None else Path(str(out))
    if target.exists() and not force and any(target.iterdir()):
        raise FileExistsError(f"{target} exists already; give another `out`, or force=True")
    return target, owner
