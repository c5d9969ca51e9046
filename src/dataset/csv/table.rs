//! A CSV file of small integers, read in blocks that all threads parse while the next one is being
//! read.

use super::header::First;
use super::parse::{Flaw, PADDING, Wrong, fields, first_line, parse_lines};
use crate::dataset::Header;
use crate::dataset::source::{Hashed, Source};
use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use rayon::prelude::*;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Number of bytes of text that are parsed at once; only two such blocks and the values of one are
/// held beside the result.
const BLOCK: usize = 1 << 21;

/// Maximum number of bytes of a line.
const MAX_LINE: usize = 1 << 24;

const BOM: &[u8] = b"\xef\xbb\xbf";
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Content of the columns, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Pixels alone.
    Pixels,
    /// Labels alone.
    Labels,
    /// Pixels, and the label in this column, from 0, if it is already known.
    Both(Option<usize>),
}

/// Values of a file.
pub(super) struct Table {
    pub path: PathBuf,
    pub columns: usize,
    /// The first line, which may be a header.
    pub first: First,
    /// Values of all lines, row after row; the first line is included only if it is certainly data.
    pub values: Vec<u8>,
    content: Content,
    pub source: Source,
}

impl Table {
    /// `true` if the first line could be a header or data.
    pub fn is_unsure(&self) -> bool {
        matches!(self.first, First::Count(_))
    }

    /// Reads `path`, plain or gzip-compressed; `content` receives the first line and the number of
    /// columns.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file, and line and column if one is at fault; any error of
    /// `content`.
    pub fn read(
        path: &Path,
        header: Header,
        content: impl FnOnce(&First, usize) -> Result<Content>,
    ) -> Result<Self> {
        let mut text = Text::open(path)?;
        let mut block = text.next_block(Vec::new())?;
        if block.end == 0 {
            return Err(Error::input(
                path,
                "is empty, expected lines of whole numbers with commas between",
            ));
        }
        let head = fields(first_line(&block.bytes[..block.end]));
        if head.iter().all(|field| field.trim().is_empty()) {
            return Err(Error::input(
                path,
                "line 1 is empty, expected a header, or whole numbers with commas between",
            ));
        }
        block.start = memchr::memchr(b'\n', &block.bytes).map_or(block.end, |end| end + 1);
        let mut table = Self::new(path, header, head, content)?;
        // The shortest possible length of a row; the part that is not needed is never touched and
        // takes no memory.
        if !text.compressed {
            table.values.reserve(text.stored_len as usize / 2);
        }
        let mut spare = Vec::new();
        while block.start < block.end {
            let columns = table.columns;
            let (parsed, next) = rayon::join(
                || parse_block(&block, columns),
                || text.next_block(std::mem::take(&mut spare)),
            );
            for part in parsed {
                let values = part.map_err(|flaw| {
                    table.refuse(table.rows() + table.skipped() + flaw.line + 1, &flaw.what)
                })?;
                table.values.extend_from_slice(&values);
            }
            spare = std::mem::replace(&mut block, next?).bytes;
        }
        table.values.shrink_to_fit();
        table.source = text.close();
        Ok(table)
    }

    /// A table with at most its first line.
    fn new(
        path: &Path,
        header: Header,
        head: Vec<String>,
        content: impl FnOnce(&First, usize) -> Result<Content>,
    ) -> Result<Self> {
        let columns = head.len();
        let first = if header == Header::None { First::as_data(head) } else { First::new(head) };
        let content = content(&first, columns)?;
        let source = Source::new("", &[], &[]);
        let mut table =
            Self { path: path.into(), columns, first, values: Vec::new(), content, source };
        match table.first.clone() {
            First::Flaw(column, found) => return Err(table.refuse(1, &Wrong::Value(column, found))),
            First::Data(values) => table.values = values,
            First::Header(_) | First::Count(_) => {}
        }
        Ok(table)
    }

