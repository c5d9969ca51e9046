//! Binary blocks of the page: arrays as byte planes, deflated, in base64; images as they are.
//!
//! All lowest bytes first, then all next ones: the high bytes of neighbouring values are alike, and
//! deflate finds that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::io::Write as _;

/// Whole numbers of one size.
#[derive(Clone, Debug)]
pub(super) enum Numbers {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
}

impl Numbers {
    /// Numbers below `limit` in as few bytes as hold all of them.
    pub(super) fn below(limit: usize, numbers: impl Iterator<Item = u32>) -> Self {
        match limit {
            0..=0x100 => Self::U8(numbers.map(|number| number as u8).collect()),
            0x101..=0x1_0000 => Self::U16(numbers.map(|number| number as u16).collect()),
            _ => Self::U32(numbers.collect()),
        }
    }

    /// Numbers of two bytes at least.
    pub(super) fn indices(n: usize, numbers: &[u32]) -> Self {
        Self::below(n.max(0x101), numbers.iter().copied())
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "u8",
            Self::U16(_) => "u16",
            Self::U32(_) => "u32",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::U8(numbers) => numbers.len(),
            Self::U16(numbers) => numbers.len(),
            Self::U32(numbers) => numbers.len(),
        }
    }

    /// The bytes, plane by plane.
    fn planes(&self) -> Vec<u8> {
        fn planes<T: Copy>(numbers: &[T], size: u32, byte: impl Fn(T, u32) -> u8) -> Vec<u8> {
            (0..size)
                .flat_map(|plane| numbers.iter().map(move |&number| (number, plane)))
                .map(|(number, plane)| byte(number, plane))
                .collect()
        }
        match self {
            Self::U8(numbers) => numbers.clone(),
            Self::U16(numbers) => planes(numbers, 2, |number, plane| (number >> (8 * plane)) as u8),
            Self::U32(numbers) => planes(numbers, 4, |number, plane| (number >> (8 * plane)) as u8),
        }
    }
}

/// Content of a block.
enum Content {
    Numbers(Numbers),
    Raw(Vec<u8>),
}

/// All blocks of a page.
#[derive(Default)]
pub(super) struct Blocks {
    list: Vec<(String, Content)>,
}

impl Blocks {
    /// Adds an array and describes it for the page's JSON. `name` consists of letters, digits and
    /// dashes.
    pub(super) fn array(&mut self, name: String, numbers: Numbers) -> Value {
        let description = json!({ "block": name, "type": numbers.type_name(), "n": numbers.len() });
        self.list.push((name, Content::Numbers(numbers)));
        description
    }

    /// Adds a file that is compressed already.
    pub(super) fn raw(&mut self, name: String, bytes: Vec<u8>) {
        self.list.push((name, Content::Raw(bytes)));
    }

    /// The elements of the page, in the order in which they were added.
    pub(super) fn html(&self) -> String {
        let element = |(name, content): &(String, Content)| {
            let (encoding, text) = match content {
                Content::Numbers(numbers) => {
                    ("deflate", STANDARD.encode(deflated(&numbers.planes())))
                }
                Content::Raw(bytes) => ("raw", STANDARD.encode(bytes)),
            };
            format!(
                "<script type=\"application/octet-stream\" id=\"block-{name}\" \
                 data-encoding=\"{encoding}\">{text}</script>\n"
            )
        };
        self.list.par_iter().map(element).collect::<Vec<_>>().concat()
    }
}

/// A zlib stream.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes what is written")
}

/// A file as the value of an `src`.
pub(super) fn data_url(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_bytes_come_first() {
        assert_eq!(Numbers::U16(vec![0x0102, 0x0304]).planes(), [2, 4, 1, 3]);
        assert_eq!(Numbers::U32(vec![0x0102_0304, 5]).planes(), [4, 5, 3, 0, 2, 0, 1, 0]);
    }

    #[test]
    fn numbers_take_as_few_bytes_as_hold_them() {
        let name = |limit| Numbers::below(limit, [0].into_iter()).type_name();
        assert_eq!([2, 256, 257, 65_536, 65_537].map(name), ["u8", "u8", "u16", "u16", "u32"]);
        assert_eq!(Numbers::indices(3, &[2]).type_name(), "u16");
    }
}
