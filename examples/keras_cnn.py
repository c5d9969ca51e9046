"""What every layer of a convolutional network in Keras has learned.

    pip install layerlens keras jax pandas
    python examples/keras_cnn.py [page.html]
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
import layerlens as ll

keras.utils.set_random_seed(42)
data = ll.datasets.load()
x_train, x_test = (x[..., None] / 255.0 for x in (data.x_train, data.x_test))
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(32, 3, activation="relu", name="conv_1"),
        keras.layers.MaxPooling2D(name="pool_1"),
        keras.layers.Conv2D(32, 3, activation="relu", name="conv_2"),
        keras.layers.MaxPooling2D(name="pool_2"),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu", name="dense_1"),
        keras.layers.Dense(10, activation="softmax", name="out"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, data.y_train, batch_size=64, epochs=3, verbose=2)

look = ll.look(
    model,
    train=(x_train, data.y_train),
    test=(x_test, data.y_test),
    class_names=data.class_names,
    methods=("pca", "tsne"),
)
print(*look.findings, sep="\n")
print(look.profile[["space", "probe_accuracy", "knn_accuracy", "two_nn_dimension"]].round(3))
print("page:", look.save(sys.argv[1] if len(sys.argv) > 1 else "report.html"))
