//! Importers: publishers' formats read into a [`Survey`], with a report of what was dropped and why.
//!
//! One format, one file. A format's reader turns rows into `Row`s; `Builder` groups them into
//! environments, drops what the options say, and counts.

mod builder;
mod report;
mod tidy_csv;
mod uji_library;
mod ujiindoorloc;

use std::path::PathBuf;
use std::str::FromStr;

use super::{Survey, SurveyError};
pub use report::ImportReport;

/// A publisher's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// UJI library, long-term (Mendoza-Silva et al. 2018): months as zip files or folders.
    UjiLibrary,
    /// UJIIndoorLoc (Torres-Sospedra et al. 2014): two wide CSV files.
    UjiIndoorLoc,
    /// Tidy CSV tables: samples, RSS, access points.
    TidyCsv,
}

impl FromStr for ImportFormat {
    type Err = SurveyError;

    fn from_str(name: &str) -> Result<Self, SurveyError> {
        match name {
            "uji-library" => Ok(Self::UjiLibrary),
            "ujiindoorloc" => Ok(Self::UjiIndoorLoc),
            "tidy-csv" => Ok(Self::TidyCsv),
            _ => Err(SurveyError::Unknown {
                what: "format",
                found: name.to_owned(),
                expected: "uji-library, ujiindoorloc or tidy-csv".into(),
            }),
        }
    }
}

/// What makes an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentBy {
    /// The month of the survey.
    Month,
    /// The floor; where there are several buildings, the floor of a building.
    Floor,
    /// The building.
    Building,
    /// The receiver.
    Device,
    /// The publisher's set (training, test, a file).
    Set,
    /// What the data itself calls an environment (tidy tables).
    Named,
    /// Everything is one environment.
    All,
}

impl FromStr for EnvironmentBy {
    type Err = SurveyError;

    fn from_str(name: &str) -> Result<Self, SurveyError> {
        match name {
            "month" => Ok(Self::Month),
            "floor" | "building-floor" => Ok(Self::Floor),
            "building" => Ok(Self::Building),
            "device" => Ok(Self::Device),
            "set" => Ok(Self::Set),
            "environment" => Ok(Self::Named),
            "all" => Ok(Self::All),
            _ => Err(SurveyError::Unknown {
                what: "environment-by",
                found: name.to_owned(),
                expected: "month, floor, building, device, set, environment or all".into(),
            }),
        }
    }
}

/// Which repeated rows are dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DropDuplicates {
    /// Rows that are identical to an earlier row of the same file in everything.
    #[default]
    Rows,
    /// Rows with the same RSS at the same position as an earlier row of the same file.
    RssPosition,
    /// None.
    Nothing,
}

impl FromStr for DropDuplicates {
    type Err = SurveyError;

    fn from_str(name: &str) -> Result<Self, SurveyError> {
        match name {
            "rows" => Ok(Self::Rows),
            "rss-position" => Ok(Self::RssPosition),
            "none" => Ok(Self::Nothing),
            _ => Err(SurveyError::Unknown {
                what: "drop-duplicates",
                found: name.to_owned(),
                expected: "rows, rss-position or none".into(),
            }),
        }
    }
}

/// Options of an import.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// What makes an environment; the format's own choice if left out.
    pub environment_by: Option<EnvironmentBy>,
    /// Which repeated rows are dropped; identical rows if left out.
    pub drop_duplicates: Option<DropDuplicates>,
    /// Read only these environments.
    pub environments: Option<Vec<String>>,
}

/// Reads a publisher's files.
///
/// # Errors
/// [`SurveyError`] naming file, row and remedy; an unknown environment with those there are.
pub fn import(
    format: ImportFormat,
    paths: &[PathBuf],
    options: &ImportOptions,
) -> Result<(Survey, ImportReport), SurveyError> {
    let builder = match format {
        ImportFormat::UjiLibrary => uji_library::read(paths, options)?,
        ImportFormat::UjiIndoorLoc => ujiindoorloc::read(paths, options)?,
        ImportFormat::TidyCsv => tidy_csv::read(paths, options)?,
    };
    builder.finish(paths)
}

/// Whether an environment was asked for.
fn wanted(options: &ImportOptions, name: &str) -> bool {
    options.environments.as_ref().is_none_or(|names| names.iter().any(|n| n == name))
}
