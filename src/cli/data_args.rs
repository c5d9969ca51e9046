//! Flags that say which data.

use clap::Args;
use layerlens::dataset::{DATASETS, Header, Request};
use std::path::PathBuf;

/// Which data, and how they are read.
#[derive(Clone, Debug, Args)]
pub struct DataArgs {
    /// Data set
    #[arg(long, default_value = "fashion-mnist-sample", help = dataset_help(), help_heading = "Data")]
    pub dataset: String,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// How data are read.
#[derive(Clone, Debug, Args)]
pub struct ReadingArgs {
    /// Folder of a named data set's files [default: LAYERLENS_DATA_DIR, the XDG data folder, /usr/share/datasets]
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub data_dir: Option<PathBuf>,
    /// Groups of classes that become the labels: fashion-5, fashion-5-names (for labels grouped before), or a .toml or .csv file
    #[arg(long, value_name = "NAME|FILE", help_heading = "Data")]
    pub label_groups: Option<String>,
    /// CSV files have no header: every line is data
    #[arg(long, help_heading = "Data")]
    pub no_header: bool,
}

fn dataset_help() -> String {
    let names = DATASETS.iter().map(|entry| format!("{} ({})", entry.name, entry.summary)).collect::<Vec<_>>();
    format!(
        "Data set: {}; or a path: a folder of IDX, CSV or .npy files or of images (train/CLASS/*.png), or a .npz file",
        names.join("; ")
    )
}

impl DataArgs {
    /// The library's form of the flags.
    pub fn request(&self) -> Request {
        self.reading.request(&self.dataset)
    }

    /// The flags by which a later command meets the same data.
    pub fn again(&self) -> String {
        let ReadingArgs { data_dir, label_groups, no_header } = &self.reading;
        let folder = data_dir.as_ref().map_or(String::new(), |folder| format!(" --data-dir {}", folder.display()));
        let groups = label_groups.as_ref().map_or(String::new(), |groups| format!(" --label-groups {groups}"));
        let header = if *no_header { " --no-header" } else { "" };
        format!("--dataset {}{folder}{groups}{header}", self.dataset)
    }
}

impl ReadingArgs {
    /// A request for `dataset`.
    pub fn request(&self, dataset: &str) -> Request {
        Request {
            dataset: dataset.into(),
            data_dir: self.data_dir.clone(),
            label_groups: self.label_groups.clone(),
            header: if self.no_header { Header::None } else { Header::Auto },
        }
    }
}
