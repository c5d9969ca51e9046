//! Parity of GPU kernels with their CPU twins. `layerlens bench` checks it on new cards. The tests
//! check it with poisoned buffers, under the adapter's limits and WebGPU's default ones, and with
//! so many workgroups that they need the second dimension.
//!
//! A comparison panics if it finds a difference, so that a test fails there; [`check`] and
//! [`check_together`] collect the messages.

mod clustering;
mod differences;
mod grid;
pub mod harness;
mod knn;
mod pairwise;
mod peaks;
mod placement;
mod products;
mod ranks;
mod reduce;
mod trimap;
mod tsne;
mod umap;

pub use differences::distances;
pub use pairwise::SUM_OF_SQUARES;

use crate::compute::{Cpu, Device, caught};
use harness::Pair;
use serde::Serialize;

/// Sizes around those of workgroups and tiles, and two beyond them.
pub const SIZES: [usize; 7] = [1, 2, 63, 64, 65, 257, 1000];

/// Way in which a kernel is made to use the second dimension of a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// A problem with more than 65,535 workgroups.
    Real,
    /// A device limited to three workgroups per dimension, because a real problem costs too much or
    /// fits no binding.
    Lowered,
}

/// A kernel and its comparison with its twin.
#[derive(Debug)]
pub struct Twins {
    /// Base name of the shader.
    pub shader: &'static str,
    /// Entry point.
    pub entry_point: &'static str,
    /// Way in which it is made to use the second dimension.
    pub second: Second,
    /// Compares the two at a size, and panics if they differ.
    pub compare: fn(&Pair, usize),
}

/// All kernels; a test in `shaders` checks that none is missing.
pub static PARITY: &[Twins] = &[
    Twins {
        shader: "reduce",
        entry_point: "sum_blocks",
        second: Second::Lowered,
        compare: reduce::sum_blocks,
    },
    Twins {
        shader: "peaks",
        entry_point: "multiply_add",
        second: Second::Lowered,
        compare: peaks::multiply_add,
    },
    Twins { shader: "peaks", entry_point: "copy", second: Second::Lowered, compare: peaks::copy },
    Twins {
        shader: "pairwise",
        entry_point: "squared_distances",
        second: Second::Lowered,
        compare: pairwise::squared_distances,
    },
    Twins {
        shader: "differences",
        entry_point: "difference_distances",
        second: Second::Lowered,
        compare: differences::difference_distances,
    },
    Twins {
        shader: "pairwise",
        entry_point: "centre_rows",
        second: Second::Lowered,
        compare: pairwise::centre_rows,
    },
    Twins {
        shader: "knn",
        entry_point: "select_nearest",
        second: Second::Lowered,
        compare: knn::select_nearest,
    },
    Twins { shader: "knn", entry_point: "refine", second: Second::Real, compare: knn::refine },
    Twins {
        shader: "knn",
        entry_point: "order_nearest",
        second: Second::Lowered,
        compare: knn::order_nearest,
    },
    Twins {
        shader: "products",
        entry_point: "covariance",
        second: Second::Lowered,
        compare: products::covariance,
    },
    Twins {
        shader: "products",
        entry_point: "project",
        second: Second::Real,
        compare: products::project,
    },
    Twins {
        shader: "products",
        entry_point: "cross_products",
        second: Second::Lowered,
        compare: products::cross_products,
    },
    Twins {
        shader: "ranks",
        entry_point: "count_ranks",
        second: Second::Lowered,
        compare: ranks::count_ranks,
    },
    Twins {
        shader: "ranks",
        entry_point: "pick_distances",
        second: Second::Real,
        compare: ranks::pick_distances,
    },
    Twins {
        shader: "cluster_members",
        entry_point: "assign",
        second: Second::Real,
        compare: clustering::assign,
    },
    Twins {
        shader: "cluster_members",
        entry_point: "sum_members",
        second: Second::Real,
        compare: clustering::sum_members,
    },
    Twins {
        shader: "within",
        entry_point: "count_within",
        second: Second::Lowered,
        compare: clustering::count_within,
    },
    Twins {
        shader: "within",
        entry_point: "lowest_within",
        second: Second::Lowered,
        compare: clustering::lowest_within,
    },
    Twins {
        shader: "silhouette",
        entry_point: "sum_clusters",
        second: Second::Lowered,
        compare: clustering::sum_clusters,
    },
    Twins {
        shader: "placement",
        entry_point: "place",
        second: Second::Real,
        compare: placement::place,
    },
    Twins {
        shader: "affinity",
        entry_point: "calibrate",
        second: Second::Real,
        compare: tsne::calibrate,
    },
    Twins {
        shader: "repulsion",
        entry_point: "repulsion",
        second: Second::Lowered,
        compare: tsne::repulsion,
    },
    Twins { shader: "grid", entry_point: "splat", second: Second::Real, compare: grid::splat },
    Twins { shader: "grid", entry_point: "gather", second: Second::Real, compare: grid::gather },
    Twins {
        shader: "fourier",
        entry_point: "transform_rows",
        second: Second::Lowered,
        compare: grid::transform_rows,
    },
    Twins {
        shader: "fourier",
        entry_point: "convolve_columns",
        second: Second::Lowered,
        compare: grid::convolve_columns,
    },
    Twins {
        shader: "fourier",
        entry_point: "restore_rows",
        second: Second::Lowered,
        compare: grid::restore_rows,
    },
    Twins {
        shader: "gradient",
        entry_point: "attraction",
        second: Second::Real,
        compare: tsne::attraction,
    },
    Twins {
        shader: "gradient",
        entry_point: "kl_divergence",
        second: Second::Real,
        compare: tsne::kl_divergence,
    },
    Twins {
        shader: "settling",
        entry_point: "settle",
        second: Second::Real,
        compare: tsne::settle,
    },
    Twins {
        shader: "optimiser",
        entry_point: "outline",
        second: Second::Lowered,
        compare: tsne::outline,
    },
    Twins {
        shader: "optimiser",
        entry_point: "descend",
        second: Second::Lowered,
        compare: tsne::descend,
    },
    Twins {
        shader: "triplet_weights",
        entry_point: "square_distances",
        second: Second::Real,
        compare: trimap::square_distances,
    },
    Twins {
        shader: "triplet_weights",
        entry_point: "weigh",
        second: Second::Real,
        compare: trimap::weigh,
    },
    Twins {
        shader: "triplet_forces",
        entry_point: "pull",
        second: Second::Real,
        compare: trimap::pull,
    },
    Twins {
        shader: "triplet_forces",
        entry_point: "push",
        second: Second::Real,
        compare: trimap::push,
    },
    Twins {
        shader: "triplet_layout",
        entry_point: "descend",
        second: Second::Real,
        compare: trimap::descend,
    },
    Twins {
        shader: "triplet_layout",
        entry_point: "loss",
        second: Second::Real,
        compare: trimap::loss,
    },
    Twins {
        shader: "triplet_placement",
        entry_point: "settle",
        second: Second::Lowered,
        compare: trimap::settle,
    },
    Twins {
        shader: "fuzzy_graph",
        entry_point: "membership",
        second: Second::Real,
        compare: umap::membership,
    },
    Twins {
        shader: "low_pass",
        entry_point: "smooth_step",
        second: Second::Real,
        compare: umap::smooth_step,
    },
    Twins {
        shader: "fuzzy_layout",
        entry_point: "advance",
        second: Second::Real,
        compare: umap::advance,
    },
    Twins {
        shader: "fuzzy_layout",
        entry_point: "settle",
        second: Second::Lowered,
        compare: umap::settle,
    },
];

