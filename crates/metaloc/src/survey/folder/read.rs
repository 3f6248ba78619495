//! Reading a survey folder, all of it checked.

use std::collections::HashMap;
use std::path::Path;

use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPointId, AccessPoints, RssScan};

use super::{
    CSI, DESCRIPTION, Description, POINTS, RSS, SAMPLES, SCHEMA, check_names, csi, folder_name,
    is_unmeasured,
};
use crate::survey::name_lists::{Devices, Sets};
use crate::survey::table::Table;
use crate::survey::{Environment, Sample, Survey, SurveyError, SurveyPoint};

impl Survey {
    /// Reads a survey folder and checks all of it.
    ///
    /// # Errors
    /// [`SurveyError`] naming file, row and remedy for the first thing that is wrong.
    pub fn read(folder: &Path) -> Result<Self, SurveyError> {
        let description = read_description(&folder.join(DESCRIPTION))?;
        let mut survey = Self {
            name: description.name,
            provenance: description.provenance,
            georeference: description.georeference,
            ..Self::default()
        };
        let mut devices = Devices::default();
        for name in &description.environments {
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
}

fn read_description(path: &Path) -> Result<Description, SurveyError> {
    let bytes = std::fs::read(path).map_err(|e| {
        SurveyError::opening(
            path,
            e,
            "a survey folder has this file; `metaloc survey init` writes an example, `metaloc \
             import` makes a survey from a publisher's files",
        )
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| SurveyError::format(path, "not UTF-8 text; save the file as UTF-8"))?;
    let refuse = |reason: String| SurveyError::format(path, reason);
    let description: Description = toml::from_str(&text).map_err(|e| refuse(e.to_string()))?;
    if description.schema != SCHEMA {
        let found = description.schema;
        return Err(refuse(format!(
            "schema {found} is not known, this software reads schema {SCHEMA}; a newer version of \
             MetaLoc may read it"
        )));
    }
    if description.unit != "m" {
        let found = &description.unit;
        return Err(refuse(format!(
            "unit is `{found}`; coordinates must be in metres (`m`), convert them"
        )));
    }
    if description.environments.is_empty() {
        return Err(refuse("`environments` is empty; list the folders to read".into()));
    }
    check_names(description.environments.iter().map(String::as_str)).map_err(refuse)?;
    Ok(description)
}

fn read_environment(
    folder: &Path,
    name: &str,
    access_points: &mut AccessPoints,
    devices: &mut Devices,
) -> Result<Environment, SurveyError> {
    let (points, point_index) = read_points(&folder.join("points.csv"))?;
    let (mut samples, sample_index) =
        read_samples(&folder.join("samples.csv"), &point_index, devices)?;
    read_rss(&folder.join("rss.csv"), &sample_index, access_points, &mut samples)?;
    csi::read(&folder.join(CSI), &sample_index, access_points, &mut samples)?;
    let environment = Environment { name: name.to_owned(), points, samples };
    if is_unmeasured(&environment) {
        let n = environment.samples.len();
        let reason = format!(
            "samples.csv lists {n} samples, but rss.csv has no reading and {CSI} no recording of \
             any, or is missing; add the file, or take the environment out of survey.toml"
        );
        return Err(SurveyError::NoData { path: folder.to_owned(), reason });
    }
    Ok(environment)
}

fn read_points(path: &Path) -> Result<(Vec<SurveyPoint>, HashMap<String, u32>), SurveyError> {
    let mut table = Table::open(path, POINTS, 3)?;
    let mut points: Vec<SurveyPoint> = Vec::new();
    let mut index: HashMap<String, u32> = HashMap::new();
    while table.next()? {
        let id = table.name(0)?.to_owned();
        let position = Position::new(table.number(1)?, table.number(2)?, table.floor(3)?);
        match index.get(&id) {
            Some(&at) if points[at as usize].position == position => {}
            Some(&at) => {
                let Position { x_m, y_m, floor } = points[at as usize].position;
                return Err(table.error(format!(
                    "point `{id}` stands above at ({x_m}, {y_m}, floor {floor}) already; give one \
                     of them another name"
                )));
            }
            None => {
                index.insert(id.clone(), points.len() as u32);
                points.push(SurveyPoint { id, position });
            }
        }
    }
    if points.is_empty() {
        return Err(table.error(
            "the environment has no reference points; list the places that were surveyed, or take \
             the environment out of survey.toml",
        ));
    }
    Ok((points, index))
}

fn read_samples(
    path: &Path,
    points: &HashMap<String, u32>,
    devices: &mut Devices,
) -> Result<(Vec<Sample>, HashMap<String, usize>), SurveyError> {
    let mut table = Table::open(path, SAMPLES, 2)?;
    let mut samples = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut sets = Sets::default();
    while table.next()? {
        let id = table.name(0)?.to_owned();
        let point = table.name(1)?;
        let point = *points.get(point).ok_or_else(|| {
            table.error(format!("point `{point}` is not in points.csv; add it or correct the name"))
        })?;
        let time_ms = table.time_ms(2)?;
        let device = devices.intern(table.cell(3)).map_err(|reason| table.error(reason))?;
        let set = sets.intern(table.cell(4));
        if index.insert(id.clone(), samples.len()).is_some() {
            return Err(table.error(format!("sample `{id}` stands twice; give each its own name")));
        }
        let scan = RssScan::default();
        samples.push(Sample { id: id.into(), point, device, time_ms, set, scan, csi: None });
    }
    Ok((samples, index))
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
            table.error(format!(
                "sample `{sample}` is not in samples.csv; add it or correct the name"
            ))
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
        sample.scan =
            RssScan::new(readings).map_err(|e| SurveyError::format(path, e.to_string()))?;
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
