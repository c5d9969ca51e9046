"""The estimators: what they compute, and that they behave as those of scikit-learn."""

import copy
import inspect
import json
import pickle

import layerlens as ll
import numpy as np
import pytest
from layerlens import _native
from sklearn.base import clone
from sklearn.cluster import DBSCAN as SklearnDBSCAN
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.decomposition import PCA as SklearnPCA
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MAPS = [
    ll.PCA(n_components=2),
    ll.TSNE(perplexity=12, max_iter=300),
    ll.UMAP(n_epochs=150),
    ll.TriMAP(max_iter=150),
]


def named(estimators):
    return pytest.mark.parametrize("estimator", estimators, ids=lambda it: type(it).__name__)


def test_defaults_are_those_of_the_library():
    by_method = {name: json.loads(defaults) for name, defaults in _native.methods()}
    for kind in (ll.PCA, ll.TSNE, ll.UMAP, ll.TriMAP):
        defaults = by_method[kind._method]
        signature = inspect.signature(kind).parameters
        own = {name for name in signature if name not in kind._of_python}
        assert own == set(defaults), kind
        for name, value in defaults.items():
            # scikit-learn's default is all components.
            if (kind, name) != (ll.PCA, "n_components"):
                given = signature[name].default
                assert given == pytest.approx(value) if isinstance(value, float) else given == value


@named(MAPS)
def test_a_map_keeps_the_groups_and_places_new_points_among_them(estimator, groups):
    x, y = groups
    fitted = clone(estimator).fit(x)
    assert fitted.embedding_.shape == (150, 2)
    assert fitted.embedding_.dtype == np.float32
    # A random map would have 1/3.
    assert ll.metrics.knn_accuracy(fitted.embedding_, y) > 0.97
    random = np.random.default_rng(8)
    new = (x + random.normal(scale=0.5, size=x.shape)).astype(np.float32)
    placed = fitted.transform(new)
    assert ll.metrics.knn_accuracy(fitted.embedding_, y, placed, y) > 0.97
    # A row depends on nothing but itself.
    assert np.array_equal(fitted.transform(new[10:13]), placed[10:13])
    assert list(fitted.get_feature_names_out())[1] == type(estimator).__name__.lower() + "1"


@named(MAPS)
def test_bytes_do_not_depend_on_threads_or_on_the_type_of_the_same_numbers(estimator, digits):
    x, _ = digits
    one = clone(estimator).set_params(n_jobs=1).fit_transform(x)
    assert np.array_equal(one, clone(estimator).set_params(n_jobs=2).fit_transform(x))
    for same in (
        x.astype(np.float64),
        x.astype(np.uint8),
        x.astype(np.int64),
        np.asfortranarray(x),
        x.astype(">f4"),
        np.repeat(x, 2, axis=0)[::2],
        x.tolist(),
    ):
        assert np.array_equal(one, clone(estimator).fit_transform(same))


@named(MAPS)
def test_pickles_copies_and_clones(estimator, groups):
    x, _ = groups
    fitted = clone(estimator).fit(x)
    placed = fitted.transform(x[:20] + 0.25)
    for other in (
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
        copy.copy(fitted),
    ):
        assert np.array_equal(other.embedding_, fitted.embedding_)
        assert np.array_equal(other.transform(x[:20] + 0.25), placed)
        assert other.get_params() == fitted.get_params()
    assert pickle.dumps(fitted) == pickle.dumps(pickle.loads(pickle.dumps(fitted)))
    with pytest.raises(ValueError, match="not fitted"):
        clone(fitted).transform(x)


@named(MAPS)
def test_a_changed_array_is_noticed(estimator, groups):
    x = groups[0].copy()
    fitted, used = clone(estimator).fit(x), clone(estimator).fit(x)
    new = x[:5].copy()
    placed = used.transform(new)
    x[140, 2] += 1
    for each in (fitted, used):
        if estimator._method == "pca":
            assert np.array_equal(each.transform(new), placed)
        else:
            with pytest.raises(ValueError, match="other values"):
                each.transform(new)
    x[140, 2] -= 1
    assert np.array_equal(used.transform(new), placed)


def test_float32_in_c_order_is_not_copied(groups):
    x, _ = groups
    assert np.shares_memory(ll.TSNE(perplexity=10, max_iter=10).fit(x)._fit_X, x)


def test_components_are_those_of_scikit_learn(digits):
    x, _ = digits
    ours = ll.PCA(n_components=5).fit(x)
    theirs = SklearnPCA(n_components=5, svd_solver="full").fit(x.astype(np.float64))
    signs = np.sign((ours.components_ * theirs.components_).sum(axis=1, keepdims=True))
    assert np.abs(ours.components_ * signs - theirs.components_).max() < 1e-4
    for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_", "mean_"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-5), name
    back = ours.inverse_transform(ours.transform(x))
    assert np.abs(back - theirs.inverse_transform(theirs.transform(x))).max() < 1e-3
    white = ll.PCA(n_components=5, whiten=True).fit(x)
    assert white.embedding_.std(axis=0, ddof=1) == pytest.approx(np.ones(5), rel=1e-4)
    assert np.abs(white.inverse_transform(white.embedding_) - back).max() < 1e-3
    assert ll.PCA().fit(x[:40]).n_components_ == 40


