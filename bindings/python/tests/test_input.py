"""What is read as points, and what is refused by name."""

import layerlens as ll
import numpy as np
import pandas
import polars
import pytest
import scipy.sparse


def places(x, **options):
    return ll.PCA(n_components=2, **options).fit_transform(x)


def test_frames_sparse_matrices_and_anything_with_an_array(groups):
    x, _ = groups
    expected = places(x)
    names = ["a", "b", "c", "d", "e"]

    class Holder:
        def __array__(self, dtype=None, copy=None):
            return x if dtype is None else x.astype(dtype)

    class Tensor:
        def __dlpack__(self, **options):
            return x.__dlpack__(**options)

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    for same in (
        pandas.DataFrame(x, columns=names),
        polars.DataFrame(x, schema=names),
        scipy.sparse.csr_matrix(x),
        scipy.sparse.coo_array(x),
        Holder(),
        Tensor(),
        x.astype(object),
    ):
        assert np.array_equal(places(same), expected), type(same)


def test_sparse_matrices_beyond_the_limit_are_refused_by_their_size():
    wide = scipy.sparse.csr_matrix((1_000_000, 1_000), dtype=np.float32)
    with pytest.raises(TypeError, match="4,000,000,000 bytes"):
        places(wide)


def test_names_of_columns_are_kept_and_compared(groups):
    frame = pandas.DataFrame(groups[0], columns=list("abcde"))
    fitted = ll.PCA(n_components=2).fit(frame)
    assert list(fitted.feature_names_in_) == list("abcde")
    fitted.transform(frame)
    with pytest.raises(ValueError, match="same order"):
        fitted.transform(frame[list("abced")])
    with pytest.raises(ValueError, match="- f"):
        fitted.transform(frame.rename(columns={"e": "f"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        fitted.transform(groups[0])


@pytest.mark.parametrize(
    ("bad", "kind", "said"),
    [
        (np.zeros(5), ValueError, "Reshape your data"),
        (np.float32(3), ValueError, "scalar"),
        (np.zeros((2, 2, 2)), ValueError, "3D array"),
        (np.zeros((0, 3)), ValueError, "0 sample"),
        (np.zeros((3, 0)), ValueError, "0 feature"),
        (np.array([[1, 2], [3, np.nan]]), ValueError, "row 1, column 1 is NaN"),
        (np.array([[1, 2], [np.inf, 4]], np.float32), ValueError, "row 1, column 0 is inf"),
        (np.array([[1, 2], [1e300, 4]]), ValueError, "row 1, column 0"),
        (np.array([["a", "b"]]), ValueError, "strings"),
        (np.array([[1j, 2]]), ValueError, "Complex data not supported"),
        (np.array([[{}, []]], object), TypeError, "objects"),
        (np.array([["2020-01-01"]], "M8[D]"), TypeError, "datetime64"),
        ([[1, 2], [3]], ValueError, "cannot be read"),
        (None, (ValueError, TypeError), ""),
        (np.zeros((5, 3)), ValueError, "all 5 rows are equal"),
        (np.ones((1, 3)), ValueError, ""),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(bad, kind, said):
    with pytest.raises(kind, match=said):
        places(bad)


def test_labels_of_any_kind():
    x = np.asarray([*range(6), *range(20, 26)], dtype=np.float32)[:, None]
    by_number = ll.metrics.knn_accuracy(x, np.repeat([3, 9], 6), n_neighbors=1)
    assert by_number == ll.metrics.knn_accuracy(x, ["a"] * 6 + ["b"] * 6, n_neighbors=1) == 1
    assert by_number == ll.metrics.knn_accuracy(
        x, pandas.Series(["u", "v"]).repeat(6), n_neighbors=1
    )
    for bad, said in (
        ([1, 2], "12 rows"),
        ([1.0] * 11 + [np.nan], "row 11"),
        ([None] * 12, "row 0"),
    ):
        with pytest.raises(ValueError, match=said):
            ll.metrics.knn_accuracy(x, bad)
