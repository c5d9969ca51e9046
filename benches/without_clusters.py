"""Maps of data without clusters: 20 draws of each of five families, 100 to 6,000 rows, beside openTSNE's.

    python benches/without_clusters.py fit layerlens --device gpu --methods tsne,umap,trimap --out maps
    python benches/without_clusters.py judge maps

`fit` needs numpy and scipy and keeps DEVICE-METHOD.npz, one map a draw, and what was refused. `judge` prints distinct places, the
axis ratio (deviation along the second principal axis as a share of the first) and, of t-SNE, the Kullback-Leibler divergence over
that of openTSNE's map, both from the same exact affinities in f64; openTSNE's are computed once and kept in maps/open_tsne.json.
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "fixtures"))
from make_unclustered import draw, joint_probabilities, kl_divergence, open_tsne  # noqa: E402

FAMILIES = ["coins", "integers", "sphere", "sparse", "normal"]
SIZES = [100, 100, 150, 200, 250, 300, 400, 500, 600, 800, 800, 1000, 1200, 1500, 1900, 1900, 2100, 3000, 4000, 6000]
WIDTHS = [50, 10, 100, 80, 40, 200, 200, 384, 30, 200, 60, 100, 20, 300, 40, 384, 80, 50, 200, 80]
# Bits of which one in twenty is set have equal rows in few columns.
LEAST_SPARSE = 80


def draws():
    """Name, family, n, d and seed of each."""
    for at, family in enumerate(FAMILIES):
        for place, (n, d) in enumerate(zip(SIZES, WIDTHS)):
            yield f"{family}-{place}", family, n, max(d, LEAST_SPARSE) if family == "sparse" else d, 1000 * (at + 1) + place


def fit(args):
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        place = pathlib.Path(place)

        def one(job):
            method, (name, family, n, d, seed) = job
            x, out = place / f"{method}-{name}.npy", place / f"{method}-{name}"
            np.save(x, draw(family, n, d, seed).astype(np.float32))
            command = [args.binary, "--device", args.device, "embed", x, "--method", method, "--out", out]
            ran = subprocess.run(command, capture_output=True, text=True)
            x.unlink()
            return method, name, np.load(out / "embeddings" / "embedding.npy") if ran.returncode == 0 else ran.stderr[-400:]

        maps = {}
        for method, name, found in pool.map(one, [(method, drawn) for method in args.methods.split(",") for drawn in draws()]):
            maps.setdefault(method, {})[name] = found
        for method, found in maps.items():
            np.savez(args.out / f"{args.device}-{method}.npz", **found)
            print(f"{args.device} {method}: {len(found)} draws, refused:", {name: y for name, y in found.items() if isinstance(y, str)})


def n_distinct(rows):
    return len(np.unique(rows, axis=0))


def axis_ratio(y):
    second, first = np.linalg.eigvalsh(np.cov(y.astype(np.float64).T))
    return float(np.sqrt(max(second, 0) / first)) if first > 0 else 0.0


def judge(args):
    path = args.maps / "open_tsne.json"
    reference = json.loads(path.read_text()) if path.exists() else {}
    stored = {file.stem: np.load(file) for file in sorted(args.maps.glob("*.npz"))}
    found = {stem: [] for stem in stored}
    for name, family, n, d, seed in draws():
        x = draw(family, n, d, seed)
        tsne = any(stem.endswith("tsne") for stem in stored)
        p = joint_probabilities(x) if tsne else None
        if tsne and name not in reference:
            reference[name] = kl_divergence(p, open_tsne(x, p))
            path.write_text(json.dumps(reference, indent=1))
        rows = n_distinct(x)
        for stem, maps in stored.items():
            y = maps[name]
            if y.ndim != 2:
                found[stem].append((name, n, "refused", str(y)))
                continue
            ratio = kl_divergence(p, y.astype(np.float64)) / reference[name] if stem.endswith("tsne") else None
            found[stem].append((name, n, n_distinct(y) / rows, axis_ratio(y), ratio))
            print(stem, *found[stem][-1], flush=True)
    for stem, lines in found.items():
        maps = [line for line in lines if line[2] != "refused"]
        print(f"{stem}: {len(maps)} maps, {len(lines) - len(maps)} refused", *[line for line in lines if line[2] == "refused"])
        print(f"  least share of places {min(line[2] for line in maps):.4f}, least axis ratio {min(line[3] for line in maps):.3f}")
        ratios = [line[4] for line in maps if line[4] is not None]
        if ratios:
            large = [line[4] for line in maps if line[1] >= 300]
            print(f"  KL / openTSNE's: mean {np.mean(ratios):.4f}, from {min(ratios):.4f} to {max(ratios):.4f}; n >= 300: {np.mean(large):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("fit")
    command.add_argument("binary")
    command.add_argument("--device", default="cpu")
    command.add_argument("--methods", default="tsne")
    command.add_argument("--jobs", type=int, default=1)
    command.add_argument("--out", type=pathlib.Path, required=True)
    command.set_defaults(run=fit)
    command = commands.add_parser("judge")
    command.add_argument("maps", type=pathlib.Path)
    command.set_defaults(run=judge)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
