//! Matrix products of small blocks on the calling thread: the callers divide the work, so that the
//! bytes do not depend on the number of threads.

/// `out = a b^T` for row-major `a` (m x d), `b` (n x d) and `out` (m x n); `shape` is (m, n, d).
pub(crate) fn products<T: 'static + Copy + From<u8>>(
    a: &[T],
    b: &[T],
    out: &mut [T],
    shape: (usize, usize, usize),
) {
    multiply(a, b, out, shape, (shape.2, shape.1), None, T::from(1));
}

/// `out += w^T a` for row-major `w` (m x k), `a` (m x d) and `out` (k x d); `shape` is (m, k, d).
pub(crate) fn add_weighted_rows(
    w: &[f64],
    a: &[f64],
    out: &mut [f64],
    (m, k, d): (usize, usize, usize),
) {
    assert!(w.len() == m * k && a.len() == m * d && out.len() == k * d);
    // SAFETY: the strides and sizes describe the three slices, whose lengths were just checked.
    unsafe {
        gemm::gemm(
            k,
            d,
            m,
            out.as_mut_ptr(),
            1,
            d as isize,
            true,
            w.as_ptr(),
            k as isize,
            1,
            a.as_ptr(),
            1,
            d as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// `out += factor a b^T`; `shape` as [`products`], the rows of `a` and `b` `strides.0` apart, those
/// of `out` `strides.1`.
pub(super) fn add_products(
    factor: f32,
    a: &[f32],
    b: &[f32],
    out: &mut [f32],
    shape: (usize, usize, usize),
    strides: (usize, usize),
) {
    multiply(a, b, out, shape, strides, Some(1.0), factor);
}

/// `out = kept out + factor a b^T`; without `kept` the old values are not read.
fn multiply<T: 'static + Copy + From<u8>>(
    a: &[T],
    b: &[T],
    out: &mut [T],
    (m, n, d): (usize, usize, usize),
    (stride, out_stride): (usize, usize),
    kept: Option<T>,
    factor: T,
) {
    assert!(
        d <= stride
            && n <= out_stride
            && a.len() == m * stride
            && b.len() == n * stride
            && out.len() == m * out_stride
    );
    // SAFETY: the strides and sizes describe the three slices, whose lengths were just checked.
    unsafe {
        gemm::gemm(
            m,
            n,
            d,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            kept.is_some(),
            a.as_ptr(),
            1,
            stride as isize,
            b.as_ptr(),
            stride as isize,
            1,
            kept.unwrap_or(T::from(0)),
            factor,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
