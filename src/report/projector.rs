//! Files for TensorBoard's Embedding Projector.
//!
//! | file | what |
//! |---|---|
//! | `tensors/<name>.bytes` | a matrix of at least three columns: 32-bit floats, little-endian, row after row; its shape is in the configuration |
//! | `tensors/<name>.tsv` | the same as text, where those bytes would be read as text |
//! | `metadata.tsv` | a line of names, then a line a point |
//! | `sprite.png` | the points' images, as many columns as rows |
//! | `projector_config.pbtxt` | the configuration that TensorBoard reads when it is started on the folder |
//! | `projector_config.json` | the same for the projector alone, projector.tensorflow.org |
//!
//! TensorBoard (`tensorboard/plugins/projector/projector_plugin.py`) finds paths beside its
//! configuration. The projector alone (`vz_projector/data-provider-demo.ts`) fetches them relative
//! to its own page, unless they are whole addresses.

use super::pictures::sheet;
use crate::dataset::Images;
use crate::error::{Error, Result};
use crate::files::{create_folder, write_atomic};
use crate::matrix::Matrix;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The file by which TensorBoard knows the folder.
pub const CONFIG: &str = "projector_config.pbtxt";
/// Points that TensorBoard reads of a tensor.
pub const MAX_POINTS: usize = 100_000;
/// Dimensions that the projector needs: it looks at three, and shows nothing of points that have
/// fewer.
const LEAST_FEATURES: usize = 3;
/// Longest side of a sprite image, in pixels.
pub const MAX_SPRITE: usize = 8192;
const METADATA: &str = "metadata.tsv";
const SPRITE: &str = "sprite.png";
const TENSORS: &str = "tensors";
const ADDRESSES: &str = "projector_config.json";

/// `true` if the folder holds what a projector's folder does and nothing else: TensorBoard's own
/// logs have a file [`CONFIG`] too.
pub fn is_export(folder: &Path) -> bool {
    let ours = [CONFIG, METADATA, SPRITE, TENSORS, ADDRESSES];
    let known = |entry: std::fs::DirEntry| ours.iter().any(|name| entry.file_name() == *name);
    let tensor = |entry: std::fs::DirEntry| {
        entry.path().extension().is_some_and(|end| end == "bytes" || end == "tsv")
    };
    let all = |folder: &Path, known: &dyn Fn(std::fs::DirEntry) -> bool| {
        std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().all(known))
    };
    folder.join(CONFIG).is_file() && all(folder, &known) && all(&folder.join(TENSORS), &tensor)
}

/// A folder that is being filled.
#[derive(Debug)]
pub struct Projector {
    folder: PathBuf,
    tensors: Vec<Tensor>,
    has_metadata: bool,
    /// Width and height of an image.
    sprite: Option<(usize, usize)>,
}

#[derive(Debug)]
struct Tensor {
    name: String,
    /// Below the folder.
    file: String,
    shape: (usize, usize),
}

