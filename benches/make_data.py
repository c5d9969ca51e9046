"""Data of the benchmarks that no publisher has, made of Fashion-MNIST by a fixed seed.

    python benches/make_data.py colored FOLDER colored.npz     # 60,000 + 10,000 images, 32 x 32 x 3
    python benches/make_data.py million FOLDER million.npy     # 1,000,000 x 64, and million_labels.npy
    python benches/make_data.py million FOLDER new.npy --seed 1 --rows 200000    # others of their kind

FOLDER holds the four .gz files of the data set, as Debian's package dataset-fashion-mnist has them
in /usr/share/datasets/fashion-mnist. Needs numpy.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np

PARTS = {"train": "train", "test": "t10k"}


def fashion_mnist(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images, n x 28 x 28 from 0 to 1, and labels of a part."""

    def content(name: str, header: int) -> np.ndarray:
        data = gzip.decompress((folder / f"{PARTS[part]}-{name}-ubyte.gz").read_bytes())
        return np.frombuffer(data, np.uint8, offset=header)

    images = content("images-idx3", 16).reshape(-1, 28, 28).astype(np.float32) / 255
    return images, content("labels-idx1", 8)


def colored(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Each image in a colour of its own, on a noisy ground that runs from one dark colour to another."""
    return np.concatenate([_colored(images[at : at + 5000], random) for at in range(0, len(images), 5000)])


def _colored(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    n = len(images)
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))[..., None]
    color = random.uniform(0.5, 1, (n, 1, 1, 3)).astype(np.float32)
    top, bottom = (random.uniform(0, 0.4, (n, 1, 1, 3)).astype(np.float32) for _ in range(2))
    ramp = np.linspace(0, 1, 32, dtype=np.float32)[None, :, None, None]
    ground = top * (1 - ramp) + bottom * ramp
    ground = ground + random.normal(0, 0.03, (n, 32, 32, 3)).astype(np.float32)
    cover = np.minimum(1, 4 * images)
    return (255 * np.clip(cover * images * color + (1 - cover) * ground, 0, 1)).astype(np.uint8)


def million(
    images: np.ndarray, labels: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Mixtures of three images of a class, with noise: 64 principal components and the classes."""
    x = images.reshape(len(images), -1)
    centred = x - x.mean(axis=0)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, ::-1][:, :64]
    # The signs are free, and libraries differ in them.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(64)])
    x = centred @ axes.astype(np.float32)
    random, n = np.random.default_rng(seed), 1_000_000
    by_class = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[by_class], np.arange(11))
    class_of = random.integers(10, size=n)
    weights = random.dirichlet(np.ones(3), size=n).astype(np.float32)
    rows = random.normal(0, 0.05, (n, 64)).astype(np.float32)
    for weight in weights.T:
        place = starts[class_of] + random.random(n) * np.diff(starts)[class_of]
        rows += weight[:, None] * x[by_class[place.astype(int)]]
    return rows, class_of.astype(np.int32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["colored", "million"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of `million`")
    parser.add_argument("--rows", type=int, default=1_000_000, help="the first so many of `million`")
    options = parser.parse_args()
    parts = {part: fashion_mnist(options.folder, part) for part in PARTS}
    if options.kind == "colored":
        random, arrays = np.random.default_rng(0), {}
        for part, (images, labels) in parts.items():
            arrays[f"x_{part}"], arrays[f"y_{part}"] = colored(images, random), labels
        np.savez(options.out, **arrays)
    else:
        images, labels = (np.concatenate(both) for both in zip(*parts.values()))
        rows, classes = million(images, labels, options.seed)
        rows, classes = rows[: options.rows], classes[: options.rows]
        np.save(options.out, rows)
        np.save(options.out.with_name(f"{options.out.stem}_labels.npy"), classes)


if __name__ == "__main__":
    main()
