//! Any survey on disk: the canonical folder or a publisher's format.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::import::{ImportFormat, ImportOptions, import};
use super::{Survey, SurveyError};

/// How a survey stands on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SurveyFormat {
    /// The canonical folder.
    Survey,
    /// UJI library, long-term.
    UjiLibrary,
    /// UJIIndoorLoc.
    #[serde(rename = "ujiindoorloc")]
    UjiIndoorLoc,
    /// Tidy CSV tables.
    TidyCsv,
    /// PolyU CSI_IPS 2020-21.
    #[serde(rename = "polyu")]
    PolyU,
    /// CSUIndoorLoc-CSI-RSSI.
    Csu,
    /// A folder of captures with `positions.csv`.
    Captures,
}

impl SurveyFormat {
    /// Loads a survey; of a publisher's format only the environments named in `only`, if any.
    ///
    /// # Errors
    /// [`SurveyError`] naming the file and what is wrong, or where was looked for missing data.
    pub fn load(
        self,
        path: &Path,
        environment_by: Option<&str>,
        only: Option<Vec<String>>,
    ) -> Result<Survey, SurveyError> {
        let format = match self {
            Self::Survey => return Survey::read(path),
            Self::UjiLibrary => ImportFormat::UjiLibrary,
            Self::UjiIndoorLoc => ImportFormat::UjiIndoorLoc,
            Self::TidyCsv => ImportFormat::TidyCsv,
            Self::PolyU => ImportFormat::PolyU,
            Self::Csu => ImportFormat::Csu,
            Self::Captures => ImportFormat::Captures,
        };
        let environment_by = environment_by.map(str::parse).transpose()?;
        let options = ImportOptions { environment_by, environments: only, ..Default::default() };
        Ok(import(format, &[path.to_owned()], &options)?.0)
    }
}
