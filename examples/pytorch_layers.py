"""Writes the layers of a network in PyTorch as .npy files, which `layerlens run` takes.

    pip install numpy torch scikit-learn
    python examples/pytorch_layers.py layers
    layerlens run --from-activations layers

`main` has a small network and small images. With your own in their place, the rest stays as it is.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn


def record_layers(model, layers, x):
    """What the modules of `layers`, by their names, make of the images `x`: a row an image each.

    With them the input, called `raw`, and the softmax of the network's output.
    """
    batches = {name: [] for name in ["raw", *layers, "softmax"]}

    def hook_of(name):
        def keep(module, inputs, output):
            # Of each channel of a convolution the means of 4 x 4 fields, of any other layer all its values.
            if output.ndim == 4:
                sides = [min(4, side) for side in output.shape[2:]]
                output = torch.nn.functional.adaptive_avg_pool2d(output, sides)
            batches[name].append(output.flatten(1))

        return keep

    hooks = [module.register_forward_hook(hook_of(name)) for name, module in layers.items()]
    model.eval()
    with torch.no_grad():
        for batch in x.split(256):
            batches["raw"].append(batch.flatten(1))
            batches["softmax"].append(model(batch).softmax(1))
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(rows).cpu().numpy() for name, rows in batches.items()}


def write_layers(folder, model, layers, parts, class_names):
    """Writes the layers of all `parts`, which are ("train", x, y) and ("test", x, y).

    The images `x` are n x channels x height x width, from 0 to 1; the classes `y` count from 0.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for part, x, y in parts:
        for name, values in record_layers(model, layers, x).items():
            np.save(folder / f"{name}_{part}.npy", values)
        np.save(folder / f"labels_{part}.npy", y.cpu().numpy())
        # For the page: n x height x width, in colour with a fourth axis, from 0 to 255.
        pixels = (x * 255).round().byte().cpu().numpy()
        pixels = pixels[:, 0] if x.shape[1] == 1 else pixels.transpose(0, 2, 3, 1)
        np.save(folder / f"images_{part}.npy", pixels)
    (folder / "class_names.txt").write_text("\n".join(class_names), encoding="utf-8")
    # The layers in their order; the output is no layer.
    (folder / "layers.txt").write_text("\n".join(["raw", *layers]), encoding="utf-8")


def main(folder):
    digits = load_digits()
    x = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32)
    y = torch.tensor(digits.target)
    x_train, x_test, y_train, y_test = x[:1200], x[1200:], y[:1200], y[1200:]

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(144, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x_train), y_train)
        loss.backward()
        optimizer.step()
    print(f"loss after training: {loss.item():.3f}")

    layers = {"conv_1": model[1], "dense_1": model[5]}
    parts = [("train", x_train, y_train), ("test", x_test, y_test)]
    write_layers(folder, model, layers, parts, [f"digit {n}" for n in range(10)])
    print(f"written: {folder}. Now: layerlens run --from-activations {folder}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "layers")