def test_large_numbers_keep_their_digits():
    random = np.random.default_rng(3)
    x = random.normal(size=(200, 4))
    far = x + 1.7e9
    assert np.abs(ll.PCA(n_components=2).fit_transform(far)).std() == pytest.approx(
        np.abs(ll.PCA(n_components=2).fit_transform(x)).std(), rel=1e-3
    )
    fitted = ll.PCA(n_components=4).fit(far)
    assert np.abs(fitted.inverse_transform(fitted.transform(far[:9])) - far[:9]).max() < 1e-4
    stamps = (1_700_000_000_000_000_000 + np.arange(300)[:, None]).astype(np.int64)
    placed = ll.PCA(n_components=1).fit(stamps).transform(stamps[7:9])
    assert abs(placed[1, 0] - placed[0, 0]) == pytest.approx(1)
    with pytest.raises(ValueError, match="column 0 needs more digits"):
        ll.PCA(n_components=1).fit(
            np.where(np.arange(400) % 2, 1e9, 0)[:, None] + x[:, :1].repeat(2, 0)
        )


def test_clusters_are_those_of_scikit_learn(groups, digits):
    x, y = groups
    ours = ll.KMeans(3).fit(x)
    assert adjusted_rand_score(ours.labels_, y) == 1
    assert np.array_equal(ours.predict(x), ours.labels_)
    theirs = SklearnKMeans(3, n_init=10, random_state=0).fit(x)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-5)
    assert ours.score(x) == pytest.approx(-ours.inertia_, rel=1e-5)
    centers = np.linalg.norm(x[:, None] - ours.cluster_centers_[None], axis=2)
    assert np.abs(ours.transform(x) - centers).max() < 1e-4
    x, _ = digits
    for eps in (15.0, 20.0, 25.0):
        ours = ll.DBSCAN(eps, min_samples=5).fit(x)
        theirs = SklearnDBSCAN(eps=eps, min_samples=5).fit(x.astype(np.float64))
        assert np.array_equal(ours.core_sample_indices_, theirs.core_sample_indices_)
        assert adjusted_rand_score(ours.labels_, theirs.labels_) > 0.999
        assert np.array_equal(ours.labels_ == -1, theirs.labels_ == -1)
    assert ll.DBSCAN("auto").fit(x).labels_.max() >= 0


@named(MAPS[1:])
def test_a_callback_sees_the_map_and_can_end_the_fit(estimator, groups):
    x, _ = groups
    seen = []

    def callback(iteration, error, embedding):
        seen.append((iteration, error, embedding.copy()))
        return iteration >= 60

    plain = clone(estimator).fit(x)
    watched = clone(estimator).set_params(callback=lambda *_: None).fit(x)
    assert np.array_equal(plain.embedding_, watched.embedding_)
    ended = clone(estimator).set_params(callback=callback, callbacks_every_iters=20).fit(x)
    assert [iteration for iteration, *_ in seen] == [20, 40, 60]
    assert all(embedding.shape == (150, 2) for *_, embedding in seen)
    assert not np.array_equal(seen[0][2], seen[1][2])
    if estimator._method == "umap":
        assert all(error is None for _, error, _ in seen)
        assert ended.n_epochs_ == 60
    else:
        assert all(error > 0 for _, error, _ in seen)
        assert ended.n_iter_ == 60
    # The map at which the fit ended, up to the rounding of its centre.
    assert np.abs(ended.embedding_ - seen[-1][2]).max() < 1e-4 * np.abs(seen[-1][2]).max()

    def broken(iteration, error, embedding):
        raise RuntimeError("of the caller")

    failing = clone(estimator).set_params(callback=broken)
    with pytest.raises(RuntimeError, match="of the caller"):
        failing.fit(x)
    with pytest.raises(ValueError, match="not fitted"):
        failing.transform(x)


@named(MAPS[1:])
def test_given_neighbours_and_starts_are_used(estimator, groups):
    x, _ = groups
    plain = clone(estimator).fit_transform(x)
    indices, distances = ll.knn_graph(x, 60)
    given = clone(estimator).set_params(precomputed_knn=(indices, distances)).fit_transform(x)
    assert np.array_equal(plain, given)
    # With the points themselves first, as umap-learn has them.
    own = np.arange(150)[:, None]
    with_self = (np.hstack([own, indices]), np.hstack([np.zeros((150, 1)), distances]))
    given = clone(estimator).set_params(precomputed_knn=with_self).fit_transform(x)
    assert np.array_equal(plain, given)
    wrong = indices.copy()
    wrong[5, 3] = 150
    for bad, said in (
        ((wrong, distances), "row 5"),
        ((indices, distances[:, ::-1]), "nearest first"),
        ((indices[:9], distances[:9]), "150 points"),
        (indices, "expected"),
    ):
        with pytest.raises(ValueError, match=said):
            clone(estimator).set_params(precomputed_knn=bad).fit(x)
    start = np.random.default_rng(0).normal(size=(150, 2))
    started = clone(estimator).set_params(init=start).fit_transform(x)
    assert not np.array_equal(started, plain)
    assert np.array_equal(started, clone(estimator).set_params(init=start * 8).fit_transform(x))
    with pytest.raises(ValueError, match="150 x 2"):
        clone(estimator).set_params(init=start[:9]).fit(x)


