"""Layers of a Keras model. keras is only touched here, and only if the model is one of its."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ELEMENTWISE = {
    "Activation", "AlphaDropout", "BatchNormalization", "Dropout", "ELU", "GaussianDropout",
    "GaussianNoise", "GroupNormalization", "LayerNormalization", "LeakyReLU", "PReLU", "ReLU",
    "RMSNormalization", "SpatialDropout1D", "SpatialDropout2D", "UnitNormalization",
}  # fmt: skip
_SKIPPED = {"Flatten", "InputLayer", "Permute", "RepeatVector", "Rescaling", "Reshape"}


class KerasModel:
    """A functional or sequential model whose layers can be taken, batch by batch."""

    def __init__(self, model: Any, layers: list[str] | None) -> None:
        import keras

        if not getattr(model, "built", False) or not getattr(model, "inputs", None):
            raise ValueError(
                "the Keras model has no inputs yet: call it once on a batch, or build a functional"
                " or sequential model, whose layers can be taken"
            )
        if len(model.inputs) != 1:
            raise ValueError(f"the Keras model has {len(model.inputs)} inputs; expected one")
        by_name = {layer.name: layer for layer in model.layers}
        if layers is None:
            names = self._candidates(model)
        else:
            unknown = [name for name in layers if name not in by_name]
            if unknown:
                known = ", ".join(by_name)
                raise ValueError(f"layers: the model has no layer {unknown[0]!r}; it has {known}")
            names = {name: name for name in layers}
        if not names:
            raise ValueError("the model has no layer before its output, so there is none to look at")
        self._names = list(names)
        outputs = [by_name[source].output for source in names.values()]
        self._model = keras.Model(model.inputs[0], [*outputs, model.outputs[0]])

    @staticmethod
    def _candidates(model: Any) -> dict[str, str]:
        """Names of layers, and of the last of the element-wise ones that follow each."""
        chosen: dict[str, str] = {}
        # The layer that each tensor is the value of so far: branches of a model may be listed mixed.
        of_tensor: dict[int, str] = {}
        for layer in model.layers[:-1]:
            kind = type(layer).__name__
            if kind in _SKIPPED:
                continue
            follows = of_tensor.get(id(layer.input)) if kind in _ELEMENTWISE else None
            name = layer.name if follows is None else follows
            chosen[name] = layer.name
            of_tensor[id(layer.output)] = name
        return chosen

    @staticmethod
    def is_one(model: Any) -> bool:
        import sys

        keras = sys.modules.get("keras")
        return keras is not None and isinstance(model, keras.Model)

    def passes(self, batches: Iterable[Any]) -> Iterator[tuple[dict[str, Any], NDArray[Any]]]:
        """Outputs of the layers, and of the whole model, of each batch; dropout is off."""
        for batch in batches:
            outputs = self._model(np.asarray(batch), training=False)
            values = [np.asarray(value, dtype=np.float32) for value in map(_numpy, outputs)]
            yield dict(zip(self._names, values[:-1], strict=True)), values[-1]


def _numpy(tensor: Any) -> NDArray[Any]:
    import keras

    return keras.ops.convert_to_numpy(tensor)
