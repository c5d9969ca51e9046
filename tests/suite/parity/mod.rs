//! Every kernel against its CPU twin: at odd sizes, with poisoned buffers, under the adapter's limits and WebGPU's default
//! ones, and with so many workgroups that they need the second dimension.

mod clustering;
mod differences;
mod grid;
mod harness;
mod knn;
mod long_loops;
mod pairwise;
mod peaks;
mod placement;
mod products;
mod ranks;
mod reduce;
mod trimap;
mod tsne;
mod umap;

use crate::support::{LIMITS, Variant, cpu, gpu};
use harness::{Pair, complaint};

/// Around the sizes of workgroups and tiles, and two beyond them.
const SIZES: [usize; 7] = [1, 2, 63, 64, 65, 257, 1000];

/// Other sizes, with commas between them, for a driver that is too slow for those.
const SIZES_VARIABLE: &str = "LAYERLENS_PARITY_SIZES";

fn sizes() -> Vec<usize> {
    let size = |text: &str| text.parse().unwrap_or_else(|_| panic!("{SIZES_VARIABLE}: `{text}` is no size"));
    std::env::var(SIZES_VARIABLE).map_or_else(|_| SIZES.to_vec(), |list| list.split(',').map(size).collect())
}

/// One more workgroup of 64 than one dimension of a dispatch holds.
const BEYOND_ONE_DIMENSION: usize = 65_536 * 64;

/// How a kernel is made to use the second dimension of a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// By a problem of more than 65,535 workgroups.
    Real,
    /// By a device that takes three workgroups per dimension, since a real problem costs too much or fits no binding.
    Lowered,
}

/// A kernel and how it is compared with its twin at a size.
#[derive(Debug)]
pub struct Twins {
    pub shader: &'static str,
    pub entry_point: &'static str,
    pub second: Second,
    pub compare: fn(&Pair, usize),
}

