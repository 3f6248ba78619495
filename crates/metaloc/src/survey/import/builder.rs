//! Rows into environments.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPointId, AccessPoints, RssScan};
use sha2::{Digest, Sha256};

use super::{DropDuplicates, ImportOptions, ImportReport};
use crate::survey::folder::{Devices, Sets};
use crate::survey::{Environment, Provenance, Sample, Survey, SurveyError, SurveyPoint};

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
    /// Everything that the file says in this row: two identical rows have the same.
    pub(super) everything: [u8; 32],
}

/// A place's coordinates, compared bit by bit.
type PlaceKey = (u64, u64, i32);

#[derive(Default)]
struct Growing {
    environment: Environment,
    points: HashMap<PlaceKey, u32>,
    ids: HashSet<String>,
}

/// A survey under construction.
pub(super) struct Builder {
    name: String,
    provenance: Provenance,
    options: ImportOptions,
    pub(super) access_points: AccessPoints,
    devices: Devices,
    sets: Sets,
    growing: Vec<Growing>,
    index: HashMap<String, usize>,
    /// Rows of the current file seen before.
    seen: HashSet<[u8; 32]>,
    /// Environments met, asked for or not.
    pub(super) met: Vec<String>,
    pub(super) report: ImportReport,
}

impl Builder {
    pub(super) fn new(name: &str, provenance: Provenance, options: &ImportOptions) -> Self {
        Self {
            name: name.to_owned(),
            provenance,
            options: options.clone(),
            access_points: AccessPoints::default(),
            devices: Devices::default(),
            sets: Sets::default(),
            growing: Vec::new(),
            index: HashMap::new(),
            seen: HashSet::new(),
            met: Vec::new(),
            report: ImportReport::default(),
        }
    }

    /// Begins a file: repeated rows are looked for within one.
    pub(super) fn begin_file(&mut self) {
        self.seen.clear();
        self.report.files += 1;
    }

    /// Counts a row that is dropped.
    pub(super) fn drop_row(&mut self, reason: &'static str) {
        self.report.rows_read += 1;
        *self.report.dropped.entry(reason).or_default() += 1;
    }

    /// Adds a row, or drops it for a reason of the options.
    pub(super) fn add(&mut self, row: Row<'_>) -> Result<(), String> {
        if row.readings.is_empty() {
            self.drop_row("empty: no access point heard");
            return Ok(());
        }
        let scan = RssScan::new(row.readings).map_err(|e| e.to_string())?;
        let repeated = match self.options.drop_duplicates.unwrap_or_default() {
            DropDuplicates::Nothing => None,
            DropDuplicates::Rows => {
                (!self.seen.insert(row.everything)).then_some("identical to an earlier row")
            }
            DropDuplicates::RssPosition => (!self.seen.insert(rss_position(&scan, &row.position)))
                .then_some("same RSS and position as an earlier row"),
        };
        if let Some(reason) = repeated {
            self.drop_row(reason);
            return Ok(());
        }
        self.report.rows_read += 1;
        if !self.met.iter().any(|name| name == row.environment) {
            self.met.push(row.environment.to_owned());
        }
        if !super::wanted(&self.options, row.environment) {
            self.report.not_asked_for += 1;
            return Ok(());
        }
        self.report.rows_kept += 1;
        let device = self.devices.intern(row.device);
        let set = self.sets.intern(row.set);
        let growing = self.environment(row.environment);
        let point = growing.point(row.point, row.position);
        let id = growing.unique(row.id);
        let time_ms = row.time_ms;
        growing.environment.samples.push(Sample { id: id.into(), point, device, time_ms, set, scan });
        Ok(())
    }

    fn environment(&mut self, name: &str) -> &mut Growing {
        let at = match self.index.get(name) {
            Some(&at) => at,
            None => {
                self.index.insert(name.to_owned(), self.growing.len());
                let environment = Environment { name: name.to_owned(), ..Environment::default() };
                self.growing.push(Growing { environment, ..Growing::default() });
                self.growing.len() - 1
            }
        };
        &mut self.growing[at]
    }

    /// The survey, environments sorted by name.
    pub(super) fn finish(self, paths: &[PathBuf]) -> Result<(Survey, ImportReport), SurveyError> {
        let known = |name: &&String| !self.index.contains_key(*name);
        if let Some(unknown) = self.options.environments.iter().flatten().find(known) {
            let mut have = self.met.clone();
            have.sort_unstable();
            let folders: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
            return Err(SurveyError::Unknown {
                what: "environment",
                found: unknown.clone(),
                expected: format!("{} has {}", folders.join(", "), have.join(", ")),
            });
        }
        let mut environments: Vec<Environment> = self
            .growing
            .into_iter()
            .map(|mut growing| {
                growing.environment.samples.shrink_to_fit();
                growing.environment
            })
            .collect();
        environments.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let survey = Survey {
            name: self.name,
            provenance: self.provenance,
            georeference: None,
            access_points: self.access_points,
            devices: self.devices.names,
            environments,
        };
        Ok((survey, self.report))
    }
}

impl Growing {
    /// The point at `position`, named by the publisher or by its coordinates.
    fn point(&mut self, name: Option<&str>, position: Position) -> u32 {
        let key = (position.x_m.to_bits(), position.y_m.to_bits(), position.floor);
        let next = self.environment.points.len() as u32;
        let at = *self.points.entry(key).or_insert(next);
        if at == next {
            let Position { x_m, y_m, floor } = position;
            let id = name.map_or_else(|| format!("f{floor}-x{x_m:.2}-y{y_m:.2}"), str::to_owned);
            let taken = self.environment.points.iter().any(|point| point.id == id);
            let id = if taken { format!("{id}-{next}") } else { id };
            self.environment.points.push(SurveyPoint { id, position });
        }
        at
    }

    /// The sample's name, made unique.
    fn unique(&mut self, id: String) -> String {
        let id = if self.ids.contains(&id) { format!("{id}-{}", self.ids.len()) } else { id };
        self.ids.insert(id.clone());
        id
    }
}

/// A digest of parts of a row.
pub(super) fn digest<'a>(parts: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn rss_position(scan: &RssScan, position: &Position) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(position.x_m.to_le_bytes());
    hash.update(position.y_m.to_le_bytes());
    hash.update(position.floor.to_le_bytes());
    for &(id, dbm) in scan.readings() {
        hash.update(id.0.to_le_bytes());
        hash.update(dbm.to_le_bytes());
    }
    hash.finalize().into()
}
