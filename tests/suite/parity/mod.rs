//! Every kernel against its CPU twin, in the ways of the tests; the comparisons themselves are the
//! library's.

mod far;
mod long_loops;
mod noticed;

use crate::support::{LIMITS, Variant, gpu};
use layerlens::compute::Device;
use layerlens::parity::harness::Pair;
use layerlens::parity::{Checked, PARITY, SIZES, Second, check, check_together};

/// Other sizes, with commas between them, for a driver that is too slow for those.
const SIZES_VARIABLE: &str = "LAYERLENS_PARITY_SIZES";

fn sizes() -> Vec<usize> {
    let size = |text: &str| {
        text.parse().unwrap_or_else(|_| panic!("{SIZES_VARIABLE}: `{text}` is no size"))
    };
    std::env::var(SIZES_VARIABLE)
        .map_or_else(|_| SIZES.to_vec(), |list| list.split(',').map(size).collect())
}

/// One more workgroup of 64 than one dimension of a dispatch holds.
const BEYOND_ONE_DIMENSION: usize = 65_536 * 64;

/// Panics with the complaints about all kernels.
fn check_all(gpu: &Device, sizes: &[usize]) {
    let mut checked = check(gpu, sizes, &|_| ());
    // Sizes are given for drivers that are slow, or take more turns of a loop than there are in the
    // shader.
    if std::env::var_os(SIZES_VARIABLE).is_none() {
        checked.extend(check_together(gpu, &|_| ()));
    }
    let complaint = |checked: &Checked| {
        checked.complaint.as_ref().map(|what| format!("{}: {what}", checked.kernel))
    };
    let wrong: Vec<String> = checked.iter().filter_map(complaint).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} kernels:\n{}",
        wrong.len(),
        checked.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_kernel_agrees_with_its_twin_under_the_limits_of_the_adapter() {
    if let Some(gpu) = gpu(LIMITS[0]) {
        check_all(&gpu, &sizes());
    }
}

#[test]
fn every_kernel_agrees_with_its_twin_under_default_limits() {
    if let Some(gpu) = gpu(LIMITS[1]) {
        check_all(&gpu, &sizes());
    }
}

#[test]
fn every_kernel_agrees_with_its_twin_beyond_three_workgroups_of_one_dimension() {
    if let Some(gpu) = gpu(Variant::ThreeWorkgroups) {
        check_all(&gpu, &[1000]);
    }
}

#[test]
fn kernels_over_rows_agree_with_their_twins_beyond_65535_workgroups() {
    let Some(gpu) = gpu(LIMITS[0]) else { return };
    let pair = Pair::new(crate::support::cpu(), gpu);
    PARITY
        .iter()
        .filter(|twins| twins.second == Second::Real)
        .for_each(|twins| (twins.compare)(&pair, BEYOND_ONE_DIMENSION));
}