/// Every kernel; a test in `shaders` sees to it that none is missing.
pub static PARITY: &[Twins] = &[
    Twins { shader: "reduce", entry_point: "sum_blocks", second: Second::Lowered, compare: reduce::sum_blocks },
    Twins { shader: "peaks", entry_point: "multiply_add", second: Second::Lowered, compare: peaks::multiply_add },
    Twins { shader: "peaks", entry_point: "copy", second: Second::Lowered, compare: peaks::copy },
    Twins { shader: "pairwise", entry_point: "squared_distances", second: Second::Lowered, compare: pairwise::squared_distances },
    Twins {
        shader: "differences",
        entry_point: "difference_distances",
        second: Second::Lowered,
        compare: differences::difference_distances,
    },
    Twins { shader: "pairwise", entry_point: "centre_rows", second: Second::Lowered, compare: pairwise::centre_rows },
    Twins { shader: "knn", entry_point: "select_nearest", second: Second::Lowered, compare: knn::select_nearest },
    Twins { shader: "knn", entry_point: "refine", second: Second::Real, compare: knn::refine },
    Twins { shader: "knn", entry_point: "order_nearest", second: Second::Lowered, compare: knn::order_nearest },
    Twins { shader: "products", entry_point: "covariance", second: Second::Lowered, compare: products::covariance },
    Twins { shader: "products", entry_point: "project", second: Second::Real, compare: products::project },
    Twins { shader: "products", entry_point: "cross_products", second: Second::Lowered, compare: products::cross_products },
    Twins { shader: "ranks", entry_point: "count_ranks", second: Second::Lowered, compare: ranks::count_ranks },
    Twins { shader: "ranks", entry_point: "pick_distances", second: Second::Real, compare: ranks::pick_distances },
    Twins { shader: "k_means", entry_point: "assign", second: Second::Real, compare: clustering::assign },
    Twins { shader: "k_means", entry_point: "sum_members", second: Second::Real, compare: clustering::sum_members },
    Twins { shader: "within", entry_point: "count_within", second: Second::Lowered, compare: clustering::count_within },
    Twins { shader: "within", entry_point: "lowest_within", second: Second::Lowered, compare: clustering::lowest_within },
    Twins { shader: "silhouette", entry_point: "sum_clusters", second: Second::Lowered, compare: clustering::sum_clusters },
    Twins { shader: "placement", entry_point: "place", second: Second::Real, compare: placement::place },
    Twins { shader: "affinity", entry_point: "calibrate", second: Second::Real, compare: tsne::calibrate },
    Twins { shader: "repulsion", entry_point: "repulsion", second: Second::Lowered, compare: tsne::repulsion },
    Twins { shader: "grid", entry_point: "splat", second: Second::Real, compare: grid::splat },
    Twins { shader: "grid", entry_point: "gather", second: Second::Real, compare: grid::gather },
    Twins { shader: "fourier", entry_point: "transform_rows", second: Second::Lowered, compare: grid::transform_rows },
    Twins { shader: "fourier", entry_point: "convolve_columns", second: Second::Lowered, compare: grid::convolve_columns },
    Twins { shader: "fourier", entry_point: "restore_rows", second: Second::Lowered, compare: grid::restore_rows },
    Twins { shader: "gradient", entry_point: "attraction", second: Second::Real, compare: tsne::attraction },
    Twins { shader: "gradient", entry_point: "kl_divergence", second: Second::Real, compare: tsne::kl_divergence },
    Twins { shader: "settling", entry_point: "settle", second: Second::Real, compare: tsne::settle },
    Twins { shader: "optimiser", entry_point: "outline", second: Second::Lowered, compare: tsne::outline },
    Twins { shader: "optimiser", entry_point: "descend", second: Second::Lowered, compare: tsne::descend },
    Twins { shader: "triplet_weights", entry_point: "square_distances", second: Second::Real, compare: trimap::square_distances },
    Twins { shader: "triplet_weights", entry_point: "weigh", second: Second::Real, compare: trimap::weigh },
    Twins { shader: "triplet_forces", entry_point: "pull", second: Second::Real, compare: trimap::pull },
    Twins { shader: "triplet_forces", entry_point: "push", second: Second::Real, compare: trimap::push },
    Twins { shader: "triplet_layout", entry_point: "descend", second: Second::Real, compare: trimap::descend },
    Twins { shader: "triplet_layout", entry_point: "loss", second: Second::Real, compare: trimap::loss },
    Twins { shader: "triplet_placement", entry_point: "settle", second: Second::Lowered, compare: trimap::settle },
    Twins { shader: "fuzzy_graph", entry_point: "membership", second: Second::Real, compare: umap::membership },
    Twins { shader: "low_pass", entry_point: "smooth_step", second: Second::Real, compare: umap::smooth_step },
    Twins { shader: "fuzzy_layout", entry_point: "advance", second: Second::Real, compare: umap::advance },
    Twins { shader: "fuzzy_layout", entry_point: "settle", second: Second::Lowered, compare: umap::settle },
];

/// Compares those of the kernels that `wanted` names at the sizes, and panics with the complaints about all of them.
fn compare_all(variant: Variant, sizes: &[usize], wanted: impl Fn(&Twins) -> bool) {
    let Some(gpu) = gpu(variant) else { return };
    let pair = Pair::new(cpu(), gpu);
    let at_sizes = |twins: &Twins| sizes.iter().for_each(|&size| (twins.compare)(&pair, size));
    let compared: Vec<_> = PARITY.iter().filter(|twins| wanted(twins)).collect();
    let wrong: Vec<String> = compared
        .iter()
        .filter_map(|twins| complaint(|| at_sizes(twins)).map(|what| format!("{}: {what}", twins.entry_point)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} kernels:\n{}", wrong.len(), compared.len(), wrong.join("\n"));
}

#[test]
fn every_kernel_agrees_with_its_twin_under_the_limits_of_the_adapter() {
    compare_all(LIMITS[0], &sizes(), |_| true);
}

#[test]
fn every_kernel_agrees_with_its_twin_under_default_limits() {
    compare_all(LIMITS[1], &sizes(), |_| true);
}

#[test]
fn every_kernel_agrees_with_its_twin_beyond_three_workgroups_of_one_dimension() {
    compare_all(Variant::ThreeWorkgroups, &[1000], |_| true);
}

#[test]
fn kernels_over_rows_agree_with_their_twins_beyond_65535_workgroups() {
    compare_all(LIMITS[0], &[BEYOND_ONE_DIMENSION], |twins| twins.second == Second::Real);
}
