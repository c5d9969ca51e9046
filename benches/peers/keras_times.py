#!/usr/bin/env python3
"""Trains the networks of the two studies with Keras, and prints the seconds and the test accuracy as one JSON line.

    KERAS_BACKEND=tensorflow python benches/peers/keras_times.py MODEL FOLDER [--epochs N] [--seed N]

MODEL: mlp (batches of 128), cnn-default (10), cnn-a or cnn-b (32). FOLDER has x_train.npy, y_train.npy, x_test.npy and y_test.npy,
pixels from 0 to 255, as `layerlens data convert fashion-mnist FOLDER.npz` and `unzip` write them. The mlp trains on 50,000 images
and is validated on 10,000; the others are validated on the last fifth. Their labels are those of `--label-groups fashion-5`.
"""
import argparse
import json
import pathlib
import time

import keras
import numpy as np
from keras import layers

GROUPS = np.array([0, 2, 2, 4, 4, 1, 0, 3, 3, 4])
BATCHES = {"mlp": 128, "cnn-default": 10, "cnn-a": 32, "cnn-b": 32}
EPOCHS = {"mlp": 20, "cnn-default": 10, "cnn-a": 5, "cnn-b": 10}


def hidden(name):
    if name == "mlp":
        dense = [layers.Dense(256, "relu"), layers.Dropout(0.5), layers.Dense(64, "relu"), layers.Dropout(0.5)]
        return [layers.Flatten(), *dense]
    if name == "cnn-default":
        convolutions = [layers.Conv2D(32, 3, padding="same", activation="relu") for _ in range(2)]
        return [convolutions[0], layers.MaxPooling2D(), convolutions[1], layers.Flatten()]
    filters, units = {"cnn-a": (32, 32), "cnn-b": (64, 100)}[name]
    dense = [layers.Dense(units, "relu") for _ in range(2)]
    return [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), *dense]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=BATCHES)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, default=42)
    asked = parser.parse_args()
    keras.utils.set_random_seed(asked.seed)
    x, y, x_test, y_test = (np.load(asked.folder / f"{name}.npy") for name in ["x_train", "y_train", "x_test", "y_test"])
    x, x_test = (values.reshape(-1, 28, 28, 1).astype("float32") / 255 for values in [x, x_test])
    y, y_test = y.astype("int64"), y_test.astype("int64")
    if asked.model != "mlp":
        y, y_test = GROUPS[y], GROUPS[y_test]
    classes = int(y.max()) + 1
    model = keras.Sequential([keras.Input((28, 28, 1)), *hidden(asked.model), layers.Dense(classes, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = asked.epochs or EPOCHS[asked.model]
    share = 1 / 6 if asked.model == "mlp" else 0.2
    start = time.perf_counter()
    model.fit(x, y, batch_size=BATCHES[asked.model], epochs=epochs, validation_split=share, verbose=0)
    seconds = time.perf_counter() - start
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    print(json.dumps({"model": asked.model, "epochs": epochs, "fit_s": seconds, "test_accuracy": float(accuracy)}))


main()
