//! Flags of the commands that write something: where it goes.

use super::argv;
use clap::Args;
use layerlens::record::Destination;
use std::path::PathBuf;

/// Where the results of a command go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Output {
    /// Folder of the results [default: runs/TIME-NAME, by UTC]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Replace earlier results there
    #[arg(long, help_heading = "Output")]
    pub force: bool,
}

/// The same of a command that can go on with what an earlier one left unfinished.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct RunOutput {
    #[command(flatten)]
    pub output: Output,
    /// Go on with the unfinished run or training in the folder --out, after its last finished stage
    #[arg(long, requires = "out", conflicts_with = "force", help_heading = "Output")]
    pub resume: bool,
}

impl Output {
    pub fn destination(&self) -> Destination {
        Destination { out: self.out.clone(), force: self.force, resume: false, argv: argv() }
    }
}

impl RunOutput {
    pub fn destination(&self) -> Destination {
        Destination { resume: self.resume, ..self.output.destination() }
    }
}
