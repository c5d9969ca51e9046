//! The main job as a library call: train, take the activations, embed every layer, score, draw.
//!
//! [`run`] reads as the list of what happens; each stage writes its files whole, then the manifest is updated.

mod cluster;
pub mod clusters;
mod embed;
mod figures;
mod folder;
mod neighbors;
mod quality;
mod space;
mod study;
mod train;

pub use cluster::{Cluster, ClusterSummary, cluster};
pub use clusters::{ClusterMethod, ClusterSpace, Eps, cluster_space};
pub use embed::{Embed, EmbedSummary, Labelled, embed};
pub use folder::{Manifest, Opening, Output, RunFolder, SCHEMA_VERSION, Stage, Status, default_path};
pub use study::{MapResults, MethodChoice, Run, Summary, run};
pub use train::{TrainRun, train};
