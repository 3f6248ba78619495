//! Importers: publishers' formats read into a [`Survey`], with a report of what was dropped and why.
//!
//! One format, one file. A format's reader turns rows into `Row`s; `Builder` groups them into
//! environments, drops what the options say, and counts. Access points that no kept row heard are no
//! part of the survey.

mod archive;
mod builder;
mod capture_rows;
mod captures;
mod csu;
mod growing_environment;
mod paper_images;
mod picture;
mod polyu;
mod recordings;
mod report;
mod tidy_csv;
mod uji_library;
mod uji_month;
mod ujiindoorloc;
mod wide_row;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use metaloc_radio::capture::CaptureOptions;

use super::split::is_one_of;
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
    /// PolyU CSI_IPS 2020-21 (Reyes et al.): Intel 5300 logs, a folder of them or zip files.
    PolyU,
    /// CSUIndoorLoc-CSI-RSSI (Wang and Pasricha 2022): Nexmon captures and a table of locations.
    Csu,
    /// A folder of captures with `positions.csv`.
    Captures,
    /// The paper's own data: day folders of pictures of amplitudes.
    PaperImages,
}

impl ImportFormat {
    /// What can make an environment of this format; the first is its default.
    #[must_use]
    pub const fn environment_by(self) -> &'static [EnvironmentBy] {
        use EnvironmentBy::{All, Building, Day, Device, Floor, Month, Named, Set};
        match self {
            Self::UjiLibrary => &[Month, Floor, Device, Set, All],
            Self::UjiIndoorLoc => &[Floor, Building, Device, Set, All],
            Self::TidyCsv => &[Named, Floor, Device, Set, All],
            Self::PolyU => &[Day, All],
            Self::PaperImages => &[Day],
            Self::Csu => &[Named, All],
            Self::Captures => &[Named, Floor, Set, All],
        }
    }

    fn check_environment_by(
        self,
        asked: Option<EnvironmentBy>,
    ) -> Result<EnvironmentBy, SurveyError> {
        let known = self.environment_by();
        let by = asked.unwrap_or(known[0]);
        if known.contains(&by) {
            return Ok(by);
        }
        let names: Vec<String> = known.iter().map(EnvironmentBy::to_string).collect();
        Err(SurveyError::Unknown {
            what: "environment-by",
            found: by.to_string(),
            expected: format!("{self} knows {}", names.join(", ")),
        })
    }
}

impl fmt::Display for ImportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UjiLibrary => "uji-library",
            Self::UjiIndoorLoc => "ujiindoorloc",
            Self::TidyCsv => "tidy-csv",
            Self::PolyU => "polyu",
            Self::Csu => "csu",
            Self::Captures => "captures",
            Self::PaperImages => "paper-images",
        })
    }
}

impl FromStr for ImportFormat {
    type Err = SurveyError;

    fn from_str(name: &str) -> Result<Self, SurveyError> {
        match name {
            "uji-library" => Ok(Self::UjiLibrary),
            "ujiindoorloc" => Ok(Self::UjiIndoorLoc),
            "tidy-csv" => Ok(Self::TidyCsv),
            "polyu" => Ok(Self::PolyU),
            "csu" => Ok(Self::Csu),
            "captures" => Ok(Self::Captures),
            "paper-images" => Ok(Self::PaperImages),
            _ => Err(SurveyError::Unknown {
                what: "format",
                found: name.to_owned(),
                expected: "uji-library, ujiindoorloc, tidy-csv, polyu, csu, captures or \
                           paper-images"
                    .into(),
            }),
        }
    }
}

/// What makes an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentBy {
    /// The month of the survey.
    Month,
    /// The day of the survey.
    Day,
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

impl fmt::Display for EnvironmentBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Month => "month",
            Self::Day => "day",
            Self::Floor => "floor",
            Self::Building => "building",
            Self::Device => "device",
            Self::Set => "set",
            Self::Named => "environment",
            Self::All => "all",
        })
    }
}

impl FromStr for EnvironmentBy {
    type Err = SurveyError;

    fn from_str(name: &str) -> Result<Self, SurveyError> {
        match name {
            "month" => Ok(Self::Month),
            "day" => Ok(Self::Day),
            "floor" | "building-floor" => Ok(Self::Floor),
            "building" => Ok(Self::Building),
            "device" => Ok(Self::Device),
            "set" => Ok(Self::Set),
            "environment" => Ok(Self::Named),
            "all" => Ok(Self::All),
            _ => Err(SurveyError::Unknown {
                what: "environment-by",
                found: name.to_owned(),
                expected:
                    "month, day, floor, building, building-floor, device, set, environment or all"
                        .into(),
            }),
        }
    }
}

/// Which repeated rows are dropped. Rows that heard nothing and rows on floors that do not exist are
/// dropped in any case.
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
    /// Read only these sets (`trn01`, `tst*`).
    pub sets: Option<Vec<String>>,
    /// Captures: cut each into samples of so many frames, sets `b000`, `b001`, ...; whole if left out.
    pub block_frames: Option<usize>,
    /// Captures: how they are read.
    pub capture: CaptureOptions,
}

impl ImportOptions {
    fn wants_set(&self, set: &str) -> bool {
        self.sets.as_ref().is_none_or(|names| is_one_of(set, names))
    }
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
    let by = format.check_environment_by(options.environment_by)?;
    let builder = match format {
        ImportFormat::UjiLibrary => uji_library::read(paths, by, options)?,
        ImportFormat::UjiIndoorLoc => ujiindoorloc::read(paths, by, options)?,
        ImportFormat::TidyCsv => tidy_csv::read(paths, by, options)?,
        ImportFormat::PolyU => polyu::read(paths, by, options)?,
        ImportFormat::Csu => csu::read(paths, by, options)?,
        ImportFormat::Captures => captures::read(paths, by, options)?,
        ImportFormat::PaperImages => paper_images::read(paths, options)?,
    };
    builder.finish(paths)
}
