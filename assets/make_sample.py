#!/usr/bin/env python3
"""Writes the Fashion-MNIST sample that is embedded in layerlens.

The rule: the first 1,000 training images and the first 200 test images of each of the 10 classes, in the order in which
they stand in the original files. Images and labels become four gzip-compressed IDX files with the original names.

    python3 assets/make_sample.py [SOURCE] [TARGET]

SOURCE holds the four original .gz files (default: /usr/share/datasets/fashion-mnist, Debian package
dataset-fashion-mnist); TARGET is the folder to write (default: fashion-mnist-sample beside this script). Only Python's
standard library is used. The gzip headers carry neither a time nor a name, so the same Python and zlib give the same bytes.
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path

N_CLASSES = 10
IMAGES_MAGIC = 0x0803
LABELS_MAGIC = 0x0801
PARTS = {"train": 1000, "t10k": 200}  # images taken of each class


def read_idx(path, magic, n_dims):
    """Returns the dimensions and the body of a gzip-compressed IDX file of unsigned bytes."""
    data = gzip.decompress(path.read_bytes())
    found, *dims = struct.unpack(f">{1 + n_dims}I", data[: 4 + 4 * n_dims])
    body = data[4 + 4 * n_dims :]
    expected = 1
    for dim in dims:
        expected *= dim
    if found != magic or len(body) != expected:
        sys.exit(f"{path}: magic {found:#010x}, {len(body)} bytes; expected {magic:#010x}, {expected} bytes")
    return dims, body


def write_idx(path, magic, dims, body):
    """Writes a gzip-compressed IDX file and prints its size and SHA-256."""
    with open(path, "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as packed:
            packed.write(struct.pack(f">{1 + len(dims)}I", magic, *dims) + body)
    data = path.read_bytes()
    print(f"{hashlib.sha256(data).hexdigest()}  {len(data):>8}  {path.name}")


def first_of_each_class(labels, n_per_class):
    """Returns the indices of the first n_per_class rows of each class, ascending."""
    taken = [0] * N_CLASSES
    rows = []
    for row, label in enumerate(labels):
        if taken[label] < n_per_class:
            taken[label] += 1
            rows.append(row)
    if taken != [n_per_class] * N_CLASSES:
        sys.exit(f"images of each class: {taken}; expected {n_per_class}")
    return rows


def main():
    source = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist")
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "fashion-mnist-sample"
    target.mkdir(parents=True, exist_ok=True)
    for part, n_per_class in PARTS.items():
        images_name, labels_name = f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"
        (n, height, width), pixels = read_idx(source / images_name, IMAGES_MAGIC, 3)
        (n_labels,), labels = read_idx(source / labels_name, LABELS_MAGIC, 1)
        if n != n_labels:
            sys.exit(f"{source / labels_name}: {n_labels} labels for {n} images")
        rows = first_of_each_class(labels, n_per_class)
        size = height * width
        chosen = b"".join(pixels[row * size : (row + 1) * size] for row in rows)
        write_idx(target / images_name, IMAGES_MAGIC, [len(rows), height, width], chosen)
        write_idx(target / labels_name, LABELS_MAGIC, [len(rows)], bytes(labels[row] for row in rows))


if __name__ == "__main__":
    main()
