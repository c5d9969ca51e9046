"""Looks into networks, and pages."""

import re

import layerlens as ll
import numpy as np
import pytest

METHODS = ("pca", "tsne")


def test_a_page_of_an_embedding(tmp_path, groups):
    x, y = groups
    places = ll.PCA(n_components=2).fit_transform(x)
    names = np.asarray(["left", "middle", "right"])
    images = np.random.default_rng(0).integers(0, 256, size=(150, 12, 10), dtype=np.uint8)
    page = ll.show(places, names[y], images, space=x, name="three groups")
    text = str(page)
    for part in ("left", "middle", "right", "three groups", "trustworthiness"):
        assert part in text
    inline = page._repr_html_()
    assert inline.startswith("<iframe srcdoc=") and "<script" not in inline.split(">")[0]
    saved = page.save(tmp_path / "page.html")
    assert saved.read_text(encoding="utf-8") == text
    table = {"side": names[y], "age": [None, *np.linspace(0.5, 9.5, 149)]}
    described = str(ll.show(places, metadata=table))
    assert "0.5 to 9.5" in described and '"name":"side"' in described
    for bad, said in (
        ({"metadata": {"age": [1, 2]}}, "'age' has 2 values for 150"),
        ({"metadata": {}}, "metadata has no columns"),
        ({"labels": y[:9]}, "150 rows"),
        ({"images": images[:9]}, "9 images"),
        ({"space": x[:9]}, "9 rows"),
        ({"labels": y, "class_names": ["a"]}, "1 names for 3"),
    ):
        with pytest.raises(ValueError, match=said):
            ll.show(places, **bad)
    with pytest.raises(ValueError, match="expected two"):
        ll.show(x)
    with pytest.raises(TypeError, match="DataFrame"):
        ll.show(places, metadata=names[y])


def test_metadata_of_pandas_polars_and_numpy(groups):
    x, y = groups
    places = x[:, :2]
    letters = np.asarray(["a", "b", "c"])[y]
    amounts = np.where(np.arange(150) % 7 == 0, np.nan, np.arange(150) / 3)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"letter": letters, "amount": amounts, 3: y, "text": "one,\n\ntwo"})

    def shown(metadata):
        page = str(ll.show(places, metadata=metadata, name="frame"))
        # The files that were read lie in a temporary folder.
        return re.sub(r"layerlens-\w+", "", page)

    page = shown(frame)
    for part in ('"name":"letter"', '"kind":"number"', '"name":"3"', ">22<"):
        assert part in page
    records = np.rec.fromarrays([letters, amounts, y, ["one,\n\ntwo"] * 150])
    records.dtype.names = ("letter", "amount", "3", "text")
    assert shown(records) == page
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({str(name): list(frame[name]) for name in frame.columns})
    assert shown(frame) == page
    twice = pandas.DataFrame(np.zeros((150, 2)), columns=["a", "a"])
    with pytest.raises(ValueError, match="two columns called 'a'"):
        ll.show(places, metadata=twice)


def test_a_model_of_another_kind_is_refused(groups):
    x, y = groups
    with pytest.raises(TypeError, match="torch.nn.Module or a keras.Model"):
        ll.look(lambda x: x, (x, y))


def check(found, layers, n_train, n_test):
    assert found.layers == ["raw", *layers]
    assert found.methods == list(METHODS)
    for layer in found.layers:
        assert found.embedding(layer, "pca").shape == (n_train, 2)
        assert found.embedding(layer, "tsne", "test").shape == (n_test, 2)
    with pytest.raises(KeyError, match="no map of 'nothing'"):
        found.embedding("nothing")
    scores = found.scores
    assert {"space", "method", "accuracy"} <= set(scores.columns)
    # The last row is the network itself.
    assert list(found.profile["space"]) == [*found.layers, "softmax"]
    assert len(found.findings) > 0
    page = str(found.page())
    assert all(re.search(rf"\b{re.escape(layer)}\b", page) for layer in layers)
    assert found._repr_html_().startswith("<iframe srcdoc=")


