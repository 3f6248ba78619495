//! The canonical survey folder. Its layout stands in docs/formats.md.
//!
//! ```text
//! survey.toml             name, unit, environments, licence, citation
//! ENVIRONMENT/points.csv  point_id,x_m,y_m,floor
//! ENVIRONMENT/samples.csv sample_id,point_id,time,device,set
//! ENVIRONMENT/rss.csv     sample_id,access_point,dbm   (not heard = no row)
//! ```

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPointId, AccessPoints, RssScan};
use serde::{Deserialize, Serialize};

use super::table::Table;
use super::{Environment, Provenance, Sample, SampleSet, Survey, SurveyError, SurveyPoint};

/// `survey.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    schema: u32,
    name: String,
    /// Unit of all coordinates; metres is the only one.
    unit: String,
    environments: Vec<String>,
    #[serde(default)]
    provenance: Provenance,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    georeference: Option<super::Georeference>,
}

const DESCRIPTION: &str = "survey.toml";
const POINTS: &[&str] = &["point_id", "x_m", "y_m", "floor"];
const SAMPLES: &[&str] = &["sample_id", "point_id", "time", "device", "set"];
const RSS: &[&str] = &["sample_id", "access_point", "dbm"];

impl Survey {
    /// Reads a survey folder and checks all of it.
    ///
    /// # Errors
    /// [`SurveyError`] naming file, row and remedy for the first thing that is wrong.
    pub fn read(folder: &Path) -> Result<Self, SurveyError> {
        let path = folder.join(DESCRIPTION);
        let text = std::fs::read_to_string(&path).map_err(|e| SurveyError::file(&path, e))?;
        let description: Description =
            toml::from_str(&text).map_err(|e| SurveyError::format(&path, e.to_string()))?;
        if description.schema != 1 {
            let found = description.schema;
            let reason = format!("schema {found} is not known, this software reads schema 1");
            return Err(SurveyError::format(&path, reason));
        }
        if description.unit != "m" {
            let reason = format!("unit is `{}`; coordinates must be in metres (`m`)", description.unit);
            return Err(SurveyError::format(&path, reason));
        }
        let mut survey = Self {
            name: description.name,
            provenance: description.provenance,
            georeference: description.georeference,
            ..Self::default()
        };
        let mut devices = Devices::default();
        for name in &description.environments {
            check_name(name).map_err(|reason| SurveyError::format(&path, reason))?;
            if survey.environment(name).is_some() {
                let reason = format!("environment `{name}` is listed twice; remove one");
                return Err(SurveyError::format(&path, reason));
            }
            let environment = read_environment(
                &folder.join(folder_name(name)),
                name,
                &mut survey.access_points,
                &mut devices,
            )?;
            survey.environments.push(environment);
        }
        survey.devices = devices.names;
        Ok(survey)
    }

    /// Writes a survey folder; beside its place first, then renamed there.
    ///
    /// # Errors
    /// [`SurveyError::OutputExists`] if something is there already, [`SurveyError::File`] if it
    /// can't be written; nothing is left half-written.
    pub fn write(&self, folder: &Path) -> Result<(), SurveyError> {
        write_whole(folder, |beside| {
            let description = Description {
                schema: 1,
                name: self.name.clone(),
                unit: "m".into(),
                environments: self.environments.iter().map(|e| e.name.clone()).collect(),
                provenance: self.provenance.clone(),
                georeference: self.georeference,
            };
            let path = beside.join(DESCRIPTION);
            let text = toml::to_string(&description)
                .map_err(|e| SurveyError::format(&path, e.to_string()))?;
            put(&path, &text)?;
            for environment in &self.environments {
                check_name(&environment.name).map_err(|reason| {
                    SurveyError::Environment { environment: environment.name.clone(), reason }
                })?;
                let inner = beside.join(folder_name(&environment.name));
                std::fs::create_dir(&inner).map_err(|e| SurveyError::file(&inner, e))?;
                self.write_environment(environment, &inner)?;
            }
            Ok(())
        })
    }

