"""Threads, signals and forks: work leaves the process usable."""

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import layerlens as ll
import numpy as np
import pytest

#: A fit that would go on for minutes.
LONG = """
    import signal, sys, time
    import numpy as np
    import layerlens as ll
    random = np.random.default_rng(0)
    X = random.normal(size=(6000, 40)).astype(np.float32)
    Y = X[:300]
    before = ll.TSNE(perplexity=20, max_iter=60, device="cpu").fit_transform(Y)
    print("ready", flush=True)
    started = time.monotonic()
    try:
        {work}
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    after = ll.TSNE(perplexity=20, max_iter=60, device="cpu").fit_transform(Y)
    print("same" if np.array_equal(before, after) else "other", flush=True)
"""
WORK = {
    "tsne": 'll.TSNE(max_iter=10**6, device="cpu").fit(X)',
    "umap": 'll.UMAP(n_epochs=10**6, device="cpu").fit(X)',
    "trimap": 'll.TriMAP(max_iter=10**6, device="cpu").fit(X)',
    "neighbours": 'while True: ll.knn_graph(X, 100, device="cpu")',
    "k-means": 'while True: ll.KMeans(50, n_init=50, device="cpu").fit(X)',
    "trustworthiness": 'while True: ll.metrics.trustworthiness(X, X[:, :2], device="cpu")',
}


def interrupted(work, delay):
    """Sends Ctrl-C to a process after `delay` seconds of work; returns the seconds until it is felt."""
    source = textwrap.dedent(LONG).format(work=work)
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        assert process.stdout.readline() == "interrupted\n"
        waited = time.monotonic() - sent
        assert process.stdout.readline() == "same\n"
        assert process.wait(60) == 0
        return waited
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", WORK)
def test_ctrl_c_ends_work_soon_and_leaves_the_process_usable(name):
    # A second on an idle machine; this one may do something else.
    assert interrupted(WORK[name], 0.7) < 5


def test_ctrl_c_at_random_moments():
    """`LAYERLENS_INTERRUPTS=50` tries more of them."""
    random = np.random.default_rng()
    for at in range(int(os.environ.get("LAYERLENS_INTERRUPTS", "3"))):
        name = list(WORK)[at % len(WORK)]
        delay = float(random.uniform(0, 3))
        waited = interrupted(WORK[name], delay)
        print(f"{name} after {delay:.3f} s: {waited:.3f} s")
        assert waited < 5, (name, delay)


def test_other_threads_go_on_meanwhile(groups):
    x, _ = groups
    counted = 0
    ended = threading.Event()

    def count():
        nonlocal counted
        while not ended.is_set():
            counted += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before = counted
        ll.TSNE(perplexity=12, max_iter=1500, device="cpu").fit(x)
        assert counted - before > 10
    finally:
        ended.set()
        thread.join()


def test_several_threads_fit_at_once(groups):
    x, _ = groups
    expected = ll.UMAP(n_epochs=100, device="cpu").fit_transform(x)
    fitted = ll.UMAP(n_epochs=100, device="cpu").fit(x)
    placed = fitted.transform(x[:9])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        fit = lambda _: ll.UMAP(n_epochs=100, device="cpu").fit_transform(x)
        assert all(np.array_equal(found, expected) for found in pool.map(fit, range(16)))
        place = lambda _: fitted.transform(x[:9])
        assert all(np.array_equal(found, placed) for found in pool.map(place, range(64)))


def _fit(x):
    return ll.TSNE(perplexity=12, max_iter=100, device="cpu").fit_transform(x)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_works_on_the_cpu(groups):
    x, _ = groups
    expected = _fit(x)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map_async(_fit, [x] * 4).get(timeout=120)
    assert all(np.array_equal(places, expected) for places in found)


def _on_the_gpu(x):
    try:
        ll.PCA(n_components=2, device="gpu").fit(x)
    except RuntimeError as error:
        return str(error)
    return "it was used"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_gpu_agrees_and_is_refused_after_a_fork(digits):
    x, _ = digits
    try:
        on_gpu = ll.TSNE(device="gpu").fit(x)
    except RuntimeError as error:
        if os.environ.get("LAYERLENS_REQUIRE_GPU") == "1":
            raise
        pytest.skip(f"no GPU: {error}")
    on_cpu = ll.TSNE(device="cpu").fit(x)
    # Maps of two roundings part ways, but are as good.
    assert on_gpu.kl_divergence_ == pytest.approx(on_cpu.kl_divergence_, rel=0.1)
    faith = [ll.metrics.trustworthiness(x, fit.embedding_) for fit in (on_gpu, on_cpu)]
    assert faith[0] == pytest.approx(faith[1], abs=0.01) and faith[0] > 0.95
    with multiprocessing.get_context("fork").Pool(1) as pool:
        said = pool.apply_async(_on_the_gpu, (x,)).get(timeout=60)
    assert "forked" in said


def test_progress_is_shown_or_logged(groups, monkeypatch, caplog):
    from tqdm import auto

    shown = []

    class Bar:
        def __init__(self, total, desc):
            shown.append(desc)
            self.total, self.n = total, 0

        def set_postfix(self, values, refresh):
            self.values = values

        def refresh(self):
            pass

        def close(self):
            shown.append(self.n == self.total)

    monkeypatch.setattr(auto, "tqdm", Bar)
    ll.TSNE(perplexity=12, max_iter=300, verbose=1).fit(groups[0])
    assert shown == ["neighbors", True, "tsne", True]
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with caplog.at_level("INFO", logger="layerlens"):
        ll.UMAP(n_epochs=60, verbose=1).fit(groups[0])
    assert any("umap: 60 of 60" in message for message in caplog.messages)