def test_layers_of_pytorch(tmp_path, digits):
    torch = pytest.importorskip("torch")
    x, y = digits
    x = (x / 16).reshape(-1, 1, 8, 8)
    torch.manual_seed(0)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.features = torch.nn.Sequential(
                torch.nn.Conv2d(1, 8, 3, padding=1),
                torch.nn.BatchNorm2d(8),
                torch.nn.ReLU(),
                torch.nn.MaxPool2d(2),
                torch.nn.Flatten(),
            )
            self.hidden = torch.nn.Linear(128, 32)
            self.act = torch.nn.ReLU()
            self.drop = torch.nn.Dropout(0.5)
            self.out = torch.nn.Linear(32, 10)

        def forward(self, x):
            return self.out(self.drop(self.act(self.hidden(self.features(x)))))

    net = Net().train()
    train, test = (x[:400], y[:400]), (x[400:], y[400:])
    found = ll.look(net, train, test, methods=METHODS, out=tmp_path / "look")
    check(found, ["features.0", "features.3", "hidden"], 400, 200)
    assert net.training and not net._forward_hooks
    net.eval()
    with torch.no_grad():
        after = net.features[:3](torch.as_tensor(x[:400])).flatten(1).numpy()
        hidden = net.act(net.hidden(net.features(torch.as_tensor(x[:400])))).numpy()
    assert np.allclose(found.activations("features.0"), after, atol=1e-5)
    assert np.allclose(found.activations("hidden"), hidden, atol=1e-5)
    # Batches of a loader, in their order, and chosen modules.
    data = torch.utils.data.TensorDataset(*(torch.as_tensor(part) for part in (x[:400], y[:400])))
    loader = torch.utils.data.DataLoader(data, batch_size=64)
    again = ll.look(net, loader, test, methods=METHODS, layers=["act"])
    assert again.layers == ["raw", "act"]
    assert np.allclose(again.activations("act"), hidden, atol=1e-5)
    with pytest.raises(FileExistsError, match="force"):
        ll.look(net, train, test, methods=METHODS, out=tmp_path / "look")
    with pytest.raises(ValueError, match="no module 'hidden2'; it has features"):
        ll.look(net, train, layers=["hidden2"])
    with pytest.raises(ValueError, match="3 labels for 400"):
        ll.look(net, (x[:400], y[:3]))


def test_a_pytorch_model_is_left_as_it_was_and_its_layers_are_those_that_left_them(digits):
    torch = pytest.importorskip("torch")
    x, y = digits

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(64, 16)
            self.norm = torch.nn.BatchNorm1d(16)
            self.second = torch.nn.Linear(16, 16)
            self.out = torch.nn.Linear(16, 10)

        def forward(self, x):
            x = self.norm(self.first(x))
            y = self.second(x)
            # What left `second` is changed afterwards.
            y += 100 * x
            return self.out(y)

    torch.manual_seed(0)
    net = Net().train()
    net.norm.eval()
    found = ll.look(net, (x[:200], y[:200]), methods=("pca",))
    assert net.training and not net.norm.training and net.second.training
    net.eval()
    with torch.no_grad():
        first = net.norm(net.first(torch.as_tensor(x[:200])))
        second = net.second(first).numpy()
    assert found.layers == ["raw", "first", "second"]
    assert np.allclose(found.activations("first"), first.numpy(), atol=1e-4)
    assert np.allclose(found.activations("second"), second, atol=1e-4)
    # A batch of another kind ends the look, and leaves no hooks.
    hooked = lambda: any(module._forward_hooks for module in net.modules())
    with pytest.raises(ValueError, match="a batch of 3 inputs and 2 labels"):
        ll.look(net, [(x[:200], y[:200]), (x[:3], y[:2])])
    assert not hooked()


def test_branches_of_keras_keep_their_names(digits):
    keras = pytest.importorskip("keras")
    x, y = digits
    keras.utils.set_random_seed(0)
    inputs = keras.Input((64,))
    a = keras.layers.Dense(8, name="a")(inputs)
    b = keras.layers.Dense(8, name="b")(inputs)
    # In the list of layers the activation of `a` may stand behind `b`.
    a = keras.layers.Activation("relu", name="relu_a")(a)
    b = keras.layers.Activation("tanh", name="tanh_b")(b)
    both = keras.layers.Add(name="both")([a, b])
    net = keras.Model(inputs, keras.layers.Dense(10, activation="softmax", name="out")(both))
    # Two batches are no (x, y), and one-hot labels are labels.
    batches = [(x[:100], np.eye(10)[y[:100]]), (x[100:200], np.eye(10)[y[100:200]])]
    found = ll.look(net, batches, methods=("pca",))
    assert np.array_equal(np.load(found.path / "activations" / "labels_train.npy"), y[:200])
    assert sorted(found.layers) == ["a", "b", "both", "raw"]
    for name, end in (("a", "relu_a"), ("b", "tanh_b")):
        inner = keras.Model(inputs, net.get_layer(end).output)
        expected = np.asarray(inner(x[:200]))
        assert np.allclose(found.activations(name), expected, atol=1e-5), name


