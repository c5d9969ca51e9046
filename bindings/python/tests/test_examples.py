"""The scripts of examples/ that write layers, and the Python of README.md, run as they stand."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
FRAMEWORKS = ["torch", "keras"]


def script(framework):
    """The script of that framework as a module, if the framework is there."""
    pytest.importorskip(framework)
    if framework == "keras":
        pytest.importorskip("jax")
    name = {"torch": "pytorch_layers", "keras": "keras_layers"}[framework]
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_script_writes_layers_that_a_run_takes(framework, program, tmp_path, capsys):
    layers = tmp_path / "layers"
    script(framework).main(str(layers))
    assert float(re.search(r"loss after training: ([\d.]+)", capsys.readouterr().out)[1]) < 0.3
    widths = {"raw": 64, "conv_1": 16 * 16, "dense_1": 32, "softmax": 10}
    for part, n in (("train", 1200), ("test", 597)):
        for name, width in widths.items():
            assert np.load(layers / f"{name}_{part}.npy").shape == (n, width), (name, part)
        raw = np.load(layers / f"raw_{part}.npy")
        images = np.load(layers / f"images_{part}.npy")
        assert images.dtype == np.uint8 and images.shape == (n, 8, 8)
        assert np.allclose(images.reshape(n, -1) / 255, raw, atol=0.5 / 255 + 1e-6)
    # Means of fields behind their ReLU, and probabilities.
    assert np.load(layers / "conv_1_test.npy").min() >= 0
    softmax = np.load(layers / "softmax_test.npy")
    assert np.allclose(softmax.sum(1), 1, atol=1e-5)
    assert np.mean(softmax.argmax(1) == np.load(layers / "labels_test.npy")) > 0.85

    flags = "--methods pca --device cpu --out out".split()
    command = [program, "run", "--from-activations", "layers", *flags]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    manifest = json.loads((tmp_path / "out/manifest.json").read_text(encoding="utf-8"))
    assert manifest["warnings"] == []
    assert "digit 7" in (tmp_path / "out/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_images_in_colour_keep_their_channels(framework, tmp_path):
    module = script(framework)
    x = np.random.default_rng(3).random((7, 6, 5, 3)).astype("float32")
    y = np.arange(7) % 2
    if framework == "torch":
        import torch
        from torch import nn

        layer = nn.Conv2d(3, 4, 3)
        model, layers = nn.Sequential(layer, nn.Flatten(), nn.Linear(48, 2)), {"first": layer}
        parts = [("train", torch.tensor(x).permute(0, 3, 1, 2), torch.tensor(y))]
    else:
        import keras
        from keras import layers as kl

        layers = ["first"]
        hidden = [kl.Conv2D(4, 3, name="first"), kl.Flatten(), kl.Dense(2, "softmax")]
        model = keras.Sequential([keras.Input((6, 5, 3)), *hidden])
        parts = [("train", x, y)]
    module.write_layers(tmp_path, model, layers, parts, ["even", "odd"])
    images = np.load(tmp_path / "images_train.npy")
    assert np.array_equal(images, np.round(x * 255).astype("uint8"))
    assert np.load(tmp_path / "first_train.npy").shape == (7, 4 * 4 * 3)
    assert (tmp_path / "layers.txt").read_text(encoding="utf-8").split() == ["raw", "first"]


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys, digits):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert blocks, "README.md has no block of Python"
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        for module in re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE):
            pytest.importorskip(module)
        # The arrays that it reads, which an earlier command would have written.
        for name in re.findall(r"np\.load\(\"([^\"]+)\"\)", block):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            np.save(name, digits[0])
        exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
        assert capsys.readouterr().out.strip(), f"prints nothing:\n{block}"
