"""The bytes of the command line are those of the estimators."""

import subprocess

import layerlens as ll
import numpy as np
import pytest


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.parametrize("name", ["pca", "tsne", "umap", "trimap"])
def test_maps_and_placed_points_are_the_same(program, tmp_path, digits, name, dtype):
    x, _ = digits
    if dtype == "f8":
        # Digits that float32 keeps only if something is subtracted.
        x = x.astype("f8") + np.linspace(0, 1, len(x))[:, None] + 1e8
    x = x.astype(dtype)
    np.save(tmp_path / "x.npy", x[:500])
    np.save(tmp_path / "new.npy", x[500:])
    flags = "embed x.npy --new new.npy --device cpu --out out --seed 5".split()
    command = [program, *flags, "--method", name]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    kind = {"pca": ll.PCA, "tsne": ll.TSNE, "umap": ll.UMAP, "trimap": ll.TriMAP}[name]
    fitted = kind(n_components=2, random_state=5, device="cpu").fit(x[:500])
    out = tmp_path / "out"
    assert np.array_equal(fitted.embedding_, np.load(out / "embeddings" / "embedding.npy"))
    placed = fitted.transform(x[500:])
    assert np.array_equal(placed, np.load(out / "embeddings" / "new.npy"))
    fitted.save(tmp_path / "own.safetensors")
    assert (tmp_path / "own.safetensors").read_bytes() == (out / "map.safetensors").read_bytes()
