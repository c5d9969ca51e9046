//! Flags that say which data.

use clap::Args;
use layerlens::dataset::{
    Channels, Colour, DATASETS, Header, ImageShape, LabelColumn, Request, formats_text,
};
use layerlens::format::quoted;
use std::path::PathBuf;

/// The data, and the options of reading them.
#[derive(Clone, Debug, Args)]
pub struct DataArgs {
    /// Data set
    #[arg(long, default_value = "fashion-mnist-sample", help = dataset_help(), help_heading = "Data")]
    pub dataset: String,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Options of reading data.
#[derive(Clone, Debug, Args)]
pub struct ReadingArgs {
    /// Folder of a named data set's files [default: LAYERLENS_DATA_DIR, the XDG data folder,
    /// /usr/share/datasets]
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub data_dir: Option<PathBuf>,
    /// Groups of classes that become the labels: fashion-5, fashion-5-names (for labels grouped
    /// before), or a .toml or .csv file
    #[arg(long, value_name = "NAME|FILE", help_heading = "Data")]
    pub label_groups: Option<String>,
    /// CSV files have no header: every line is data
    #[arg(long, help_heading = "Data")]
    pub no_header: bool,
    /// Column of the labels in CSV and Parquet files: first, last, its number from 1, or
    /// its name in the header; none where a column of pixels is called like labels [default: the
    /// one that the header calls label, labels, class, target, digit, y, ...; else the first or the
    /// last, found by the values]
    #[arg(long, value_name = "NAME|N|first|last|none", help_heading = "Data")]
    pub label_column: Option<LabelColumn>,
    /// Height and width of the images in CSV files and flat arrays: 28x20 [default: as the header
    /// or of the array, else square]
    #[arg(long, value_name = "HxW", help_heading = "Data")]
    pub image_shape: Option<ImageShape>,
    /// Background of transparent pixels in image files, and beside images that are scaled: white,
    /// black or #rrggbb [default: white]
    #[arg(long, value_name = "COLOUR", help_heading = "Data")]
    pub background: Option<Colour>,
    /// Height and width to which image files are scaled, proportions kept: 64x64 [default: their
    /// own if they have one size, else 64x64, or less if all are smaller]
    #[arg(long, value_name = "HxW", help_heading = "Data")]
    pub size: Option<ImageShape>,
    /// Values of a pixel of image files: grey, rgb, or auto, which is grey if no pixel has a colour
    /// [default: auto]
    #[arg(long, value_name = "grey|rgb|auto", help_heading = "Data")]
    pub channels: Option<Channels>,
    /// Part to train on: a folder, a split of Parquet files, or the word in the names of arrays and
    /// CSV files: val, extra [default: train]
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    pub train_part: Option<String>,
    /// Part to test on [default: test; without one the validation part: val, valid, validation, dev]
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    pub test_part: Option<String>,
    /// Exchange rows and columns of pixels; those of EMNIST's files always are
    #[arg(long, help_heading = "Data")]
    pub transpose: bool,
    /// Names of the classes of data that have none, in the order of the labels: with commas
    /// between, in double quotes where a name holds one, or a .txt file with one a line [default:
    /// class_names.txt beside the data, or class_names in a .npz file]
    #[arg(long, value_name = "NAMES|FILE", help_heading = "Data")]
    pub class_names: Vec<String>,
}

fn dataset_help() -> String {
    let names = DATASETS
        .iter()
        .map(|entry| format!("{} ({})", entry.name, entry.summary))
        .collect::<Vec<_>>();
    format!("Data set: {}; or the path of a folder of {}", names.join("; "), formats_text())
}

/// Help of the flag of strangers.
pub fn strangers_help() -> &'static str {
    "Images of another kind than the data, without labels: a folder of image files, in subfolders \
     too, a .npy or IDX file, or a data set as of --dataset, of which the test images are taken. \
     They are scaled to the size of the data, and neither trained on nor scored: the layer profile \
     says which layers notice them"
}

impl DataArgs {
    /// The library's form of the flags.
    pub fn request(&self) -> Request {
        self.reading.request(&self.dataset)
    }

    /// The flags by which a later command meets the same data.
    pub fn again(&self) -> String {
        format!("--dataset {}{}", quoted(&self.dataset), self.reading.again())
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
            label_column: self.label_column.clone(),
            image_shape: self.image_shape,
            background: self.background,
            size: self.size,
            common_side: None,
            channels: self.channels,
            train_part: self.train_part.clone(),
            test_part: self.test_part.clone(),
            transpose: self.transpose,
            class_names: self.class_names.clone(),
        }
    }

    /// The flags as a shell takes them, each after a space.
    fn again(&self) -> String {
        let Self {
            data_dir,
            label_groups,
            no_header,
            label_column,
            image_shape,
            background,
            size,
            channels,
            train_part,
            test_part,
            transpose,
            class_names,
        } = self;
        let values = [
            ("--data-dir", data_dir.as_ref().map(|folder| folder.display().to_string())),
            ("--label-groups", label_groups.clone()),
            ("--label-column", label_column.as_ref().map(ToString::to_string)),
            ("--image-shape", image_shape.map(|shape| shape.to_string())),
            ("--background", background.map(|colour| colour.to_string())),
            ("--size", size.map(|size| size.to_string())),
            ("--channels", channels.map(|channels| channels.to_string())),
            ("--train-part", train_part.clone()),
            ("--test-part", test_part.clone()),
        ];
        let names = class_names.iter().map(|names| ("--class-names", Some(names.clone())));
        let given = values
            .into_iter()
            .chain(names)
            .filter_map(|(flag, value)| value.map(|value| (flag, value)));
        let words = given.map(|(flag, value)| format!(" {flag} {}", quoted(&value)));
        let switches = [("--no-header", no_header), ("--transpose", transpose)];
        let switches =
            switches.into_iter().filter(|(_, is_set)| **is_set).map(|(flag, _)| format!(" {flag}"));
        words.chain(switches).collect()
    }
}
