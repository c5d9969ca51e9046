//! Request for data: a name or a path, and options for reading.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Treatment of the first line of CSV files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// Decided by the content of the line and the counts of rows.
    #[default]
    Auto,
    /// No header: every line is data.
    None,
}

/// Column of a CSV file with the labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LabelColumn {
    /// The first.
    First,
    /// The last.
    Last,
    /// None: every column holds pixels, whatever its name in the header.
    None,
    /// The column with this number, from 1.
    Number(usize),
    /// The column with this name in the header.
    Name(String),
}

impl FromStr for LabelColumn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "" => Err("expected first, last, none, the number of a column, from 1, or its name in the header".into()),
            "first" => Ok(Self::First),
            "last" => Ok(Self::Last),
            "none" => Ok(Self::None),
            _ => match text.parse() {
                Ok(0) => Err("columns are counted from 1".into()),
                Ok(number) => Ok(Self::Number(number)),
                Err(_) => Ok(Self::Name(text.into())),
            },
        }
    }
}

impl fmt::Display for LabelColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => write!(f, "first"),
            Self::Last => write!(f, "last"),
            Self::None => write!(f, "none"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

/// Height and width of images in pixels, both at least 1; `28x28` as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageShape {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
}

impl ImageShape {
    /// Number of pixels of an image; `None` if it overflows.
    pub fn n_pixels(self) -> Option<usize> {
        self.height.checked_mul(self.width)
    }
}

impl FromStr for ImageShape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sizes = text
            .trim()
            .split(['x', 'X', '\u{d7}'])
            .map(|size| size.trim().parse().ok().filter(|&size| size > 0));
        match sizes.collect::<Option<Vec<usize>>>().as_deref() {
            Some(&[height, width]) => Ok(Self { height, width }),
            _ => Err("expected height and width in pixels: 28x28".into()),
        }
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

/// Background colour of transparent pixels. White by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(
    /// Red, green and blue, from 0 to 255.
    pub [u8; 3],
);

impl Colour {
    /// `true` if red, green and blue are equal.
    pub fn is_grey(self) -> bool {
        self.0 == [self.0[0]; 3]
    }
}

impl Default for Colour {
    fn default() -> Self {
        Self([255; 3])
    }
}

impl FromStr for Colour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits =
            |text: &str| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.to_lowercase().as_str() {
            "white" => Ok(Self([255; 3])),
            "black" => Ok(Self([0; 3])),
            code => match code
                .strip_prefix('#')
                .filter(|code| digits(code))
                .map(|code| u32::from_str_radix(code, 16))
            {
                Some(Ok(value)) => Ok(Self([16, 8, 0].map(|shift| (value >> shift) as u8))),
                _ => Err(
                    "expected white, black, or red, green and blue in hexadecimal digits: #80c0ff"
                        .into(),
                ),
            },
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [255, 255, 255] => write!(f, "white"),
            [0, 0, 0] => write!(f, "black"),
            [red, green, blue] => write!(f, "#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

/// Values of a pixel of image files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Channels {
    /// Grey if no pixel of any image has a colour, else red, green and blue.
    #[default]
    Auto,
    /// One: 0.2126 red + 0.7152 green + 0.0722 blue.
    Grey,
    /// Red, green and blue.
    Rgb,
}

impl FromStr for Channels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "grey" | "gray" => Ok(Self::Grey),
            "rgb" => Ok(Self::Rgb),
            _ => Err("expected auto, grey or rgb".into()),
        }
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Grey => "grey",
            Self::Rgb => "rgb",
        })
    }
}

macro_rules! as_text {
    ($name:ty) => {
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

as_text!(LabelColumn);
as_text!(ImageShape);
as_text!(Colour);
as_text!(Channels);

/// Request for the data of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Name in [`super::DATASETS`], or path of a folder or file.
    pub dataset: String,
    /// Folder with the files of a named data set, if not a usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Groups of classes that become the labels: a built-in name or the path of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_groups: Option<String>,
    /// Treatment of the first line of CSV files.
    pub header: Header,
    /// Column of the labels in CSV files with labels and pixels, if the files do not name it
    /// correctly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_column: Option<LabelColumn>,
    /// Height and width of the images, if the files only give the number of pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_shape: Option<ImageShape>,
    /// Background of transparent pixels of image files, if not white; also beside images that are
    /// scaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Colour>,
    /// Height and width to which image files are scaled, their proportions kept. By default they
    /// keep their size if all have one; otherwise they become squares of
    /// [`Self::common_side`], or of their longest side if that is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<ImageShape>,
    /// Side of the square that image files of several sizes become, if not 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_side: Option<usize>,
    /// Values of a pixel of image files, if that is not for their content to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Channels>,
    /// Part to train on, in letters of any case, if not `train`: a folder, a split of Parquet files,
    /// or the word in the names of arrays and CSV files, which must be a usual one (`val`, `valid`,
    /// `validation`, `dev`, `test`, `extra`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_part: Option<String>,
    /// Part to test on, if not `test` or, without one, the validation part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_part: Option<String>,
    /// `true` if rows and columns of pixels should be exchanged; those of EMNIST's files always are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transpose: bool,
    /// Names of the classes: a file, or names separated by commas, as [`super::parse_names`]
    /// accepts them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_names: Vec<String>,
}

impl Request {
    /// Request for `dataset` without options.
    pub fn new(dataset: impl Into<String>) -> Self {
        Self { dataset: dataset.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_written_alike() {
        for text in ["first", "last", "none", "3", "kind of digit"] {
            assert_eq!(text.parse::<LabelColumn>().unwrap().to_string(), text);
        }
        assert_eq!("28x20".parse(), Ok(ImageShape { height: 28, width: 20 }));
        assert_eq!("4 X 9".parse(), Ok(ImageShape { height: 4, width: 9 }));
        assert_eq!(
            [("white", [255; 3]), ("#000000", [0; 3]), ("#80C0ff", [128, 192, 255])]
                .map(|(text, colour)| text.parse() == Ok(Colour(colour))),
            [true; 3]
        );
        assert_eq!(Colour([128, 192, 255]).to_string(), "#80c0ff");
        for text in ["auto", "grey", "rgb"] {
            assert_eq!(text.parse::<Channels>().unwrap().to_string(), text);
        }
        assert!("3".parse::<Channels>().is_err());
        for text in ["28", "0x4", "x", "28x28x1", "-1x3"] {
            assert!(text.parse::<ImageShape>().is_err(), "{text}");
        }
        for text in ["", "#fff", "#12345g", "#éééx", "grey"] {
            assert!(text.parse::<Colour>().is_err(), "{text}");
        }
        assert!("0".parse::<LabelColumn>().is_err());
    }
}
