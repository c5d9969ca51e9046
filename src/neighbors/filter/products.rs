//! Matrix products of small blocks on the calling thread.

/// `out = a b^T` for row-major `a` (m x d), `b` (n x d) and `out` (m x n); `shape` is (m, n, d).
pub(super) fn products<T: 'static + Copy + From<u8>>(a: &[T], b: &[T], out: &mut [T], (m, n, d): (usize, usize, usize)) {
    assert!(a.len() == m * d && b.len() == n * d && out.len() == m * n);
    let (zero, one) = (T::from(0), T::from(1));
    // SAFETY: the strides and sizes describe the three slices, whose lengths were just checked.
    unsafe {
        gemm::gemm(
            m,
            n,
            d,
            out.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            1,
            d as isize,
            b.as_ptr(),
            d as isize,
            1,
            zero,
            one,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
