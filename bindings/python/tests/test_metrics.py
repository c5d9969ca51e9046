"""Metrics and measures, against scikit-learn and closed forms."""

import layerlens as ll
import numpy as np
import pytest
from layerlens import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.preprocessing import StandardScaler


@pytest.fixture(scope="module")
def placed(digits):
    x, y = digits
    return x, y, ll.PCA(n_components=2).fit_transform(x)


def test_neighbours_are_those_of_scikit_learn(digits):
    x, _ = digits
    indices, distances = ll.knn_graph(x, 12)
    search = NearestNeighbors(n_neighbors=12, algorithm="brute").fit(x.astype(np.float64))
    expected, _ = search.kneighbors()
    assert np.abs(distances - expected).max() < 1e-3
    assert indices.dtype == np.uint32 and not (indices == np.arange(600)[:, None]).any()
    own, zeros = ll.knn_graph(x, 1, queries=x)
    assert (zeros == 0).all() and np.array_equal(x[own[:, 0]], x)
    by_angle, _ = ll.knn_graph(x, 5, metric="cosine")
    search = NearestNeighbors(n_neighbors=5, algorithm="brute", metric="cosine").fit(x)
    assert (by_angle == search.kneighbors()[1]).mean() > 0.99
    for k in (0, 600, 2.5, True):
        with pytest.raises(ValueError):
            ll.knn_graph(x, k)


@pytest.mark.parametrize("n_neighbors", [1, 5, 12])
def test_trustworthiness_is_that_of_scikit_learn(n_neighbors):
    # Without ties, which scikit-learn orders by their rounding.
    x = np.random.default_rng(5).normal(size=(500, 20)).astype(np.float32)
    places = ll.PCA(n_components=2).fit_transform(x)
    ours = metrics.trustworthiness(x, places, n_neighbors=n_neighbors)
    theirs = trustworthiness(x, places.astype(np.float64), n_neighbors=n_neighbors)
    assert ours == pytest.approx(theirs, abs=2e-5)
    continuity = metrics.continuity(x, places, n_neighbors=n_neighbors)
    theirs = trustworthiness(places.astype(np.float64), x, n_neighbors=n_neighbors)
    assert continuity == pytest.approx(theirs, abs=2e-5)
    with pytest.raises(ValueError, match="less than half"):
        metrics.trustworthiness(x, places, n_neighbors=300)


def test_accuracy_is_that_of_scikit_learn(placed):
    x, y, places = placed
    model = KNeighborsClassifier(5, algorithm="brute").fit(places[:400], y[:400])
    # Ties of votes and distances may fall otherwise for a point or two of 200.
    ours = metrics.knn_accuracy(places[:400], y[:400], places[400:], y[400:])
    assert ours == pytest.approx(model.score(places[400:], y[400:]), abs=0.011)
    recall = metrics.neighbor_recall(x, places, n_neighbors=10)
    a, b = ll.knn_graph(x, 10)[0], ll.knn_graph(places, 10)[0]
    assert recall == pytest.approx(np.mean([len(set(p) & set(q)) / 10 for p, q in zip(a, b)]))


def test_scores_of_a_map(placed):
    x, _, places = placed
    assert metrics.global_score(x, places) == pytest.approx(1)
    noise = np.random.default_rng(0).normal(size=places.shape)
    assert metrics.global_score(x, noise) < 0.7
    assert metrics.random_triplet_accuracy(x, noise) == pytest.approx(0.5, abs=0.02)
    assert metrics.random_triplet_accuracy(x, places) > 0.65
    quality = metrics.map_quality(x, places)
    assert quality["trustworthiness"] == pytest.approx(
        metrics.trustworthiness(x, places, n_neighbors=12), abs=1e-9
    )


def test_divergence_is_that_of_the_fit(digits):
    x, _ = digits
    fitted = ll.TSNE(perplexity=20).fit(x)
    found = metrics.kl_divergence(x, fitted.embedding_, perplexity=20)
    assert found == pytest.approx(fitted.kl_divergence_, rel=1e-3)
    assert metrics.kl_divergence(x, fitted.embedding_[::-1].copy(), perplexity=20) > 2 * found


def test_a_probe_is_scikit_learns_regression(digits):
    x, y = digits
    scaler = StandardScaler().fit(x[:400])
    model = LogisticRegression(C=1, max_iter=2000).fit(scaler.transform(x[:400]), y[:400])
    ours = metrics.linear_probe(x[:400], y[:400], x[400:], y[400:])
    # The optimum is one; both stop near it, which may turn a point or two of 200.
    assert ours["accuracy"] == pytest.approx(
        model.score(scaler.transform(x[400:]), y[400:]), abs=0.011
    )
    profile = metrics.profile_layer(x[:400], y[:400], x[400:], y[400:])
    assert profile["probe"] == ours
    assert profile["self_duality"] is None
    assert profile["spectrum"]["participation_ratio"] == pytest.approx(
        metrics.dimensions(x[:400])["participation_ratio"]
    )


def test_similarity_dimensions_and_separation(groups):
    x, y = groups
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    same = metrics.layer_similarity(x, x @ rotation * 3 + 2)
    assert same["cka"] == pytest.approx(1, abs=1e-4)
    assert same["procrustes"] == pytest.approx(0, abs=1e-3)
    other = np.random.default_rng(2).normal(size=(150, 5))
    assert abs(metrics.cka(x, other)) < 0.1
    wide = np.random.default_rng(3).normal(size=(2000, 3)) @ np.random.default_rng(4).normal(
        size=(3, 20)
    )
    found = metrics.dimensions(wide)
    assert found["n_components_99"] <= 3
    assert found["mle"] == pytest.approx(3, abs=0.3)
    means = np.stack([x[y == label].mean(axis=0) for label in range(3)]).astype(np.float64)
    between = sum(50 * ((mean - x.mean(axis=0)) ** 2).sum() for mean in means)
    within = ((x - means[y]) ** 2).sum()
    assert metrics.separation(x, y)["fisher_ratio"] == pytest.approx(between / within, rel=1e-4)


def test_planted_labels_are_found(digits):
    x, y = digits
    model = LogisticRegression(C=0.01, max_iter=500).fit(x[:300], y[:300])
    wrong = y[300:].copy()
    wrong[:10] = (wrong[:10] + 3) % 10
    issues = metrics.label_issues(model.predict_proba(x[300:]), wrong)
    rows = [issue["row"] for issue in issues]
    assert len(set(rows) & set(range(10))) >= 8
    planted = [issue for issue in issues if issue["row"] < 10]
    assert sum(issue["suggested"] == y[300 + issue["row"]] for issue in planted) >= 8
    names = np.asarray([f"digit {label}" for label in range(10)])
    named = metrics.label_issues(model.predict_proba(x[300:]), names[wrong], classes=names)
    assert [issue["row"] for issue in named] == rows
    assert named[0]["suggested"] == f"digit {issues[0]['suggested']}"


def test_calibration_of_sure_and_wrong_answers():
    sure = np.tile([[0.9, 0.1]], (100, 1))
    found = metrics.calibration(sure, np.repeat([0, 1], 50))
    assert found["ece"] == pytest.approx(0.4, abs=1e-6)
    assert found["brier"] == pytest.approx((0.02 + 1.62) / 2, abs=1e-6)
    with pytest.raises(ValueError, match="2 columns"):
        metrics.calibration(sure, np.repeat([0, 2], 50))
