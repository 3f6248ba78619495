//! What can be wrong with a survey or a publisher's file: file, place, finding, remedy.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// An error while reading, importing or writing a survey.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SurveyError {
    /// A file or folder that can't be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A file that is missing, or a folder that should hold data and doesn't.
    #[error("{path}: {reason}")]
    NoData {
        /// Where was looked.
        path: PathBuf,
        /// What was looked for, and where to get it.
        reason: String,
    },
    /// A file whose content as a whole is wrong: header, encoding, archive.
    #[error("{path}: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found, what is expected.
        reason: String,
    },
    /// A row that is wrong.
    #[error("{path}, row {row}: {reason}")]
    Row {
        /// The file.
        path: PathBuf,
        /// Row, the header being row 1 (the first line of a file without header is row 1 too).
        row: u64,
        /// What was found, what is expected.
        reason: String,
    },
    /// A survey that contradicts itself.
    #[error("environment `{environment}`: {reason}")]
    Environment {
        /// The environment.
        environment: String,
        /// What was found, what is expected.
        reason: String,
    },
    /// An output that is there already.
    #[error("{0} exists already; choose another name or remove it first")]
    OutputExists(PathBuf),
    /// A name that stands for nothing.
    #[error("unknown {what} `{found}`: {expected}")]
    Unknown {
        /// What kind of name.
        what: &'static str,
        /// The name.
        found: String,
        /// The names there are.
        expected: String,
    },
}

impl SurveyError {
    /// A file that can't be opened: with the remedy if it is missing.
    pub(super) fn opening(path: &Path, source: std::io::Error, remedy: &str) -> Self {
        if source.kind() == std::io::ErrorKind::NotFound {
            let reason = format!("there is no such file or folder; {remedy}");
            return Self::NoData { path: path.to_owned(), reason };
        }
        Self::file(path, source)
    }

    pub(crate) fn file(path: &Path, cause: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), cause }
    }

    pub(super) fn format(path: &Path, reason: impl Into<String>) -> Self {
        Self::Format { path: path.to_owned(), reason: reason.into() }
    }

    pub(super) fn row(path: &Path, row: u64, reason: impl Into<String>) -> Self {
        Self::Row { path: path.to_owned(), row, reason: reason.into() }
    }
}
