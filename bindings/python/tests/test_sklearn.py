"""scikit-learn's own checks of an estimator."""

import layerlens as ll
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

#: A training point is placed by its neighbours like any other point, which is near where the fit
#: left it, but not there: what `transform` gives for a row does not depend on what was fitted
#: last, nor on the other rows.
PLACED = "transform places fitted points by their neighbours, like new ones"
#: The checks set n_components to 1.
ONE_DIMENSION = "maps have two or three dimensions"
OF_MAPS = {
    "check_transformer_general": PLACED,
    "check_transformer_data_not_an_array": PLACED,
    "check_dont_overwrite_parameters": ONE_DIMENSION,
    "check_fit2d_1feature": ONE_DIMENSION,
    "check_fit2d_predict1d": ONE_DIMENSION,
    # tests/test_estimators.py has this one for two dimensions.
    "check_methods_subset_invariance": ONE_DIMENSION,
    "check_methods_sample_order_invariance": ONE_DIMENSION,
}
EXPECTED = {"TSNE": OF_MAPS, "UMAP": OF_MAPS, "TriMAP": OF_MAPS}


def expected_failures(estimator):
    return EXPECTED.get(type(estimator).__name__, {})


# The checks fit 20 points and fewer.
@parametrize_with_checks(
    [
        ll.PCA(),
        ll.TSNE(perplexity=1, max_iter=40),
        ll.UMAP(n_neighbors=3, n_epochs=30),
        ll.TriMAP(n_inliers=2, max_iter=30),
        ll.KMeans(2, n_init=2),
        ll.DBSCAN(),
    ],
    expected_failed_checks=expected_failures,
)
@pytest.mark.filterwarnings("ignore::layerlens.LayerlensWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)
