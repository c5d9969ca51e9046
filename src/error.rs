//! The library's one error type, and the exit code that each kind of failure maps to.

use std::path::{Path, PathBuf};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, worded for the person who has to act on it. Advice names fields
/// with their structs, `` `Tsne::learning_rate` `` for example, in texts of
/// [notes](crate::progress::Reporter::note) and warnings too: a program that calls them otherwise,
/// as the command line does, can put its own names there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter lies outside its range, whatever the data.
    #[error("{name} = {value}: {expected}")]
    Parameter {
        /// The field of the struct, or the key of the file, that holds the parameter: `perplexity`
        /// for example.
        name: String,
        /// The value that was given.
        value: String,
        /// What is allowed.
        expected: String,
    },
    /// An input file is absent, unreadable, malformed or does not fit another input.
    #[error("{}: {message}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what was expected.
        message: String,
    },
    /// The data, wherever they came from, do not allow what was asked for.
    #[error("{0}")]
    Data(String),
    /// A file could not be fetched, or is not the one that was expected.
    #[error("{url}: {message}")]
    Fetch {
        /// Its address.
        url: String,
        /// What the server did.
        message: String,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The output folder is there already and may not be replaced.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// A GPU was demanded and none can be used.
    #[error("no usable GPU: {0}")]
    NoGpu(String),
    /// A kernel was refused, or failed while it ran.
    #[error("GPU kernel `{kernel}` failed: {message}")]
    Kernel {
        /// Entry point of the shader.
        kernel: String,
        /// The driver's or the validator's words.
        message: String,
    },
    /// The device has not enough memory, or a buffer is larger than its limits.
    #[error("the GPU cannot hold `{buffer}` of {bytes} bytes: {message}")]
    GpuMemory {
        /// What the buffer was for.
        buffer: String,
        /// Its size.
        bytes: u64,
        /// The driver's words.
        message: String,
    },
    /// The device stopped answering: a driver reset, an unplugged card.
    #[error("the GPU was lost during `{during}`: {message}")]
    DeviceLost {
        /// The kernel or transfer that was waited for.
        during: String,
        /// The driver's words.
        message: String,
    },
    /// Training failed inside burn.
    #[error("training failed: {0}")]
    Training(String),
    /// The crate was built without a feature that is needed.
    #[error("{what} needs the feature `{feature}`, without which this program was built")]
    Feature {
        /// What was asked for.
        what: &'static str,
        /// The feature of the crate.
        feature: &'static str,
    },
    /// A figure could not be drawn.
    #[error("cannot draw {}: {message}", path.display())]
    Figure {
        /// The figure's file.
        path: PathBuf,
        /// The drawing library's words.
        message: String,
    },
    /// The program, or something below it, has a fault: what it takes for granted does not hold.
    #[error("this is a fault of the program: {message} (at {place})")]
    Fault {
        /// What does not hold.
        message: String,
        /// Where in the source, if it is known.
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

    /// The same, said of the file that the data are from: an [`Error::Data`] becomes an
    /// [`Error::Input`].
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

    /// An [`Error::Parameter`]; `name` is that of the field.
    pub fn parameter(name: &str, value: impl ToString, expected: impl Into<String>) -> Self {
        Self::Parameter { name: name.into(), value: value.to_string(), expected: expected.into() }
    }

    /// An [`Error::Feature`] about what only a build with burn can do.
    #[cfg(not(feature = "train"))]
    pub(crate) fn without_train(what: &'static str) -> Self {
        Self::Feature { what, feature: "train" }
    }

    /// The process exit code: 1 failure, 2 usage, 3 bad or missing input, 4 GPU demanded but
    /// unusable, 130 interrupted.
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
