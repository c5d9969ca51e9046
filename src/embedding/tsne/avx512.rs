//! Attraction of one row for CPUs with AVX-512: the compiler's own vector code loads the
//! coordinates of neighbours one by one, which takes most of the time of t-SNE on the CPU.

use std::arch::x86_64::{
    _mm512_add_ps, _mm512_castpd_ps, _mm512_castsi512_si256, _mm512_extracti64x4_epi64,
    _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_i32gather_pd, _mm512_mask_blend_ps,
    _mm512_maskz_loadu_epi32, _mm512_maskz_loadu_ps, _mm512_movehdup_ps, _mm512_moveldup_ps,
    _mm512_mul_ps, _mm512_permute_ps, _mm512_permutexvar_ps, _mm512_rcp14_ps, _mm512_set1_pd,
    _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

const LANES: usize = 16;

/// `true` if this CPU can run [`attract`].
pub fn is_available() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
}

/// sum_j value_j (y_i - y_j) / (1 + |y_i - y_j|^2) over the columns j of one row. Shapes: `places`
/// n pairs; `columns` and `values` of equal length.
///
/// # Safety
/// [`is_available`] must be `true`, and every column must be below the number of points, which must
/// be below 2^31.
#[target_feature(enable = "avx512f")]
pub unsafe fn attract(
    places: &[[f32; 2]],
    point: [f32; 2],
    columns: &[u32],
    values: &[f32],
) -> [f32; 2] {
    debug_assert_eq!(columns.len(), values.len());
    // A point is loaded as one number of 64 bits: its coordinates stay side by side.
    let here = _mm512_castpd_ps(_mm512_set1_pd(bytemuck::cast(point)));
    let (one, two) = (_mm512_set1_ps(1.0), _mm512_set1_ps(2.0));
    let interleaved = _mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
    let mut sums = [_mm512_setzero_ps(); 2];
    for first in (0..columns.len()).step_by(LANES) {
        let left = (columns.len() - first).min(LANES);
        let mask = (u32::MAX >> (32 - left)) as u16;
        // SAFETY: the mask keeps both loads within their slices.
        let (column, value) = unsafe {
            let column = _mm512_maskz_loadu_epi32(mask, columns.as_ptr().add(first).cast());
            (column, _mm512_maskz_loadu_ps(mask, values.as_ptr().add(first)))
        };
        // SAFETY: every column has coordinates, by the caller's promise; lanes past the end load
        // point 0, with value 0.
        let (a, b) = unsafe {
            let a =
                _mm512_i32gather_pd::<8>(_mm512_castsi512_si256(column), places.as_ptr().cast());
            (
                a,
                _mm512_i32gather_pd::<8>(
                    _mm512_extracti64x4_epi64::<1>(column),
                    places.as_ptr().cast(),
                ),
            )
        };
        let a = _mm512_sub_ps(here, _mm512_castpd_ps(a));
        let b = _mm512_sub_ps(here, _mm512_castpd_ps(b));
        let (square_a, square_b) = (_mm512_mul_ps(a, a), _mm512_mul_ps(b, b));
        let square_a = _mm512_add_ps(square_a, _mm512_permute_ps::<0b10_11_00_01>(square_a));
        let square_b = _mm512_add_ps(square_b, _mm512_permute_ps::<0b10_11_00_01>(square_b));
        // Both lanes of a pair hold its square: one vector takes those of all sixteen.
        let root = _mm512_add_ps(one, _mm512_mask_blend_ps(0xaaaa, square_a, square_b));
        // One Newton step doubles the 14 bits of the approximate reciprocal.
        let rough = _mm512_rcp14_ps(root);
        let q = _mm512_mul_ps(rough, _mm512_fnmadd_ps(root, rough, two));
        let pull = _mm512_mul_ps(_mm512_permutexvar_ps(interleaved, value), q);
        sums[0] = _mm512_fmadd_ps(_mm512_moveldup_ps(pull), a, sums[0]);
        sums[1] = _mm512_fmadd_ps(_mm512_movehdup_ps(pull), b, sums[1]);
    }
    let mut lanes = [0.0_f32; LANES];
    // SAFETY: the array holds sixteen numbers.
    unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), _mm512_add_ps(sums[0], sums[1])) };
    let total = |axis: usize| {
        let quarter = |at: usize| lanes[at + axis] + lanes[at + 8 + axis];
        (quarter(0) + quarter(4)) + (quarter(2) + quarter(6))
    };
    [total(0), total(1)]
}