def test_layers_of_keras(digits):
    keras = pytest.importorskip("keras")
    x, y = digits
    x = (x / 16).reshape(-1, 8, 8, 1)
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(8, 3, padding="same", name="conv"),
            keras.layers.Activation("relu"),
            keras.layers.MaxPooling2D(name="pool"),
            keras.layers.Flatten(),
            keras.layers.Dense(32, activation="relu", name="hidden"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax", name="out"),
        ]
    )
    names = [f"digit {label}" for label in range(10)]
    pictures = (np.repeat(np.repeat(x, 2, axis=1), 2, axis=2) * 255).astype(np.uint8)
    parts = (x[:400], y[:400]), (x[400:], y[400:])
    found = ll.look(
        net,
        *parts,
        methods=METHODS,
        class_names=names,
        images=(pictures[:400], pictures[400:]),
    )
    check(found, ["conv", "pool", "hidden"], 400, 200)
    kept = np.load(found.path / "activations" / "images_test.npy")
    assert np.array_equal(kept, pictures[400:, ..., 0])
    with pytest.raises(ValueError, match="train: 9 images for 400 inputs"):
        ll.look(net, *parts, images=(pictures[:9], pictures[400:]))
    assert found.class_names == names
    inner = keras.Model(net.inputs, net.get_layer("hidden").output)
    assert np.allclose(found.activations("hidden"), np.asarray(inner(x[:400])), atol=1e-5)
    with pytest.raises(ValueError, match="no layer 'dense'; it has conv"):
        ll.look(net, (x[:400], y[:400]), layers=["dense"])


def test_two_looks_are_compared_point_by_point(tmp_path, digits):
    keras = pytest.importorskip("keras")
    x, y = digits
    x = x / 16
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(16, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="out"),
        ]
    )
    parts = (x[:400], y[:400]), (x[400:], y[400:])
    answers = []
    looks = []
    for epochs in (0, 20):
        net.compile("adam", "sparse_categorical_crossentropy")
        net.fit(*parts[0], epochs=epochs, verbose=0)
        answers.append(np.asarray(net(x[400:])).argmax(axis=1))
        looks.append(ll.look(net, *parts, methods=("pca",)))
    both = ll.compare(*looks, names=("untrained", "trained"), n_replicates=100)
    classifier = both.accuracy.iloc[0]
    right = [found == y[400:] for found in answers]
    assert np.isclose(classifier["a"], right[0].mean()) and np.isclose(
        classifier["difference"], right[0].mean() - right[1].mean()
    )
    assert len(both.gains) == 10 and len(both.layer_similarity) == 4
    page = str(both.page())
    alone = (right[1] & ~right[0]).sum()
    assert "untrained: hidden" in page and f"only trained about {alone}," in page
    answers = both.answers
    assert (answers["right"] == "b").sum() == alone and len(answers) == len(x) - 400
    assert both.save(tmp_path / "both.html").exists() and "<iframe" in both._repr_html_()
    with pytest.raises(ValueError, match="names = one,one"):
        ll.compare(*looks, names=("one", "one"))
    with pytest.raises(TypeError, match="not one text"):
        ll.look(net, *parts, methods="pca")
    spoiled = x[:400].copy()
    spoiled[7, 3] = np.nan
    with pytest.raises(ValueError, match="train: input row 7 holds NaN"):
        ll.look(net, (spoiled, y[:400]), methods=("pca",))
    flat = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, activation="softmax")])
    with pytest.raises(ValueError, match="no layer before its output"):
        ll.look(flat, *parts, methods=("pca",))
    with pytest.raises(TypeError, match="second is a Page"):
        ll.compare(looks[0], looks[1].page())
