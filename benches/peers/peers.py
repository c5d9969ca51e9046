#!/usr/bin/env python3
"""Runs the reference tools on the arrays that Layerlens embeds, and prints one JSON line for each run.

    python benches/peers/peers.py METHOD x.npy [--threads 2] [--seed 42] [--save map.npy]

METHOD: opentsne; umap (seeded, hence one thread of its layout); trimap; mrs-tsne, mrs-umap (manifolds-rs with exact
neighbours), mrs-tsne-nnd, mrs-umap-nnd (with NN-descent). x.npy is n x d, float32. Times are wall seconds of the fit inside
the process, after the imports. umap and trimap are called once on 2,000 points before, so that their compilation is not counted.
"""
import argparse
import json
import resource
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")


def open_tsne(x, threads, seed):
    from openTSNE import TSNE

    model = TSNE(n_jobs=threads, random_state=seed, negative_gradient_method="fft")
    start = time.perf_counter()
    found = model.fit(x)
    return np.asarray(found), time.perf_counter() - start, {"kl_divergence": float(found.kl_divergence)}


def timed(model, x):
    start = time.perf_counter()
    found = np.asarray(model.fit_transform(x))
    return found, time.perf_counter() - start, {}


def umap(x, threads, seed):
    from umap import UMAP

    UMAP(random_state=seed).fit(x[:2000])
    return timed(UMAP(random_state=seed), x)


def trimap(x, threads, seed):
    import trimap as reference

    np.random.seed(seed)
    reference.TRIMAP(verbose=False).fit_transform(x[:2000])
    return timed(reference.TRIMAP(verbose=False), x)


def manifolds(method, ann):
    def fit(x, threads, seed):
        import manifolds_rs

        manifolds_rs.set_num_threads(threads)
        if method == "tsne":
            model = manifolds_rs.TSNE(n_epochs=750, approx="fft_3k", ann=ann, seed=seed)
        else:
            model = manifolds_rs.UMAP(min_dist=0.1, ann=ann, seed=seed)
        return timed(model, x)

    return fit


METHODS = {
    "opentsne": open_tsne,
    "umap": umap,
    "trimap": trimap,
    "mrs-tsne": manifolds("tsne", "kmknn"),
    "mrs-tsne-nnd": manifolds("tsne", "nndescent"),
    "mrs-umap": manifolds("umap", "kmknn"),
    "mrs-umap-nnd": manifolds("umap", "nndescent"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("x")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--save", metavar="FILE")
    asked = parser.parse_args()
    x = np.ascontiguousarray(np.load(asked.x), np.float32)
    found, seconds, more = METHODS[asked.method](x, asked.threads, asked.seed)
    if asked.save:
        np.save(asked.save, found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"method": asked.method, "n": len(x), "d": x.shape[1], "fit_s": seconds, "peak_mib": peak, **more}))


main()