def test_parameters_out_of_range_are_named_as_in_python(groups):
    x, _ = groups
    for estimator, said in (
        (ll.TSNE(perplexity=0.5), "perplexity = 0.5"),
        (ll.TSNE(perplexity=60), "largest perplexity for 150"),
        (ll.TSNE(learning_rate="fast"), "learning_rate"),
        (ll.TSNE(learning_rate=0), "learning_rate = 0"),
        (ll.TSNE(n_components=4), "n_components = 4"),
        (ll.TSNE(init="pcx"), "init"),
        (ll.UMAP(n_neighbors=200), "n_neighbors 200"),
        (ll.UMAP(min_dist=2), "`spread`"),
        (ll.UMAP(n_epochs=1.5), "n_epochs"),
        (ll.TriMAP(n_inliers=0), "n_inliers = 0"),
        (ll.PCA(n_components=6), "components"),
        (ll.KMeans(151), "`n_clusters`"),
        (ll.DBSCAN(0.0), "eps = 0"),
        (ll.TSNE(device="tpu"), "device = 'tpu'"),
        (ll.TSNE(metric="manhattan"), "metric = 'manhattan'"),
        (ll.TSNE(neighbors="most"), "neighbors = 'most'"),
        (ll.TSNE(n_jobs=0), "n_jobs = 0"),
        (ll.TSNE(random_state=-1), "random_state = -1"),
        (ll.TSNE(perplexity=float("nan")), "perplexity = nan"),
    ):
        with pytest.raises(ValueError) as raised:
            estimator.fit(x)
        assert said in str(raised.value), (estimator, raised.value)
        assert "::" not in str(raised.value) and "--" not in str(raised.value)
    with pytest.raises(TypeError, match="callback"):
        ll.TSNE(callback=3).fit(x)
    with pytest.raises(ValueError, match="Invalid parameter 'perplexty'"):
        ll.TSNE().set_params(perplexty=3)


@named([*MAPS, ll.KMeans(3), ll.DBSCAN(2.0)])
def test_a_fit_that_fails_leaves_nothing_of_an_earlier_one(estimator, groups):
    x, _ = groups
    fitted = clone(estimator).fit(x)
    parameters = set(fitted.get_params())
    for bad in ({"n_jobs": 0}, {"device": "tpu"}):
        with pytest.raises(ValueError):
            fitted.set_params(**bad).fit(x[:, :4])
        left = {name for name in vars(fitted) if name.endswith("_")}
        assert left <= {"n_features_in_"} and not fitted.__sklearn_is_fitted__()
        fitted.set_params(**{name: estimator.get_params()[name] for name in bad})
        assert set(fitted.get_params()) == parameters
        if hasattr(fitted, "transform"):
            with pytest.raises(ValueError, match="not fitted"):
                fitted.transform(x)
        fitted.fit(x)


def test_seeds_are_numbers_generators_or_none(groups):
    x, _ = groups
    fit = lambda state: ll.TriMAP(max_iter=20, init="random", random_state=state).fit_transform(x)
    assert np.array_equal(fit(5), fit(np.int64(5)))
    assert not np.array_equal(fit(5), fit(6))
    assert np.array_equal(fit(np.random.RandomState(1)), fit(np.random.RandomState(1)))
    assert np.array_equal(fit(np.random.default_rng(1)), fit(np.random.default_rng(1)))
    assert not np.array_equal(fit(None), fit(None))


def test_they_stand_in_pipelines(groups):
    x, y = groups
    line = make_pipeline(StandardScaler(), ll.PCA(3), ll.TSNE(perplexity=12, max_iter=250))
    places = line.fit_transform(x)
    assert ll.metrics.knn_accuracy(places, y) > 0.97
    assert line.transform(x[:4]).shape == (4, 2)
    assert list(line.get_feature_names_out()) == ["tsne0", "tsne1"]


def test_repr_names_what_was_set():
    assert (
        repr(ll.TSNE(perplexity=12, random_state=None)) == "TSNE(perplexity=12, random_state=None)"
    )
    assert repr(ll.UMAP()) == "UMAP()"


def test_warnings_reach_the_caller(groups):
    x, _ = groups
    with pytest.warns(ll.LayerlensWarning, match="ended after 20 iterations, not 100"):
        ll.TSNE(perplexity=12, max_iter=60, early_exaggeration_iter=100).fit(x)
