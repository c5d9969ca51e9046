//! The error type of the library, and the exit code of each kind of failure.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any failure, worded for the person who has to act on it. Advice names a field together with its
/// struct, for example `` `Tsne::learning_rate` ``, also in
/// [notes](crate::progress::Reporter::note) and warnings. A program with other names for these
/// fields, such as the command line, can substitute its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter lies outside its range, whatever the data.
    #[error("{name} = {value}: {expected}")]
    Parameter {
        /// Field of the struct, or key of the file, that holds the parameter, for example
        /// `perplexity`.
        name: String,
        /// Given value.
        value: String,
        /// Allowed values.
        expected: String,
    },
    /// An input file is absent, unreadable, malformed or does not fit another input.
    #[error("{}: {message}", path.display())]
    Input {
        /// Path of the file.
        path: PathBuf,
        /// Fault of the file and what was expected instead.
        message: String,
    },
    /// The data do not allow the requested computation, wherever they came from.
    #[error("{0}")]
    Data(String),
    /// A file could not be downloaded, or its content is not the expected one.
    #[error("{url}: {message}")]
    Fetch {
        /// Address of the file.
        url: String,
        /// Answer of the server.
        message: String,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Reason given by the operating system.
        source: std::io::Error,
    },
    /// The output folder exists already and may not be replaced.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// A GPU was requested and none can be used.
    #[error("no usable GPU: {0}")]
    NoGpu(String),
    /// A kernel was rejected, or failed while it ran.
    #[error("GPU kernel `{kernel}` failed: {message}")]
    Kernel {
        /// Entry point of the shader.
        kernel: String,
        /// Message of the driver or the validator.
        message: String,
    },
    /// The device has not enough memory, or a buffer is larger than its limits.
    #[error("the GPU cannot hold `{buffer}` of {bytes} bytes: {message}")]
    GpuMemory {
        /// Purpose of the buffer.
        buffer: String,
        /// Size of the buffer.
        bytes: u64,
        /// Message of the driver.
        message: String,
    },
    /// The device stopped responding, for example after a driver reset or when the card was
    /// unplugged.
    #[error("the GPU was lost during `{during}`: {message}")]
    DeviceLost {
        /// Kernel or transfer that was waited for.
        during: String,
        /// Message of the driver.
        message: String,
    },
    /// Training failed inside burn.
    #[error("training failed: {0}")]
    Training(String),
    /// The crate was built without a required feature.
    #[error("{what} needs the feature `{feature}`, without which this program was built")]
    Feature {
        /// Requested operation.
        what: &'static str,
        /// Cargo feature that it needs.
        feature: &'static str,
    },
    /// A figure could not be drawn.
    #[error("cannot draw {}: {message}", path.display())]
    Figure {
        /// Path of the figure's file.
        path: PathBuf,
        /// Message of the drawing library.
        message: String,
    },
    /// An internal error of the program or of a library below it: an assumption does not hold.
    #[error("this is a fault of the program: {message} (at {place})")]
    Fault {
        /// Violated assumption.
        message: String,
        /// Source location, if known.
        place: String,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// An [`Error::Input`] about `path`.
    pub fn input(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Self::Input { path: path.as_ref().to_owned(), message: message.into() }
    }

    /// An [`Error::Input`] about a `path` that is no regular file, but a folder or a device.
    pub(crate) fn no_file(path: &Path, metadata: &Metadata) -> Self {
        let found = if metadata.is_dir() { "is a folder" } else { "is no regular file" };
        Self::input(path, format!("{found}, expected a file"))
    }

    /// The same error with the data's file: an [`Error::Data`] becomes an [`Error::Input`].
    #[must_use]
    pub fn of_file(self, path: impl AsRef<Path>) -> Self {
        match self {
            Self::Data(message) => Self::input(path, message),
            other => other,
        }
    }

    /// An [`Error::Write`] about `path`.
    pub fn write(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Write { path: path.as_ref().to_owned(), source }
    }

    /// An [`Error::Parameter`]; `name` is the name of the field.
    pub fn parameter(name: &str, value: impl ToString, expected: impl Into<String>) -> Self {
        Self::Parameter { name: name.into(), value: value.to_string(), expected: expected.into() }
    }

    /// An [`Error::Feature`] for an operation that only a build with burn supports.
    #[cfg(not(feature = "train"))]
    pub(crate) fn without_train(what: &'static str) -> Self {
        Self::Feature { what, feature: "train" }
    }

    /// Process exit code: 1 failure, 2 usage, 3 bad or missing input, 4 requested GPU unusable, 130
    /// interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Parameter { .. } => 2,
            Self::Input { .. } | Self::Data(_) | Self::Fetch { .. } => 3,
            Self::NoGpu(_) => 4,
            Self::Interrupted => 130,
            Self::Write { .. }
            | Self::Exists(_)
            | Self::Kernel { .. }
            | Self::GpuMemory { .. }
            | Self::DeviceLost { .. }
            | Self::Training(_)
            | Self::Feature { .. }
            | Self::Figure { .. }
            | Self::Fault { .. } => 1,
        }
    }
}
