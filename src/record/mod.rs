//! Record of a run on the disk: its folder, its manifest, the stages that are finished, and
//! whether the files are as they were written.

mod artifact;
pub(crate) mod claim;
mod earlier;
pub(crate) mod finished;
pub(crate) mod folder;
pub(crate) mod integrity;
pub(crate) mod manifest;
mod opening;
pub(crate) mod point_measures;
pub mod points;
pub(crate) mod predictions;
mod results;
mod skipped;
mod stage;

pub use artifact::{Artifact, Folder};
pub use finished::FinishedRun;
pub(crate) use finished::Rewrite;
pub use folder::RunFolder;
pub use manifest::{FinishedStage, Manifest, Output, SCHEMA_VERSION, Status};
pub(crate) use opening::fallback_note;
pub use opening::{Destination, Opening, default_path};
pub use points::ReportPoints;
pub use results::{
    EpochMap, EpochMaps, EpochTime, Inference, MapResults, ModelHistory, N_COMPONENTS, Results,
    SpaceRecall, TrainingSummary,
};
pub use skipped::Skipped;
pub use stage::Stage;
