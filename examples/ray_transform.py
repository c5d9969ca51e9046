"""Many rows in a map of few, on a Ray cluster: the bytes of one process, whatever the workers.

    pip install "layerlens[ray]"
    python examples/ray_transform.py ROWS FOLDER [--workers 2] [--kill] [--compare]

makes ROWS rows of 64 features as Parquet parts in FOLDER, if they are not there, starts a head and a
node for each worker as processes of their own, places all rows in a UMAP map of 50,000, and prints
rows a second and the peak memory of each worker. `--kill` kills a worker on the way; `--compare`
places all rows in this process too, and compares the bytes.
"""

import argparse
import os
import threading
import time
from pathlib import Path

import layerlens as ll
import layerlens.ray
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import ray
from ray.cluster_utils import Cluster

N_FEATURES, PART_ROWS, N_FITTED = 64, 500_000, 50_000


def rows(n: int, seed: int) -> np.ndarray:
    """Rows in 40 groups of different extent."""
    random = np.random.default_rng(seed)
    of_groups = np.random.default_rng(0)
    centres = of_groups.normal(size=(40, N_FEATURES), scale=4)
    extents = of_groups.uniform(0.5, 1.5, size=(40, 1))
    kinds = random.integers(40, size=n)
    noise = random.standard_normal((n, N_FEATURES), dtype=np.float32)
    return (centres[kinds] + extents[kinds] * noise).astype(np.float32)


def make_parts(folder: Path, n: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part, first in enumerate(range(0, n, PART_ROWS)):
        path = folder / f"part-{part:04d}.parquet"
        if path.exists():
            continue
        x = rows(min(PART_ROWS, n - first), 1000 + part)
        values = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), N_FEATURES)
        table = pa.table({"id": np.arange(first, first + len(x)), "features": values})
        pq.write_table(table, path, row_group_size=50_000, compression="lz4")


class Workers(threading.Thread):
    """Watches the workers' memory, and kills the first if that is wanted."""

    def __init__(self, kill: bool):
        super().__init__(daemon=True)
        self.kill, self.killed, self.peaks = kill, None, {}

    def run(self):
        while True:
            for process in psutil.process_iter(["pid", "cmdline"]):
                if not any("_Placer" in part for part in process.info["cmdline"] or []):
                    continue
                try:
                    memory = process.memory_info()
                    # Without what all processes share of the object store.
                    used = memory.rss - memory.shared
                    self.peaks[process.pid] = max(self.peaks.get(process.pid, 0), used)
                    if self.kill and self.killed is None and used > 2e8:
                        time.sleep(3)
                        process.kill()
                        self.killed = process.pid
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--compare", action="store_true")
    args = parser.parse_args()
    make_parts(args.folder, args.rows)
    fitted = ll.UMAP(device="cpu").fit(rows(N_FITTED, 1))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(args.workers):
        cluster.add_node(num_cpus=1, resources={"worker": 1})
    ray.init(address=cluster.address, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    workers = Workers(args.kill)
    workers.start()
    started = time.perf_counter()
    data = ray.data.read_parquet(str(args.folder), include_paths=True)
    placed = layerlens.ray.transform(fitted, data, "features", keep=["id"], concurrency=args.workers)
    table = pa.concat_tables(ray.get(placed.to_arrow_refs())).sort_by("id")
    seconds = time.perf_counter() - started
    ids = table["id"].to_numpy()
    assert np.array_equal(ids, np.arange(args.rows)), "a row is missing, or there twice"
    print(f"{args.rows / seconds:,.0f} rows a second, {seconds:.0f} s with {args.workers} workers")
    for pid, peak in workers.peaks.items():
        print(f"worker {pid}: {peak / 1e9:.2f} GB{', killed' if pid == workers.killed else ''}")
    ray.shutdown()
    cluster.shutdown()
    if args.compare:
        started = time.perf_counter()
        found = np.stack([table[name].to_numpy() for name in ("x", "y")], axis=1)
        for path in sorted(args.folder.glob("part-*.parquet")):
            part = pq.read_table(path)
            x = part["features"].combine_chunks().flatten().to_numpy().reshape(-1, N_FEATURES)
            here = fitted.transform(x)
            assert np.array_equal(here, found[part["id"].to_numpy()]), path
        seconds = time.perf_counter() - started
        print(f"the bytes of this process alone: {args.rows / seconds:,.0f} rows a second")


if __name__ == "__main__":
    main()
    os._exit(0)
