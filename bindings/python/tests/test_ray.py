"""Maps over Ray workers: the bytes of one process, whatever happens to a worker."""

import threading
import time

import layerlens as ll
import numpy as np
import pytest

ray = pytest.importorskip("ray")
pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
lr = pytest.importorskip("layerlens.ray")
import psutil  # noqa: E402  (comes with ray)

N_PARTS, N_ROWS = 6, 4000


def rows(n, seed):
    random = np.random.default_rng(seed)
    kinds = random.integers(8, size=n)
    centres = np.random.default_rng(0).normal(size=(8, 12))
    return (centres[kinds] + random.normal(size=(n, 12))).astype(np.float32), kinds


def write(path, first, x, kinds, flat=False):
    columns = {"id": np.arange(first, first + len(x)), "kind": kinds}
    if flat:
        columns |= {f"f{at}": x[:, at] for at in range(12)}
    else:
        values = pyarrow.array(x.reshape(-1))
        columns["features"] = pyarrow.FixedSizeListArray.from_arrays(values, 12)
    parquet.write_table(pyarrow.table(columns), path)


@pytest.fixture(scope="module")
def cluster():
    # Two workers, and one to read.
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    whole = []
    for part in range(N_PARTS):
        x, kinds = rows(N_ROWS, 10 + part)
        write(folder / f"part-{part}.parquet", part * N_ROWS, x, kinds)
        whole.append(x)
    return folder, np.concatenate(whole)


@pytest.fixture(scope="module")
def fitted():
    return ll.UMAP(n_epochs=60, device="cpu").fit(rows(3000, 1)[0])


def placed(found):
    table = found.to_pandas().sort_values("id")
    assert list(table["id"]) == list(range(N_PARTS * N_ROWS))
    return table[["x", "y"]].to_numpy()


def test_workers_give_the_bytes_of_one_process(cluster, parts, fitted):
    folder, whole = parts
    expected = fitted.transform(whole)
    for concurrency, batch_size in ((1, 16_384), (2, 777)):
        data = ray.data.read_parquet(str(folder), include_paths=True)
        found = lr.transform(
            fitted, data, "features", concurrency=concurrency, batch_size=batch_size
        )
        assert np.array_equal(placed(found), expected)
        assert found.schema().names == ["id", "kind", "path", "x", "y"]


def test_a_worker_that_dies_loses_nothing(cluster, parts, fitted):
    folder, whole = parts
    expected = fitted.transform(whole)
    killed = []

    def kill():
        ended = time.monotonic() + 60
        while not killed and time.monotonic() < ended:
            for process in psutil.process_iter(["pid", "cmdline"]):
                # The worker's name while it places a batch.
                if any("_Placer" in part for part in process.info["cmdline"] or []):
                    time.sleep(0.3)
                    try:
                        process.kill()
                        killed.append(process.pid)
                    except psutil.NoSuchProcess:
                        continue
                    break
            time.sleep(0.01)

    thread = threading.Thread(target=kill)
    thread.start()
    data = ray.data.read_parquet(str(folder))
    found = lr.transform(fitted, data, "features", concurrency=2, batch_size=200)
    places = placed(found)
    thread.join()
    assert killed
    assert np.array_equal(places, expected)


def test_a_value_that_is_not_finite_is_named(cluster, fitted, tmp_path):
    x, kinds = rows(500, 3)
    x[321, 5] = np.nan
    columns = [f"f{at}" for at in range(12)]
    write(tmp_path / "bad.parquet", 0, x, kinds, flat=True)
    data = ray.data.read_parquet(str(tmp_path), include_paths=True)
    with pytest.raises(Exception, match=r"bad\.parquet: row 321, column 5 is nan"):
        lr.transform(fitted, data, columns).materialize()
    with pytest.raises(Exception, match="no column 'g0'"):
        lr.transform(fitted, data, ["g0", *columns[1:]]).materialize()


def test_rows_are_classified_by_given_points(cluster, parts):
    folder, whole = parts
    x, kinds = rows(3000, 1)
    kinds_of_all = np.concatenate([rows(N_ROWS, 10 + part)[1] for part in range(N_PARTS)])
    data = ray.data.read_parquet(str(folder))
    found = lr.knn_accuracy(x, kinds, data, "features", "kind")
    expected = ll.metrics.knn_accuracy(x, kinds, whole, kinds_of_all)
    assert found == pytest.approx(expected)
    assert 0.5 < found < 1
