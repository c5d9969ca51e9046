//! What data are asked for: a name or a path, and how they are to be read.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Whether the first line of a CSV file may be a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// Decided by the content of the line and by the counts of rows.
    #[default]
    Auto,
    /// There is none: every line is data.
    None,
}

/// Which column of a CSV file holds the labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LabelColumn {
    /// The first.
    First,
    /// The last.
    Last,
    /// None: every column holds pixels, whatever the header calls it.
    None,
    /// This one, counted from 1.
    Number(usize),
    /// The one that the header calls so.
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

/// Height and width of images in pixels, both at least 1; `28x28` in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageShape {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
}

impl ImageShape {
    /// Pixels of an image, if they can be counted.
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

/// A colour: what transparent pixels lie over. White by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(
    /// Red, green and blue, from 0 to 255.
    pub [u8; 3],
);

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

/// The data of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// A name in [`super::DATASETS`], or the path of a folder or file.
    pub dataset: String,
    /// Where the files of a named data set are, if not in the usual places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Groups of classes that become the labels: a built-in name or a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_groups: Option<String>,
    /// How CSV files begin.
    pub header: Header,
    /// The column of labels in CSV files with labels and pixels, if the files do not say it, or say
    /// it wrongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_column: Option<LabelColumn>,
    /// Height and width of the images, where the files give the number of pixels alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_shape: Option<ImageShape>,
    /// What transparent pixels of image files lie over, if not white.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Colour>,
    /// Whether rows and columns of pixels are to be exchanged, as EMNIST's files need it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transpose: bool,
    /// Names of the classes: a file or names with commas between, as [`super::parse_names`] takes
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_names: Vec<String>,
}

impl Request {
    /// Asks for `dataset` as it is.
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
        for text in ["28", "0x4", "x", "28x28x1", "-1x3"] {
            assert!(text.parse::<ImageShape>().is_err(), "{text}");
        }
        for text in ["", "#fff", "#12345g", "#éééx", "grey"] {
            assert!(text.parse::<Colour>().is_err(), "{text}");
        }
        assert!("0".parse::<LabelColumn>().is_err());
    }
}
