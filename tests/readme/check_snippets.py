"""Runs the PyTorch and the Keras code of docs/guides/frameworks.md as it stands there, then `layerlens run --from-activations layers`.

    python tests/readme/check_snippets.py [target/release/layerlens]

Each on small networks that have learned three classes of drawn images: dense, convolutional, and convolutional in colour. A framework that is not
installed is skipped, and said so. No part of `cargo test`.
"""

import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/layerlens").resolve()
PAGE = ROOT / "docs/guides/frameworks.md"
CLASS_NAMES = ["bars, upright", "bars, flat", "discs"]
# Values of the layers looked into; of a convolution 4 x 4 fields of each channel.
DENSE = {"layer_1": 32, "layer_2": 16}
CONVOLUTIONAL = {"layer_1": 8 * 16, "layer_2": 12 * 16}
# Red, green and blue of the images.
TINT = [1.0, 0.7, 0.4]


def snippets():
    """The fenced pieces of code of the page that import a framework."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return {name: next(block for block in blocks if f"import {name}\n" in block) for name in ["torch", "keras"]}


def images(n, seed):
    """Images of 28 x 28 from 0 to 1, and their classes."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % 3
    x = random.random((n, 28, 28)).astype("float32") * 0.3
    down, right = np.mgrid[:28, :28]
    for image, label in zip(x, y):
        at = random.integers(6, 22, 2)
        drawn = [abs(right - at[1]) < 3, abs(down - at[0]) < 3, (down - at[0]) ** 2 + (right - at[1]) ** 2 < 25][label]
        image[drawn] = 1
    return x, y.astype("int64")


def torch_networks(x, y):
    import torch
    from torch import nn

    torch.manual_seed(0)
    dense = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 3))

    def convolutional(channels):
        return nn.Sequential(
            nn.Conv2d(channels, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 5), nn.ReLU(), nn.Flatten(), nn.Linear(768, 3)
        )

    for name, channels, model in [("dense", 1, dense), ("convolutional", 1, convolutional(1)), ("in colour", 3, convolutional(3))]:
        inputs = [torch.tensor(part[:, None]) * torch.tensor(TINT[:channels])[:, None, None] for part in x]
        labels = [torch.tensor(part) for part in y]
        optimizer = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(40):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs[0]), labels[0]).backward()
            optimizer.step()
        yield name, model, inputs, labels, channels, DENSE if name == "dense" else CONVOLUTIONAL


def keras_networks(x, y):
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    dense = [layers.Flatten(), layers.Dense(32, "relu", name="layer_1"), layers.Dense(16, "relu", name="layer_2")]

    def convolutional():
        return [
            layers.Conv2D(8, 5, activation="relu", name="layer_1"),
            layers.MaxPooling2D(),
            layers.Conv2D(12, 5, activation="relu", name="layer_2"),
            layers.Flatten(),
        ]

    for name, channels, hidden in [("dense", 1, dense), ("convolutional", 1, convolutional()), ("in colour", 3, convolutional())]:
        inputs = [part[..., None] * np.array(TINT[:channels], "float32") for part in x]
        model = keras.Sequential([keras.Input((28, 28, channels)), *hidden, layers.Dense(3, "softmax", name="softmax")])
        model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
        model.fit(inputs[0], y[0], epochs=6, verbose=0)
        yield name, model, inputs, y, channels, DENSE if name == "dense" else CONVOLUTIONAL


def check(code, model, x, y, channels, widths):
    names = {"model": model, "class_names": CLASS_NAMES, "x_train": x[0], "x_test": x[1], "y_train": y[0], "y_test": y[1]}
    exec(compile(code, PAGE.name, "exec"), names)
    for name, width in {**widths, "raw": 784 * channels, "softmax": 3}.items():
        for part, n in [("train", 600), ("test", 150)]:
            shape = np.load(f"layers/{name}_{part}.npy").shape
            assert shape == (n, width), (name, part, shape)
    pictures = np.load("layers/images_test.npy")
    assert pictures.shape == ((150, 28, 28) if channels == 1 else (150, 28, 28, 3)), pictures.shape
    if channels == 3:
        assert np.allclose(pictures[:, 14, 14] / 255, np.asarray(pictures[:, 14, 14, :1] / 255) * TINT, atol=0.01), "channels last"
    flags = "--methods pca,tsne --max-iter 250 --device cpu --out out"
    run = subprocess.run([PROGRAM, "run", "--from-activations", "layers", *flags.split()], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    manifest = json.loads(pathlib.Path("out/manifest.json").read_text())
    # The only warnings are of the device.
    assert not [warning for warning in manifest["warnings"] if "layer" in warning or "softmax" in warning], manifest["warnings"]
    subprocess.run([PROGRAM, "export", "out", "--format", "tensorboard", "--out", "export"], check=True, capture_output=True)
    with open("export/metadata.tsv") as file:
        points = list(csv.DictReader(file, delimiter="\t"))
    probabilities = np.load("layers/softmax_test.npy")
    found = np.array([float(point["confidence"]) for point in points])
    assert np.allclose(found, probabilities.max(1), atol=1e-6), "how sure the network is"
    assert [point["prediction"] for point in points] == [CLASS_NAMES[column] for column in probabilities.argmax(1)]
    assert {point["label"] for point in points} == set(CLASS_NAMES)
    assert pathlib.Path("export/sprite.png").exists(), "the page and the export have images"
    accuracy = np.mean([point["label"] == point["prediction"] for point in points])
    assert accuracy > 0.8, accuracy
    return accuracy


def main():
    x, y = zip(images(600, 1), images(150, 2))
    done = 0
    code = snippets()
    for framework, networks in [("torch", torch_networks), ("keras", keras_networks)]:
        try:
            __import__(framework)
        except ImportError as error:
            print(f"{framework}: skipped, {error}")
            continue
        for name, model, inputs, labels, channels, widths in networks(x, y):
            home = os.getcwd()
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                accuracy = check(code[framework], model, inputs, labels, channels, widths)
                os.chdir(home)
            done += 1
            print(f"{framework}, {name}: the code of the page runs, test accuracy {accuracy:.3f}")
    print(f"{done} passed")


if __name__ == "__main__":
    main()
