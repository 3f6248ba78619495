//! Errors of the library; each names what was found, where, and what to do.

use std::path::{Path, PathBuf};

use metaloc_meta::MetaError;
use metaloc_nn::NetworkError;
use metaloc_radio::RadioError;
use metaloc_radio::capture::CaptureError;
use thiserror::Error;

use crate::report::ReportError;
use crate::survey::SurveyError;

/// An error of this library.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A survey or an importer.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// A measurement or a radio map.
    #[error(transparent)]
    Radio(#[from] RadioError),
    /// Learning.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// A network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A picture or a page.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A file that can't be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A capture that can't be read, or no further.
    #[error("{name}: {cause}")]
    Capture {
        /// The file, or what stands for it.
        name: String,
        /// What is wrong.
        cause: CaptureError,
    },
    /// A configuration or protocol file with a mistake.
    #[error("{path}: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        reason: String,
    },
    /// A model file that is damaged, of another version, or doesn't fit.
    #[error("{path}: {reason}")]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// An output that is there already.
    #[error("{0} exists already; choose another name or remove it first")]
    OutputExists(PathBuf),
    /// A method that lacks an input here; evaluations print it in place of a number.
    #[error("needs {0}")]
    Needs(String),
    /// A request that can't be met; the message says why and what to do.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    pub(crate) fn file(path: &Path, cause: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), cause }
    }

    pub(crate) fn capture(name: &str, cause: CaptureError) -> Self {
        Self::Capture { name: name.to_owned(), cause }
    }

    pub(crate) fn model(path: &Path, reason: String) -> Self {
        Self::Model { path: path.to_owned(), reason }
    }

    pub(crate) fn needs(what: impl Into<String>) -> Self {
        Self::Needs(what.into())
    }

    /// Sets apart what a method [needs](Self::Needs) from what stops a run.
    pub(crate) fn needs_apart<T>(result: Result<T, Self>) -> Result<Result<T, String>, Self> {
        match result {
            Ok(made) => Ok(Ok(made)),
            Err(Self::Needs(what)) => Ok(Err(what)),
            Err(other) => Err(other),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }
}

/// What failed with a temporary file, without the file's name: nobody gave it that.
pub(crate) fn unnamed(error: std::io::Error) -> std::io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((cause, _)) => std::io::Error::new(error.kind(), cause.to_owned()),
        None => error,
    }
}