    /// A table without a header.
    #[cfg(test)]
    pub fn of(values: Vec<u8>, columns: usize) -> Self {
        let first = First::Data(values[..columns].into());
        let content = Content::Both(None);
        let source = Source::new("", &[], &[]);
        Self { path: "x".into(), columns, first, values, content, source }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// Removes a column from every row and returns it.
    pub fn take_column(&mut self, column: usize) -> Vec<u8> {
        let columns = self.columns;
        let taken = self.values.iter().skip(column).step_by(columns).copied().collect();
        let mut end = 0;
        for start in (0..self.values.len()).step_by(columns) {
            self.values.copy_within(start..start + column, end);
            self.values.copy_within(start + column + 1..start + columns, end + column);
            end += columns - 1;
        }
        self.values.truncate(end);
        self.columns -= 1;
        taken
    }

    /// Number of lines before the first row.
    fn skipped(&self) -> usize {
        usize::from(!matches!(self.first, First::Data(_)))
    }

    /// Treats a first line that could be a header as data.
    pub fn take_first(&mut self) {
        if let First::Count(values) = &self.first {
            self.values.splice(0..0, values.iter().copied());
            self.first = First::Data(values.clone());
        }
    }

    /// Error for a line.
    fn refuse(&self, line: usize, wrong: &Wrong) -> Error {
        let expected = self.columns;
        Error::input(
            &self.path,
            match wrong {
                Wrong::Columns(0) => format!("line {line} is empty, expected {expected} columns"),
                Wrong::Columns(found) => {
                    format!("line {line} has {found} columns, line 1 has {expected}")
                }
                Wrong::Value(column, found) => {
                    let what = match self.content {
                        Content::Both(None) => "",
                        Content::Pixels => "a pixel: ",
                        Content::Both(Some(label)) if label + 1 != *column => "a pixel: ",
                        Content::Labels | Content::Both(Some(_)) => "a label: ",
                    };
                    format!(
                        "line {line}, column {column} is `{found}`, expected {what}a whole number \
                         from 0 to 255"
                    )
                }
            },
        )
    }
}

/// Whole lines of a file: `bytes[start..end]`, followed by padding.
struct Block {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// Values of the lines of a block, parsed in as many parts as keep all threads busy.
fn parse_block(block: &Block, columns: usize) -> Vec<Result<Vec<u8>, Flaw>> {
    let n = 2 * rayon::current_num_threads();
    let mut bounds = vec![block.start];
    for part in 1..=n {
        let at = (block.start + (block.end - block.start) * part / n).max(bounds[part - 1]);
        let rest = &block.bytes[at..block.end];
        bounds.push(memchr::memchr(b'\n', rest).map_or(block.end, |line_end| at + line_end + 1));
    }
    let parts = bounds
        .par_windows(2)
        .map(|ends| parse_lines(&block.bytes[ends[0]..], ends[1] - ends[0], columns));
    parts.collect()
}

/// Decompressed text of a file, in blocks.
struct Text {
    reader: Reader,
    path: PathBuf,
    compressed: bool,
    stored_len: u64,
    /// Text after the last whole line that was returned.
    rest: Vec<u8>,
    at_start: bool,
}

enum Reader {
    Plain(Hashed),
    Gzip(Box<MultiGzDecoder<BufReader<Hashed>>>),
}

impl Text {
    fn open(path: &Path) -> Result<Self> {
        let unreadable =
            |error: std::io::Error| Error::input(path, format!("cannot be read: {error}"));
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(Error::no_file(path, &metadata));
        }
        let mut magic = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(2).read_to_end(&mut magic))
            .map_err(unreadable)?;
        let compressed = magic == GZIP_MAGIC;
        let file = Hashed::open(path)?;
        let reader = match compressed {
            true => {
                Reader::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file))))
            }
            false => Reader::Plain(file),
        };
        Ok(Self {
            reader,
            path: path.into(),
            compressed,
            stored_len: metadata.len(),
            rest: Vec::new(),
            at_start: true,
        })
    }

    /// The next lines, in a buffer that is reused; empty at the end.
    fn next_block(&mut self, mut bytes: Vec<u8>) -> Result<Block> {
        bytes.clear();
        bytes.append(&mut self.rest);
        let end = loop {
            let wanted = (bytes.len() + 1).next_multiple_of(BLOCK);
            bytes.reserve_exact(wanted + PADDING - bytes.len());
            let missing = (wanted - bytes.len()) as u64;
            let n = self.read(missing, &mut bytes)?;
            if std::mem::take(&mut self.at_start) && bytes.starts_with(BOM) {
                bytes.drain(..BOM.len());
            }
            if (n as u64) < missing {
                break finish(&mut bytes);
            }
            match last_lines(&bytes) {
                0 if bytes.len() > MAX_LINE => {
                    let message = format!(
                        "has a line of more than {MAX_LINE} bytes, expected whole numbers with \
                         commas between"
                    );
                    return Err(Error::input(&self.path, message));
                }
                0 => {}
                end => break end,
            }
        };
        self.rest.extend_from_slice(&bytes[end..]);
        bytes.truncate(end);
        bytes.extend_from_slice(&[0; PADDING]);
        Ok(Block { bytes, start: 0, end })
    }

    fn read(&mut self, n: u64, bytes: &mut Vec<u8>) -> Result<usize> {
        let (what, result) = match &mut self.reader {
            Reader::Plain(file) => ("cannot be read", file.take(n).read_to_end(bytes)),
            Reader::Gzip(gzip) => {
                ("the gzip data are truncated or damaged", gzip.take(n).read_to_end(bytes))
            }
        };
        result.map_err(|error| Error::input(&self.path, format!("{what}: {error}")))
    }

    /// Description of the file, which was read to its end.
    fn close(self) -> Source {
        let file = match self.reader {
            Reader::Plain(file) => file,
            Reader::Gzip(gzip) => gzip.into_inner().into_inner(),
        };
        file.source(&self.path)
    }
}

/// End of the last line that is followed by another one. Empty lines are left to the next block,
/// since at the end of the file they do not count.
fn last_lines(bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    while let Some(line_end) = memchr::memrchr(b'\n', &bytes[..end]) {
        let line = first_line(
            &bytes[memchr::memrchr(b'\n', &bytes[..line_end]).map_or(0, |before| before + 1)
                ..=line_end],
        );
        if !line.is_empty() {
            return line_end + 1;
        }
        end = line_end;
    }
    0
}

/// Removes empty lines at the end of the file and completes its last line; returns the new length.
fn finish(bytes: &mut Vec<u8>) -> usize {
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    if !bytes.is_empty() {
        bytes.push(b'\n');
    }
    bytes.len()
}
