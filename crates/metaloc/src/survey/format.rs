//! Any survey on disk: the canonical folder or a publisher's format.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::import::{ImportFormat, ImportOptions, import};
use super::{Survey, SurveyError};
use crate::evaluate::Unwatched;
use crate::simulate::Simulation;

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
    /// The paper's own data: day folders of pictures of amplitudes.
    PaperImages,
    /// A scenario file: simulated when it is loaded, from its seed.
    Scenario,
}

impl SurveyFormat {
    /// Where a survey is that a protocol calls `path`: under the data folder, but for scenarios, which are
    /// files of the user's own.
    #[must_use]
    pub fn place(self, data_folder: &Path, path: &Path) -> PathBuf {
        if self == Self::Scenario { path.to_owned() } else { data_folder.join(path) }
    }

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
            Self::Scenario => return simulated(path, only.as_deref()),
            Self::UjiLibrary => ImportFormat::UjiLibrary,
            Self::UjiIndoorLoc => ImportFormat::UjiIndoorLoc,
            Self::TidyCsv => ImportFormat::TidyCsv,
            Self::PolyU => ImportFormat::PolyU,
            Self::Csu => ImportFormat::Csu,
            Self::Captures => ImportFormat::Captures,
            Self::PaperImages => ImportFormat::PaperImages,
        };
        let environment_by = environment_by.map(str::parse).transpose()?;
        let options = ImportOptions { environment_by, environments: only, ..Default::default() };
        Ok(import(format, &[path.to_owned()], &options)?.0)
    }
}

/// Simulates the environments of a scenario named in `only`, or all.
fn simulated(path: &Path, only: Option<&[String]>) -> Result<Survey, SurveyError> {
    let refuse = |e: crate::Error| SurveyError::format(path, e.to_string());
    let mut survey = match Simulation::read(path, None).map_err(refuse)? {
        Simulation::PathLoss(scenario) => scenario.simulate(),
        Simulation::Campaign(campaign) => {
            campaign.survey_of(only, &mut Unwatched).map_err(refuse)?
        }
    };
    survey.environments.retain(|e| only.is_none_or(|only| only.contains(&e.name)));
    Ok(survey)
}