/// Metadata of the points: the name of a column, and one text for each point.
pub type MetadataColumn = (&'static str, Vec<String>);

impl Projector {
    /// Begins in an empty folder.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), tensors: Vec::new(), has_metadata: false, sprite: None }
    }

    /// Writes a matrix, one row a point; fewer than three columns are followed by columns of zeros,
    /// which changes no distance.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn add_tensor(&mut self, name: &str, values: &Matrix) -> Result<()> {
        let zeros = LEAST_FEATURES.saturating_sub(values.n_features());
        let rows = || {
            values.rows().map(|row| row.iter().copied().chain(std::iter::repeat_n(0.0_f32, zeros)))
        };
        let bytes: Vec<u8> = rows().flatten().flat_map(f32::to_le_bytes).collect();
        let is_text = seems_text(&bytes);
        let file = format!("{TENSORS}/{name}.{}", if is_text { "tsv" } else { "bytes" });
        let path = self.folder.join(&file);
        create_folder(path.parent().unwrap_or(&self.folder))?;
        if is_text {
            let text =
                rows().map(|row| line(row.map(|value| value.to_string()))).collect::<String>();
            write_atomic(&path, |writer| writer.write_all(text.as_bytes()))?;
        } else {
            write_atomic(&path, |writer| writer.write_all(&bytes))?;
        }
        self.tensors.push(Tensor {
            name: name.into(),
            file,
            shape: (values.n_samples(), values.n_features() + zeros),
        });
        Ok(())
    }

    /// Writes the metadata of each point. A lone column has no header, as the projector expects it.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_metadata(&mut self, columns: &[MetadataColumn]) -> Result<()> {
        let Some((_, first)) = columns.first() else { return Ok(()) };
        let mut text = String::new();
        if columns.len() > 1 {
            text += &line(columns.iter().map(|(name, _)| (*name).to_owned()));
        }
        for row in 0..first.len() {
            text += &line(columns.iter().map(|(_, values)| cell(&values[row])));
        }
        write_atomic(&self.folder.join(METADATA), |writer| writer.write_all(text.as_bytes()))?;
        self.has_metadata = true;
        Ok(())
    }

    /// Writes the images on one sheet, shrunk where it would have more than [`MAX_SPRITE`] pixels a
    /// side, and gives the width and height that each has there.
    ///
    /// # Errors
    /// As [`sheet`]; [`Error::Write`].
    pub fn write_sprite(&mut self, pictures: &Images) -> Result<(usize, usize)> {
        let sheet = sheet(pictures, MAX_SPRITE)?;
        write_atomic(&self.folder.join(SPRITE), |writer| writer.write_all(&sheet.png))?;
        self.sprite = Some(sheet.size);
        Ok(sheet.size)
    }

    /// Writes both configurations. `url` is the address under which the folder will be found, if it
    /// is known.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(self, url: Option<&str>) -> Result<()> {
        let text: String = self.tensors.iter().map(|tensor| self.message(tensor)).collect();
        write_atomic(&self.folder.join(CONFIG), |writer| writer.write_all(text.as_bytes()))?;
        let address = |file: &str| match url {
            Some(url) => format!("{}/{}", url.trim_end_matches('/'), percent_encoded(file)),
            None => percent_encoded(file),
        };
        let embeddings: Vec<Value> =
            self.tensors.iter().map(|tensor| self.object(tensor, &address)).collect();
        let path = self.folder.join(ADDRESSES);
        let text = serde_json::to_vec_pretty(&json!({ "embeddings": embeddings }));
        let text = text.map_err(|error| Error::write(&path, error.into()))?;
        write_atomic(&path, |writer| writer.write_all(&text))
    }

    /// A tensor in the text format of protocol buffers.
    fn message(&self, tensor: &Tensor) -> String {
        let mut text = format!(
            "embeddings \
             {{\n  tensor_name: {}\n  tensor_path: {}\n  tensor_shape: {}\n  tensor_shape: {}\n",
            quoted(&tensor.name),
            quoted(&tensor.file),
            tensor.shape.0,
            tensor.shape.1
        );
        if self.has_metadata {
            let _ = writeln!(text, "  metadata_path: {}", quoted(METADATA));
        }
        if let Some((width, height)) = self.sprite {
            let size = format!("    single_image_dim: {width}\n    single_image_dim: {height}\n");
            let _ = write!(text, "  sprite {{\n    image_path: {}\n{size}  }}\n", quoted(SPRITE));
        }
        text + "}\n"
    }

    fn object(&self, tensor: &Tensor, address: &dyn Fn(&str) -> String) -> Value {
        let mut object = json!({
            "tensorName": tensor.name,
            "tensorShape": [tensor.shape.0, tensor.shape.1],
            "tensorPath": address(&tensor.file),
        });
        if self.has_metadata {
            object["metadataPath"] = address(METADATA).into();
        }
        if let Some((width, height)) = self.sprite {
            object["sprite"] =
                json!({ "imagePath": address(SPRITE), "singleImageDim": [width, height] });
        }
        object
    }
}

/// `true` if TensorBoard would take the bytes for a table: it reads them as text, and as floats
/// only if their first line is none.
fn seems_text(bytes: &[u8]) -> bool {
    let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or(bytes);
    std::str::from_utf8(first).is_ok()
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join("\t") + "\n"
}

/// A text of one line and one column.
fn cell(text: &str) -> String {
    text.replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

/// A string of the text format.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_ascii_control() => {
                let _ = write!(quoted, "\\{:03o}", letter as u32);
            }
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

/// A path as a part of an address: every byte that means something there stands as its number.
fn percent_encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let encoded = path.bytes().map(|byte| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_for_where_they_stand() {
        assert_eq!(quoted("a\"b\\c\td é"), "\"a\\\"b\\\\c\\011d é\"");
        assert_eq!(percent_encoded("tensors/a b#1 é.bytes"), "tensors/a%20b%231%20%C3%A9.bytes");
        assert_eq!(cell("a\tb\nc"), "a\\tb\\nc");
    }

    #[test]
    fn bytes_whose_first_line_is_no_text_are_known() {
        assert!(seems_text(&[0; 16]) && seems_text(b"0.5\n\xff"));
        assert!(!seems_text(&0.2_f32.to_le_bytes()));
    }
}