    fn write_environment(&self, environment: &Environment, folder: &Path) -> Result<(), SurveyError> {
        let mut points = POINTS.join(",") + "\n";
        let mut samples = SAMPLES.join(",") + "\n";
        let mut rss = RSS.join(",") + "\n";
        // Writing to a string can't fail.
        for point in &environment.points {
            let Position { x_m, y_m, floor } = point.position;
            let _ = writeln!(points, "{},{x_m},{y_m},{floor}", cell(&point.id));
        }
        for sample in &environment.samples {
            let point = &environment.points[sample.point as usize].id;
            let time = sample.time_ms.map_or(String::new(), |ms| ms.to_string());
            let device = sample.device.map_or("", |d| &self.devices[d as usize]);
            let (id, point, device) = (cell(&sample.id), cell(point), cell(device));
            let _ = writeln!(samples, "{id},{point},{time},{device},{}", cell(&sample.set));
            for &(access_point, dbm) in sample.scan.readings() {
                let name = cell(self.access_points.name(access_point));
                let _ = writeln!(rss, "{id},{name},{dbm}");
            }
        }
        put(&folder.join("points.csv"), &points)?;
        put(&folder.join("samples.csv"), &samples)?;
        put(&folder.join("rss.csv"), &rss)
    }
}

/// Makes a folder whole or not at all: `fill` gets a folder beside it, which is then renamed.
pub(super) fn write_whole(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<(), SurveyError>,
) -> Result<(), SurveyError> {
    if folder.exists() {
        return Err(SurveyError::OutputExists(folder.to_owned()));
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let fail = |e: std::io::Error| SurveyError::file(folder, e);
    // Removed with all it holds if anything goes wrong before the rename.
    let beside = tempfile::Builder::new().prefix(".metaloc-").tempdir_in(parent).map_err(fail)?;
    let inner = beside.path().join("survey");
    std::fs::create_dir(&inner).map_err(fail)?;
    fill(&inner)?;
    std::fs::rename(&inner, folder).map_err(fail)
}

pub(super) fn put(path: &Path, text: &str) -> Result<(), SurveyError> {
    std::fs::write(path, text).map_err(|e| SurveyError::file(path, e))
}

/// A CSV cell, quoted where it must be.
fn cell(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

/// Refuses names that can't be a folder's.
fn check_name(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_alphanumeric() || "-_./ ".contains(c);
    let parts_are_plain = name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    if !name.is_empty() && name.chars().all(legal) && parts_are_plain && name.trim() == name {
        Ok(())
    } else {
        Err(format!(
            "environment name `{name}`: letters, digits, space, `-`, `_`, `.` and `/` are allowed, \
             no part may be empty or begin with a dot"
        ))
    }
}

/// The folder of an environment: its name, `/` being no folder separator there.
fn folder_name(name: &str) -> String {
    name.replace('/', "__")
}

/// Device names in the order in which they were first met.
#[derive(Default)]
pub(super) struct Devices {
    pub(super) names: Vec<String>,
    index: HashMap<String, u16>,
}

impl Devices {
    /// The index of a device; `None` for an empty name.
    pub(super) fn intern(&mut self, name: &str) -> Option<u16> {
        if name.is_empty() {
            return None;
        }
        if let Some(&index) = self.index.get(name) {
            return Some(index);
        }
        let index = u16::try_from(self.names.len()).ok()?;
        self.names.push(name.to_owned());
        self.index.insert(name.to_owned(), index);
        Some(index)
    }
}

/// Set names, each kept once.
#[derive(Default)]
pub(super) struct Sets(HashMap<String, SampleSet>);

impl Sets {
    pub(super) fn intern(&mut self, name: &str) -> SampleSet {
        if let Some(set) = self.0.get(name) {
            return set.clone();
        }
        let set: SampleSet = name.into();
        self.0.insert(name.to_owned(), set.clone());
        set
    }
}

fn read_environment(
    folder: &Path,
    name: &str,
    access_points: &mut AccessPoints,
    devices: &mut Devices,
) -> Result<Environment, SurveyError> {
    let (points, point_index) = read_points(&folder.join("points.csv"))?;
    if points.is_empty() {
        let reason = "it has no reference points; list the places that were surveyed".to_owned();
        return Err(SurveyError::Row { path: folder.join("points.csv"), row: 2, reason });
    }
    let path = folder.join("samples.csv");
    let mut table = Table::open(&path, SAMPLES, 2)?;
    let mut samples = Vec::new();
    let mut sample_index: HashMap<String, usize> = HashMap::new();
    let mut sets = Sets::default();
    while table.next()? {
        let id = table.name(0)?.to_owned();
        let point = table.name(1)?;
        let point = *point_index.get(point).ok_or_else(|| {
            table.error(format!("point `{point}` is not in points.csv; add it or correct the name"))
        })?;
        let time_ms = match table.cell(2) {
            "" => None,
            _ => Some(table.integer(2)?),
        };
        let device = devices.intern(table.cell(3));
        let set = sets.intern(table.cell(4));
        if sample_index.insert(id.clone(), samples.len()).is_some() {
            return Err(table.error(format!("sample `{id}` stands twice; give each its own name")));
        }
        let scan = RssScan::default();
        samples.push(Sample { id: id.into(), point, device, time_ms, set, scan });
    }
    read_rss(&folder.join("rss.csv"), &sample_index, access_points, &mut samples)?;
    Ok(Environment { name: name.to_owned(), points, samples })
}

fn read_points(path: &Path) -> Result<(Vec<SurveyPoint>, HashMap<String, u32>), SurveyError> {
    let mut table = Table::open(path, POINTS, 3)?;
    let mut points: Vec<SurveyPoint> = Vec::new();
    let mut index: HashMap<String, u32> = HashMap::new();
    while table.next()? {
        let id = table.name(0)?.to_owned();
        let floor = match table.cell(3) {
            "" => 0,
            _ => i32::try_from(table.integer(3)?)
                .map_err(|_| table.error("`floor` is too large for a floor number"))?,
        };
        let position = Position::new(table.number(1)?, table.number(2)?, floor);
        match index.get(&id) {
            Some(&at) if points[at as usize].position == position => {}
            Some(&at) => {
                let Position { x_m, y_m, floor } = points[at as usize].position;
                return Err(table.error(format!(
                    "point `{id}` stands above at ({x_m}, {y_m}, floor {floor}); give one of them \
                     another name"
                )));
            }
            None => {
                index.insert(id.clone(), points.len() as u32);
                points.push(SurveyPoint { id, position });
            }
        }
    }
    Ok((points, index))
}

fn read_rss(
    path: &Path,
    sample_index: &HashMap<String, usize>,
    access_points: &mut AccessPoints,
    samples: &mut [Sample],
) -> Result<(), SurveyError> {
    let mut table = Table::open(path, RSS, 3)?;
    let mut readings: Vec<Vec<(AccessPointId, f32)>> = vec![Vec::new(); samples.len()];
    while table.next()? {
        let sample = table.name(0)?;
        let &at = sample_index.get(sample).ok_or_else(|| {
            table.error(format!("sample `{sample}` is not in samples.csv; add it or correct the name"))
        })?;
        let id = access_points.intern(table.name(1)?);
        if readings[at].iter().any(|&(heard, _)| heard == id) {
            let (name, sample) = (table.cell(1), table.cell(0));
            return Err(table.error(format!(
                "access point `{name}` stands twice in sample `{sample}`; remove one"
            )));
        }
        readings[at].push((id, table.rss_dbm(2)?));
    }
    for (sample, readings) in samples.iter_mut().zip(readings) {
        sample.scan = RssScan::new(readings).map_err(|e| SurveyError::format(path, e.to_string()))?;
    }
    Ok(())
}

/// A scan before its access points are indexed: its name and what was heard (dBm).
pub type NamedScan = (String, Vec<(String, f32)>);

/// Reads an `rss.csv` by itself: scans in the order of first appearance.
///
/// # Errors
/// [`SurveyError`] naming file and row.
pub fn read_rss_csv(path: &Path) -> Result<Vec<NamedScan>, SurveyError> {
    let mut table = Table::open(path, RSS, 3)?;
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut scans: Vec<NamedScan> = Vec::new();
    while table.next()? {
        let sample = table.name(0)?.to_owned();
        let reading = (table.name(1)?.to_owned(), table.rss_dbm(2)?);
        let at = *index.entry(sample.clone()).or_insert_with(|| {
            scans.push((sample, Vec::new()));
            scans.len() - 1
        });
        scans[at].1.push(reading);
    }
    Ok(scans)
}
