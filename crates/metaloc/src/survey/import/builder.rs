//! Rows into environments.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPointId, AccessPoints, RssScan};
use sha2::{Digest, Sha256};

use super::growing_environment::GrowingEnvironment;
use super::{DropDuplicates, ImportOptions, ImportReport};
use crate::survey::name_lists::{Devices, Sets};
use crate::survey::{Environment, Provenance, Sample, SampleCsi, Survey, SurveyError};

const EMPTY: &str = "empty: no access point heard";
const IDENTICAL: &str = "identical to an earlier row";
const SAME_RSS_POSITION: &str = "same RSS and position as an earlier row";

/// One row of a publisher's file.
pub(super) struct Row<'a> {
    /// Environment it belongs to.
    pub(super) environment: &'a str,
    /// What the publisher calls the row; the row's number otherwise.
    pub(super) id: String,
    /// What the publisher calls the place, if anything.
    pub(super) point: Option<&'a str>,
    pub(super) position: Position,
    pub(super) device: &'a str,
    pub(super) set: &'a str,
    pub(super) time_ms: Option<i64>,
    pub(super) readings: Vec<(AccessPointId, f32)>,
    pub(super) csi: Option<SampleCsi>,
    /// What else the file says in this row; rows that differ in it are not identical.
    pub(super) rest: &'a [&'a str],
}

/// A survey under construction.
pub(super) struct Builder {
    name: String,
    provenance: Provenance,
    options: ImportOptions,
    /// The file's numbering, for readings in [`Row`]s.
    pub(super) access_points: AccessPoints,
    devices: Devices,
    sets: Sets,
    growing: Vec<GrowingEnvironment>,
    index: HashMap<String, usize>,
    /// Digests of the rows of the current set.
    seen: HashSet<[u8; 32]>,
    /// Environments met, asked for or not.
    met: BTreeSet<String>,
    pub(super) report: ImportReport,
}

impl Builder {
    pub(super) fn new(name: &str, provenance: Provenance, options: &ImportOptions) -> Self {
        let mut builder = Self {
            name: name.to_owned(),
            provenance,
            options: options.clone(),
            access_points: AccessPoints::default(),
            devices: Devices::default(),
            sets: Sets::default(),
            growing: Vec::new(),
            index: HashMap::new(),
            seen: HashSet::new(),
            met: BTreeSet::new(),
            report: ImportReport::default(),
        };
        builder.expect_reason(EMPTY);
        match options.drop_duplicates.unwrap_or_default() {
            DropDuplicates::Rows => builder.expect_reason(IDENTICAL),
            DropDuplicates::RssPosition => builder.expect_reason(SAME_RSS_POSITION),
            DropDuplicates::Nothing => {}
        }
        builder
    }

    /// Makes the report name a reason also where no row is dropped for it.
    pub(super) fn expect_reason(&mut self, reason: &'static str) {
        self.report.dropped.entry(reason).or_default();
    }

    /// Begins a set that was read from `n_files`: repeated rows are looked for within one set.
    pub(super) fn begin_set(&mut self, n_files: usize) {
        self.seen.clear();
        self.report.files += n_files;
    }

    /// Names the columns of a wide table, counted from 1; all tables must have the same.
    pub(super) fn columns(
        &mut self,
        n: usize,
        name: impl Fn(usize) -> String,
    ) -> Result<(), String> {
        let known = self.access_points.len();
        if known == 0 {
            (1..=n).for_each(|column| _ = self.access_points.intern(&name(column)));
        } else if n != known {
            return Err(format!(
                "{n} columns where the tables before it have {known}, one an access point; import \
                 data of one version at a time"
            ));
        }
        Ok(())
    }

    /// Remembers that there is such an environment; whether it was asked for.
    pub(super) fn meet(&mut self, environment: &str) -> bool {
        if !self.met.contains(environment) {
            self.met.insert(environment.to_owned());
        }
        let wanted = &self.options.environments;
        wanted.as_ref().is_none_or(|names| names.iter().any(|name| name == environment))
    }

    /// Counts a row that is dropped.
    pub(super) fn drop_row(&mut self, reason: &'static str) {
        self.report.rows_read += 1;
        *self.report.dropped.entry(reason).or_default() += 1;
    }

