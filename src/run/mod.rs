//! The main job as a library call: train, take the activations, embed every layer, score, draw.
//!
//! [`run`] reads as the list of what happens; each stage writes its files whole, then the manifest
//! is updated.

mod classes;
mod cluster;
pub mod clusters;
mod compare;
mod compare_counts;
mod compare_figures;
mod compare_models;
mod embed;
pub mod epochs;
mod figures;
mod finished;
mod insights;
mod job;
mod layers;
mod neighbors;
mod pair;
mod predictions;
mod quality;
mod report;
mod space;
mod study;
mod train;

pub use cluster::{Cluster, ClusterSummary, cluster};
pub use clusters::{ClusterMethod, ClusterSpace, Eps, cluster_space};
pub use compare::{Compare, CompareSummary, compare};
pub use compare_models::{CompareModels, Encoded, ModelsSummary, compare_models};
pub use embed::{Embed, EmbedSummary, Labelled, embed};
pub use job::{MethodChoice, Run, Summary, TrainRun};
pub use report::{
    Export, ExportFormat, ExportSummary, GivenReport, Report, ReportSummary, export, report,
    report_given,
};
pub use study::run;
pub use train::train;
