//! Surveys: what was measured where, in environments.
//!
//! An [`Environment`] is one place at one time with one device set-up; a [`Survey`] is a list of
//! environments that share a list of access points. Everything behind this module reads these
//! types and can't tell which publisher, simulator or folder they came from.

mod access_point_changes;
mod content_hash;
mod error;
mod folder;
mod format;
pub mod import;
mod inspect;
mod join;
mod name_lists;
mod split;
mod table;
mod template;
mod timestamp;

use std::collections::BTreeSet;
use std::sync::Arc;

use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPointId, AccessPoints, CsiRecording, RssScan};
use serde::{Deserialize, Serialize};

pub use access_point_changes::AccessPointChanges;
pub use error::SurveyError;
pub use folder::{NamedScan, SurveyWriter, read_rss_csv};
pub(crate) use folder::{check_names, write_whole};
pub use format::SurveyFormat;
pub use inspect::{CsiSummary, EnvironmentSummary, SurveySummary};
pub use split::is_one_of;
pub use template::write_template;

/// Environments with one list of access points.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Survey {
    /// Name of the survey.
    pub name: String,
    /// Where the data comes from and how it may be used.
    pub provenance: Provenance,
    /// Where on Earth the survey's frame lies, if known.
    pub georeference: Option<Georeference>,
    /// All access points that any scan refers to.
    pub access_points: AccessPoints,
    /// Device names that samples refer to.
    pub devices: Vec<String>,
    /// The environments, in a stable order, names unique.
    pub environments: Vec<Environment>,
}

/// Where data comes from and how it may be used; printed with every result made from it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Provenance {
    /// Publisher or author, and how to cite.
    pub citation: String,
    /// Licence, as the publisher states it.
    pub licence: String,
    /// Anything a reader of the numbers should know.
    pub note: String,
}

/// Where on Earth a survey's local frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Georeference {
    /// Latitude of the frame's origin (degrees, WGS 84).
    pub latitude_deg: f64,
    /// Longitude of the frame's origin (degrees, WGS 84).
    pub longitude_deg: f64,
    /// Elevation of the frame's origin (m).
    #[serde(default)]
    pub elevation_m: f64,
    /// Direction of the frame's x axis, counter-clockwise from east (degrees).
    #[serde(default)]
    pub rotation_deg: f64,
}

/// One place at one time with one device set-up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Environment {
    /// Unique name within the survey.
    pub name: String,
    /// The surveyed points; ids unique.
    pub points: Vec<SurveyPoint>,
    /// The samples, in the order of measurement.
    pub samples: Vec<Sample>,
}

/// A place where samples were taken.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyPoint {
    /// Unique name within the environment.
    pub id: String,
    /// Where it is.
    pub position: Position,
}

/// One scan, or one recording of a channel, at one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Unique name within the environment.
    pub id: Box<str>,
    /// Index into [`Environment::points`].
    pub point: u32,
    /// Index into [`Survey::devices`], if known.
    pub device: Option<u16>,
    /// Time of measurement (ms since 1970-01-01, UTC or the publisher's local time), if known.
    pub time_ms: Option<i64>,
    /// Which of the publisher's sets it belongs to (training, test, a file).
    pub set: SampleSet,
    /// What was heard.
    pub scan: RssScan,
    /// Channel state information taken at the same time, if any.
    pub csi: Option<SampleCsi>,
}

/// Channel state information of a sample: what the device estimated of one access point's channel.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleCsi {
    /// Who sent.
    pub access_point: AccessPointId,
    /// The frames.
    pub recording: Arc<CsiRecording>,
}

/// Which of the publisher's sets a sample belongs to, such as `trn01` or `validation`.
pub type SampleSet = Arc<str>;

impl Survey {
    /// The environment called `name`.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == name)
    }

    /// Total number of samples.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.environments.iter().map(|environment| environment.samples.len()).sum()
    }
}

impl Environment {
    /// The floors on which the environment has points, ascending.
    #[must_use]
    pub fn floors(&self) -> BTreeSet<i32> {
        self.points.iter().map(|point| point.position.floor).collect()
    }

    /// The position of a sample's point.
    ///
    /// # Panics
    /// If the sample is of another environment and its point index past the end of this one.
    #[must_use]
    pub fn position(&self, sample: &Sample) -> &Position {
        &self.points[sample.point as usize].position
    }
}
