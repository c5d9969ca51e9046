//! The module `layerlens._native`: the library for the Python package around it, which checks
//! types, names and shapes before it calls anything here.
//!
//! Arrays come as C-contiguous matrices, parameters and nested results as JSON, so that a new
//! parameter of a method is one line of Python and none here.

mod arrays;
mod clusters;
mod data;
mod errors;
mod maps;
mod measures;
mod neighbors;
mod pages;
mod work;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::clusters::{dbscan, k_means};
    #[pymodule_export]
    use crate::data::{dataset_names, load_dataset};
    #[pymodule_export]
    use crate::maps::{FittedPoints, Map, methods};
    #[pymodule_export]
    use crate::measures::{
        calibration, dimensions, global_score, kl_divergence, label_issues, profile_layer, quality,
        separation, similarity, trustworthiness,
    };
    #[pymodule_export]
    use crate::neighbors::nearest_neighbors;
    #[pymodule_export]
    use crate::pages::{compare_runs, report_embedding, run_layers};
    #[pymodule_export]
    use crate::work::{How, describe_device};
}
