"""Writes the layers of a network in Keras as .npy files, which `layerlens run` takes.

    pip install numpy keras jax scikit-learn
    python examples/keras_layers.py layers
    layerlens run --from-activations layers

`main` has a small network and small images. With your own in their place, the rest stays as it is.
Any backend of Keras will do; a network saved as `.keras` needs no script: `layerlens run --model`.
"""

import os
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
from keras import layers as kl


def record_layers(model, names, x):
    """What the layers called `names` make of the images `x`: a row an image each.

    With them the input, called `raw`, and the output, called `softmax`.
    """
    outputs = {name: model.get_layer(name).output for name in names}
    recorder = keras.Model(model.inputs, {**outputs, "softmax": model.outputs[0]})
    recorded = {"raw": x.reshape(len(x), -1)}
    for name, values in recorder.predict(x, batch_size=256, verbose=0).items():
        recorded[name] = fields(values).reshape(len(x), -1)
    return recorded


def fields(values):
    """Of each channel of a convolution the means of 4 x 4 fields, of any other layer all its values."""
    if values.ndim != 4:
        return values
    down, across = [min(4, side) for side in values.shape[1:3]]
    rows = np.array_split(values, down, axis=1)
    return np.stack([field.mean((1, 2)) for row in rows for field in np.array_split(row, across, axis=2)], axis=1)


def write_layers(folder, model, names, parts, class_names):
    """Writes the layers of all `parts`, which are ("train", x, y) and ("test", x, y).

    The images `x` are n x height x width x channels, from 0 to 1; the classes `y` count from 0.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for part, x, y in parts:
        for name, values in record_layers(model, names, x).items():
            np.save(folder / f"{name}_{part}.npy", values)
        np.save(folder / f"labels_{part}.npy", y)
        # For the page: n x height x width, in colour with a fourth axis, from 0 to 255.
        pixels = (x * 255).round().astype("uint8")
        np.save(folder / f"images_{part}.npy", pixels[..., 0] if x.shape[3] == 1 else pixels)
    (folder / "class_names.txt").write_text("\n".join(class_names), encoding="utf-8")
    # The layers in their order; the output is no layer.
    (folder / "layers.txt").write_text("\n".join(["raw", *names]), encoding="utf-8")


def main(folder):
    digits = load_digits()
    x = (digits.images[..., None] / 16).astype("float32")
    x_train, x_test = x[:1200], x[1200:]
    y_train, y_test = digits.target[:1200], digits.target[1200:]

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            kl.Conv2D(16, 3, activation="relu", name="conv_1"),
            kl.MaxPooling2D(),
            kl.Flatten(),
            kl.Dense(32, activation="relu", name="dense_1"),
            kl.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x_train, y_train, epochs=20, verbose=0)
    print(f"loss after training: {history.history['loss'][-1]:.3f}")

    parts = [("train", x_train, y_train), ("test", x_test, y_test)]
    write_layers(folder, model, ["conv_1", "dense_1"], parts, [f"digit {n}" for n in range(10)])
    print(f"written: {folder}. Now: layerlens run --from-activations {folder}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "layers")