    /// Counts a row of an environment that was not asked for.
    pub(super) fn leave_out(&mut self) {
        self.report.rows_read += 1;
        self.report.not_asked_for += 1;
    }

    /// Adds a row, or drops it for a reason of the options.
    pub(super) fn add(&mut self, mut row: Row<'_>) -> Result<(), String> {
        if !self.meet(row.environment) || !self.options.wants_set(row.set) {
            self.leave_out();
            return Ok(());
        }
        let scan = RssScan::new(std::mem::take(&mut row.readings)).map_err(|e| e.to_string())?;
        if let Some(reason) = self.reason_to_drop(&row, &scan) {
            self.drop_row(reason);
            return Ok(());
        }
        self.report.rows_read += 1;
        self.report.rows_kept += 1;
        self.report.frames_kept += row.csi.as_ref().map_or(0, |csi| csi.recording.n_frames());
        let device = self.devices.intern(row.device)?;
        let set = self.sets.intern(row.set);
        let at = *self.index.entry(row.environment.to_owned()).or_insert_with(|| {
            self.growing.push(GrowingEnvironment::new(row.environment));
            self.growing.len() - 1
        });
        let growing = &mut self.growing[at];
        let point = growing.point(row.point, row.position)?;
        let id = growing.unique_sample_id(row.id);
        growing.push(Sample {
            id,
            point,
            device,
            time_ms: row.time_ms,
            set,
            scan,
            csi: row.csi.take(),
        });
        Ok(())
    }

    fn reason_to_drop(&mut self, row: &Row<'_>, scan: &RssScan) -> Option<&'static str> {
        if scan.is_empty() && row.csi.is_none() {
            return Some(EMPTY);
        }
        let (rest, reason): (&[&str], _) = match self.options.drop_duplicates.unwrap_or_default() {
            DropDuplicates::Nothing => return None,
            DropDuplicates::Rows => (row.rest, IDENTICAL),
            DropDuplicates::RssPosition => (&[], SAME_RSS_POSITION),
        };
        let mut hash = Sha256::new();
        hash.update(row.environment);
        hash.update(row.position.x_m.to_le_bytes());
        hash.update(row.position.y_m.to_le_bytes());
        hash.update(row.position.floor.to_le_bytes());
        hash.update((scan.len() as u64).to_le_bytes());
        for &(id, dbm) in scan.readings() {
            hash.update(id.0.to_le_bytes());
            hash.update(dbm.to_le_bytes());
        }
        if reason == IDENTICAL {
            hash.update(row.time_ms.unwrap_or(i64::MIN).to_le_bytes());
        }
        for cell in rest {
            hash.update((cell.len() as u64).to_le_bytes());
            hash.update(cell);
        }
        (!self.seen.insert(hash.finalize().into())).then_some(reason)
    }

    /// The survey, environments sorted by name, and the report.
    pub(super) fn finish(
        mut self,
        paths: &[PathBuf],
    ) -> Result<(Survey, ImportReport), SurveyError> {
        let places: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        let places = places.join(", ");
        let asked = self.options.environments.iter().flatten();
        if let Some(unknown) = asked.into_iter().find(|name| !self.met.contains(*name)) {
            let have: Vec<&str> = self.met.iter().map(String::as_str).collect();
            return Err(SurveyError::Unknown {
                what: "environment",
                found: unknown.clone(),
                expected: format!("looked in {places}, which has {}", have.join(", ")),
            });
        }
        if self.report.rows_kept == 0 {
            let path = paths.first().cloned().unwrap_or_default();
            let (read, dropped) = (self.report.rows_read, self.report.n_dropped());
            let reason = format!(
                "no sample is left to import: {read} rows were read, {dropped} of them dropped; \
                 name another place, or other sets"
            );
            return Err(SurveyError::NoData { path, reason });
        }
        let mut environments: Vec<Environment> =
            self.growing.into_iter().map(GrowingEnvironment::finish).collect();
        environments.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let survey = Survey {
            name: self.name,
            provenance: self.provenance,
            georeference: None,
            access_points: self.access_points,
            devices: self.devices.names,
            environments,
        };
        let listed = survey.access_points.len();
        let survey =
            survey.renumbered().map_err(|e| SurveyError::format(&paths[0], e.to_string()))?;
        self.report.access_points_listed = listed;
        self.report.access_points_heard = survey.access_points.len();
        Ok((survey, self.report))
    }
}
