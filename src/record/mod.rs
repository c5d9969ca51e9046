//! What a run leaves on the disk: its folder, its manifest, the stages that are finished, and
//! whether the files are as they were written.

mod artifact;
pub(crate) mod claim;
pub(crate) mod folder;
pub(crate) mod integrity;
pub(crate) mod manifest;
mod opening;
pub mod points;
mod results;
pub(crate) mod skipped;
mod stage;

pub use artifact::Artifact;
pub use folder::RunFolder;
pub use manifest::{FinishedStage, Found, Manifest, Output, SCHEMA_VERSION, Status};
pub use opening::{Opening, default_path};
pub use points::ReportPoints;
pub use results::{
    EpochMap, EpochMaps, EpochTime, Inference, MapResults, N_COMPONENTS, TrainingSummary,
};
pub use stage::Stage;
