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
    let w = View { values: w, across: 1, down: k };
    let a = View { values: a, across: 1, down: d };
    // SAFETY: the strides and sizes describe the three slices, whose lengths were just checked.
    unsafe { multiply_views(w, a, out, (k, d, m), d, Some(1.0), 1.0) }
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
    let a = View { values: a, across: stride, down: 1 };
    let b = View { values: b, across: stride, down: 1 };
    // SAFETY: the strides and sizes describe the three slices, whose lengths were just checked.
    unsafe { multiply_views(a, b, out, (m, n, d), out_stride, kept, factor) }
}

/// Vectors in a slice: from one to the next, and from one element to the next.
struct View<'a, T> {
    values: &'a [T],
    across: usize,
    down: usize,
}

/// `out = kept out + factor a b^T` for `m` vectors of `a` and `n` of `b`, all of `d` elements, and the
/// rows of `out` `out_stride` apart.
///
/// # Safety
/// The slices hold all elements that shape and strides name.
unsafe fn multiply_views<T: 'static + Copy + From<u8>>(
    a: View<'_, T>,
    b: View<'_, T>,
    out: &mut [T],
    (m, n, d): (usize, usize, usize),
    out_stride: usize,
    kept: Option<T>,
    factor: T,
) {
    // SAFETY: by the contract of this function.
    unsafe {
        gemm::gemm(
            m,
            n,
            d,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            kept.is_some(),
            a.values.as_ptr(),
            a.down as isize,
            a.across as isize,
            b.values.as_ptr(),
            b.across as isize,
            b.down as isize,
            kept.unwrap_or(T::from(0)),
            factor,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
