"""Our estimators beside those that people use, in one process, on the same arrays.

    python bindings/python/benches/estimators.py POINTS.npy [LABELS.npy] [--only tsne,umap]

Each is fitted once with two threads (OMP_NUM_THREADS and the like are set here), after a fit of 500
points that pays for what is compiled at first use. A line each: seconds of wall time, peak memory of
the fit beyond what the process held before, trustworthiness (k = 12) on 5,000 points and 5-NN
accuracy of the map. Peers that are not installed are left out, said.
"""

import argparse
import os
import threading
import time

THREADS = 2
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = str(THREADS)

import layerlens as ll  # noqa: E402
import numpy as np  # noqa: E402


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Peak:
    """Largest resident memory of the process while the block runs."""

    def __enter__(self):
        self.before = self.most = memory()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.ended.wait(0.02):
            self.most = max(self.most, memory())

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    @property
    def gigabytes(self):
        return (self.most - self.before) / 1e9


def ours(kind, **options):
    return lambda x: kind(device="cpu", n_jobs=THREADS, **options).fit_transform(x)


def open_tsne(x):
    from openTSNE import TSNE

    return np.asarray(TSNE(n_iter=500, n_jobs=THREADS, random_state=42).fit(x))


def h2pack(x):
    from tsne_h2pack import TSNE

    return np.asarray(TSNE(random_state=42).fit_transform(x))


def umap_learn(x):
    import umap

    return umap.UMAP(random_state=42, n_jobs=1).fit_transform(x)


def trimap(x):
    import trimap as peer

    return peer.TRIMAP(verbose=False).fit_transform(x)


def sklearn_pca(x):
    from sklearn.decomposition import PCA

    return PCA(2, random_state=42).fit_transform(x)


def sklearn_k_means(x):
    from sklearn.cluster import KMeans

    return KMeans(10, n_init=10, random_state=42).fit_predict(x)


def our_k_means(x):
    return ll.KMeans(10, device="cpu", n_jobs=THREADS).fit_predict(x)


def eps_of(x):
    """Distance of the fifth neighbour of the median point, so that half of the points are core."""
    return float(np.median(ll.knn_graph(x[:4000], 5, device="cpu")[1][:, -1])) * 0.8


def sklearn_dbscan(x):
    from sklearn.cluster import DBSCAN

    return DBSCAN(eps=eps_of(x), n_jobs=THREADS).fit_predict(x)


def our_dbscan(x):
    return ll.DBSCAN(eps_of(x), device="cpu", n_jobs=THREADS).fit_predict(x)


def projected(x):
    """10,000 points, and a map of them in which no two distances are equal."""
    x = x[:10_000]
    return x, x @ np.random.default_rng(0).normal(size=(x.shape[1], 2)).astype(x.dtype)


def sklearn_trustworthiness(x):
    from sklearn.manifold import trustworthiness

    return trustworthiness(*projected(x), n_neighbors=12)


def our_trustworthiness(x):
    return ll.metrics.trustworthiness(
        *projected(x), n_neighbors=12, device="cpu", n_jobs=THREADS
    )


JOBS = {
    "tsne": [("layerlens", ours(ll.TSNE)), ("openTSNE", open_tsne), ("tsne-h2pack", h2pack)],
    "umap": [("layerlens", ours(ll.UMAP)), ("umap-learn", umap_learn)],
    "trimap": [("layerlens", ours(ll.TriMAP)), ("trimap", trimap)],
    "pca": [("layerlens", ours(ll.PCA, n_components=2)), ("scikit-learn", sklearn_pca)],
    "k-means": [("layerlens", our_k_means), ("scikit-learn", sklearn_k_means)],
    "dbscan": [("layerlens", our_dbscan), ("scikit-learn", sklearn_dbscan)],
    "trustworthiness": [
        ("layerlens", our_trustworthiness),
        ("scikit-learn", sklearn_trustworthiness),
    ],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("points")
    parser.add_argument("labels", nargs="?")
    parser.add_argument("--only", default=",".join(JOBS))
    args = parser.parse_args()
    x = np.load(args.points)
    y = None if args.labels is None else np.load(args.labels)
    print(f"{args.points}: {x.shape}, {THREADS} threads, layerlens {ll.__version__}")
    sample = np.random.default_rng(0).permutation(len(x))[:5000]
    for job in args.only.split(","):
        for name, work in JOBS[job]:
            try:
                work(x[:500])
            except ImportError as error:
                print(f"{job:16} {name:14} left out: {error}")
                continue
            with Peak() as peak:
                started = time.perf_counter()
                found = work(x)
                seconds = time.perf_counter() - started
            said = ""
            if getattr(found, "ndim", 0) == 2:
                faith = ll.metrics.trustworthiness(x[sample], found[sample], n_neighbors=12)
                said = f"  trustworthiness {faith:.4f}"
                if y is not None:
                    said += f"  5-NN {ll.metrics.knn_accuracy(found, y):.4f}"
            elif isinstance(found, float):
                said = f"  {found:.6f}"
            print(
                f"{job:16} {name:14} {seconds:8.2f} s  {peak.gigabytes:6.2f} GB{said}", flush=True
            )


if __name__ == "__main__":
    main()
