//! The commands as library calls, a file a command: each makes a record, does its stages in a
//! session, and returns a summary of the record.
//!
//! [`run()`] reads as the list of what happens; each stage writes its files whole, then the
//! manifest is updated.

mod activations;
mod classes;
mod cluster;
mod compare;
mod compare_models;
mod embed;
mod embedding_report;
mod export;
mod given_network;
mod job;
mod layers;
mod page;
mod prepared;
mod profile;
mod report;
mod session;
mod steps;
mod strangers;
mod study;
mod train;
mod transform;

pub use activations::{Activations, activations};
pub use cluster::{Cluster, ClusterSummary, cluster};
pub use compare::{Compare, CompareSummary, compare};
pub use compare_models::{CompareModels, Encoded, ModelsSummary, compare_models};
pub use embed::{Drawn, Embed, EmbedSummary, Labelled, Shown, embed};
pub use embedding_report::{EmbeddingReport, report_embedding};
pub use export::{Export, ExportFormat, ExportSummary, export};
pub use job::{GivenNetwork, MethodChoice, Run, Summary, TrainRun};
pub use profile::{ProfileLayers, profile};
pub use report::{Report, ReportSummary, report};
pub use steps::clusters::{ClusterSpace, cluster_space};
pub use study::run;
pub use train::train;
pub use transform::{Shard, Transform, TransformSummary, transform};
