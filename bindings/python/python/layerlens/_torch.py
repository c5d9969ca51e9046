"""Layers of a PyTorch module. torch is only touched here, and only if the model is one of its."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from numpy.typing import NDArray

# Modules that change each value by itself or by its neighbours' statistics: the layer is what
# leaves the last of such a run.
_ELEMENTWISE = {
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "CELU", "Dropout", "Dropout1d", "Dropout2d",
    "ELU", "GELU", "GroupNorm", "Hardsigmoid", "Hardswish", "Hardtanh", "Identity",
    "InstanceNorm2d", "LayerNorm", "LeakyReLU", "LogSigmoid", "Mish", "PReLU", "RMSNorm", "RReLU",
    "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Tanh", "Tanhshrink", "Threshold",
    "AlphaDropout", "FeatureAlphaDropout",
}  # fmt: skip
# Modules whose output is their input in another shape.
_RESHAPING = {"Flatten", "Unflatten", "PixelShuffle", "PixelUnshuffle", "Upsample"}


class _Recorder:
    """Outputs of the leaf modules of one forward pass, in the order of the calls."""

    def __init__(self, model: Any, names: list[str] | None) -> None:
        import torch

        self._torch = torch
        #: What left each layer, and a copy of its values: a module further on may change them.
        self.outputs: dict[str, tuple[Any, Any]] = {}
        self._calls: dict[str, int] = {}
        self._last: tuple[str, Any] | None = None
        self._merged = names is None
        modules = dict(model.named_modules())
        if names is None:
            chosen = [
                (name, module)
                for name, module in modules.items()
                if name and not any(module.children())
            ]
        else:
            unknown = [name for name in names if name not in modules or not name]
            if unknown:
                known = ", ".join(name for name in modules if name)
                raise ValueError(f"layers: the model has no module {unknown[0]!r}; it has {known}")
            chosen = [(name, modules[name]) for name in names]
        self._handles = [
            module.register_forward_hook(self._hook(name, type(module).__name__))
            for name, module in chosen
        ]

    def _hook(self, name: str, kind: str) -> Any:
        def hook(_: Any, inputs: tuple[Any, ...], output: Any) -> None:
            if isinstance(output, (tuple, list)):
                output = output[0] if output else None
            if not isinstance(output, self._torch.Tensor) or not output.is_floating_point():
                return
            self._calls[name] = self._calls.get(name, 0) + 1
            call = self._calls[name]
            layer = name if call == 1 else f"{name}#{call}"
            follows = self._last is not None and bool(inputs) and inputs[0] is self._last[1]
            if self._merged and follows and kind in _ELEMENTWISE | _RESHAPING:
                # In the shape that it had before: channels say more than a flat row.
                previous = self._last[0]
                if kind in _ELEMENTWISE:
                    self.outputs[previous] = (output, output.clone())
                self._last = (previous, output)
                return
            if self._merged and kind in _RESHAPING:
                return
            self.outputs[layer] = (output, output.clone())
            self._last = (layer, output)

        return hook

    def start(self) -> None:
        self.outputs, self._calls, self._last = {}, {}, None

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()


class TorchModel:
    """A module whose layers can be taken, batch by batch."""

    def __init__(self, model: Any, layers: list[str] | None) -> None:
        import torch

        self._torch = torch
        self._model = model
        self._names = layers
        parameter = next(iter(model.parameters()), None)
        if parameter is None:
            parameter = next(iter(model.buffers()), None)
        self._device = parameter.device if parameter is not None else torch.device("cpu")
        self._dtype = parameter.dtype if parameter is not None else torch.float32

    @staticmethod
    def is_one(model: Any) -> bool:
        import sys

        torch = sys.modules.get("torch")
        return torch is not None and isinstance(model, torch.nn.Module)

    def passes(self, batches: Iterable[Any]) -> Iterator[tuple[dict[str, Any], NDArray[Any]]]:
        """Outputs of the layers, and of the whole model, of each batch; dropout is off."""
        torch = self._torch
        recorder = _Recorder(self._model, self._names)
        modes = [(module, module.training) for module in self._model.modules()]
        self._model.eval()
        try:
            with torch.no_grad():
                for batch in batches:
                    x = torch.as_tensor(batch).to(self._device)
                    if x.is_floating_point():
                        x = x.to(self._dtype)
                    recorder.start()
                    output = self._model(x)
                    if isinstance(output, dict) or hasattr(output, "logits"):
                        output = output["logits"] if isinstance(output, dict) else output.logits
                    if isinstance(output, (tuple, list)):
                        output = output[0]
                    outputs = {
                        name: _numbers(values)
                        for name, (left, values) in recorder.outputs.items()
                        if left is not output
                    }
                    yield outputs, _numbers(output)
        finally:
            recorder.remove()
            # One by one: parts of a model may be frozen while it trains.
            for module, was_training in modes:
                module.training = was_training


def _numbers(tensor: Any) -> NDArray[Any]:
    return tensor.detach().float().cpu().numpy()
