"""Random arrays through every estimator: a valid result, or an error of the kinds that are told."""

import os

import layerlens as ll
import numpy as np
import pytest

N = int(os.environ.get("LAYERLENS_FUZZ", "2000"))

DTYPES = [
    "f4", "f8", "f2", ">f4", ">f8", "i1", "i2", "i4", "i8", ">i4", "u1", "u2", "u4", "u8", "?",
    "c8", "O", "U3", "S3", "M8[s]", "m8[s]", "g",
]  # fmt: skip


def estimators(random):
    return [
        ll.PCA(n_components=int(random.integers(1, 4))),
        ll.TSNE(perplexity=float(random.uniform(1, 4)), max_iter=12),
        ll.UMAP(n_neighbors=int(random.integers(2, 6)), n_epochs=8),
        ll.TriMAP(n_inliers=int(random.integers(1, 5)), max_iter=8),
        ll.KMeans(int(random.integers(1, 5)), n_init=1, max_iter=5),
        ll.DBSCAN(float(random.uniform(0.1, 3)), min_samples=3),
    ]


def array(random):
    """An array of any type, shape, order and values."""
    n_dims = random.choice([0, 1, 2, 2, 2, 2, 2, 2, 2, 3])
    shape = tuple(int(random.choice([0, 1, 2, 3, 5, 8, 20, 40])) for _ in range(n_dims))
    dtype = np.dtype(str(random.choice(DTYPES)))
    scale = 10.0 ** random.integers(-40, 40) if random.random() < 0.3 else 1.0
    values = np.asarray(random.normal(size=shape) * scale)
    if random.random() < 0.2:
        values = np.asarray(np.round(values / scale))
    if random.random() < 0.1 and values.size:
        values = values.copy()
        at = tuple(int(random.integers(side)) for side in shape)
        values[at] = random.choice([np.nan, np.inf, -np.inf])
    with np.errstate(all="ignore"):
        if dtype.kind in "US":
            made = np.full(shape, "a1", dtype)
        elif dtype.kind == "O":
            made = values.astype(object)
            if random.random() < 0.5 and made.size:
                made.flat[0] = (None, "x", {}, 10**400)[int(random.integers(4))]
        elif dtype.kind in "Mm":
            made = (np.nan_to_num(values) % 1000).astype("i8").astype(dtype)
        else:
            made = np.asarray(values).astype(dtype)
    if made.ndim == 2:
        how = random.integers(6)
        if how == 0:
            made = np.asfortranarray(made)
        elif how == 1:
            made = np.repeat(made, 2, axis=0)[::2]
        elif how == 2:
            made = made[:, ::-1]
        elif how == 3:
            made = made.copy()
            made.flags.writeable = False
        elif how == 4:
            made = made[::-1]
    return made


@pytest.mark.filterwarnings("ignore")
def test_random_arrays_give_a_result_or_an_error():
    random = np.random.default_rng(int(os.environ.get("LAYERLENS_SEED", "1")))
    results = 0
    for at in range(N):
        x = array(random)
        candidates = estimators(random)
        estimator = candidates[at % len(candidates)]
        try:
            estimator.fit(x)
        except (ValueError, TypeError) as error:
            assert str(error), (at, x)
            continue
        results += 1
        if hasattr(estimator, "embedding_"):
            places = estimator.embedding_
            assert places.shape[0] == len(x) and np.isfinite(places).all(), (at, estimator, x)
            assert np.isfinite(estimator.transform(x)).all()
        else:
            assert estimator.labels_.shape == (len(x),)
    # Most of the arrays are valid points for some method.
    assert results > N / 10, results