/// Kernels that work together, and their comparison with their twins.
#[derive(Debug)]
pub struct Together {
    /// Description of their joint result.
    pub what: &'static str,
    /// Compares them, and panics if they differ.
    pub compare: fn(&Pair),
}

/// All groups of kernels that work together.
pub static TOGETHER: &[Together] = &[
    Together { what: "sums of distances by cluster", compare: clustering::cluster_distances },
    Together {
        what: "centres of many features, sums of many rows",
        compare: clustering::wide_and_long,
    },
];

/// Result of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// Shader and entry point, or description of a joint result.
    pub kernel: String,
    /// Position and size of the difference from its twin; `None` if they agree.
    pub complaint: Option<String>,
}

/// Compares every kernel with its twin at each of `sizes`, and passes each result to `done`.
pub fn check(gpu: &Device, sizes: &[usize], done: &dyn Fn(&Checked)) -> Vec<Checked> {
    let pair = pair(gpu);
    let alone = PARITY.iter().map(|twins| {
        let kernel = format!("{}/{}", twins.shader, twins.entry_point);
        checked(kernel, done, &|| sizes.iter().for_each(|&size| (twins.compare)(&pair, size)))
    });
    alone.collect()
}

/// The same for groups of kernels that work together, at sizes of their own, up to those with the
/// longest loops.
pub fn check_together(gpu: &Device, done: &dyn Fn(&Checked)) -> Vec<Checked> {
    let pair = pair(gpu);
    TOGETHER
        .iter()
        .map(|together| checked(together.what.into(), done, &|| (together.compare)(&pair)))
        .collect()
}

fn pair(gpu: &Device) -> Pair {
    Pair::new(Device::Cpu(Cpu { poison: true }), gpu.clone())
}

fn checked(kernel: String, done: &dyn Fn(&Checked), work: &dyn Fn()) -> Checked {
    let checked = Checked { kernel, complaint: caught(work).err().map(|panic| panic.message()) };
    done(&checked);
    checked
}
