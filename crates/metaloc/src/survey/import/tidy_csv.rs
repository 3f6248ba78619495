//! Tidy CSV tables, as indoor-positioning toolkits exchange them.
//!
//! - `samples.csv`: sample_id, x_m, y_m; perhaps floor, environment, point_id, time, device, set
//! - `rss.csv`: sample_id, access_point, dbm (not heard = no row)
//! - `access_points.csv`, if there: access_point and anything else; an access point that is not in it is an error

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use metaloc_radio::geometry::Position;
use metaloc_radio::signal::AccessPointId;

use super::builder::{Builder, Row};
use super::{EnvironmentBy, ImportOptions};
use crate::survey::table::{Table, csv_error};
use crate::survey::{Provenance, SurveyError};

const SAMPLES: &[&str] =
    &["sample_id", "x_m", "y_m", "floor", "environment", "point_id", "time", "device", "set"];
const ENVIRONMENT: usize = 4;
const POINT: usize = 5;
const TIME: usize = 6;
const DEVICE: usize = 7;
const SET: usize = 8;
const RSS: &[&str] = &["sample_id", "access_point", "dbm"];

pub(super) fn read(
    paths: &[PathBuf],
    by: EnvironmentBy,
    options: &ImportOptions,
) -> Result<Builder, SurveyError> {
    let mut builder = Builder::new("tidy-csv", Provenance::default(), options);
    for path in paths {
        read_folder(&mut builder, by, path)?;
    }
    Ok(builder)
}

fn read_folder(builder: &mut Builder, by: EnvironmentBy, folder: &Path) -> Result<(), SurveyError> {
    builder.begin_set(2);
    let listed = read_access_points(builder, &folder.join("access_points.csv"))?;
    let rss_path = folder.join("rss.csv");
    let mut heard = read_rss(builder, &rss_path, listed)?;
    let mut table = Table::open(&folder.join("samples.csv"), SAMPLES, 3)?;
    let mut met: HashSet<String> = HashSet::new();
    while table.next()? {
        let id = table.name(0)?;
        if !met.insert(id.to_owned()) {
            return Err(table.error(format!("sample `{id}` stands twice; give each its own name")));
        }
        let readings = heard.remove(id).map(|heard| heard.readings).unwrap_or_default();
        add_row(builder, by, &table, readings)?;
    }
    match heard.iter().min_by_key(|(_, scan)| scan.place.byte()) {
        None => Ok(()),
        Some((stray, scan)) => Err(SurveyError::row_at(
            &rss_path,
            &scan.place,
            format!("sample `{stray}` is not in samples.csv; add it or correct the name"),
        )),
    }
}

fn add_row(
    builder: &mut Builder,
    by: EnvironmentBy,
    table: &Table,
    readings: Vec<(AccessPointId, f32)>,
) -> Result<(), SurveyError> {
    let floor = table.floor(3)?;
    let position = Position::new(table.number(1)?, table.number(2)?, floor);
    let named = |column: usize| match table.cell(column) {
        "" => "all".to_owned(),
        name => name.to_owned(),
    };
    let environment = match by {
        EnvironmentBy::Floor => format!("f{floor}"),
        EnvironmentBy::Device => named(DEVICE),
        EnvironmentBy::Set => named(SET),
        EnvironmentBy::All => "all".to_owned(),
        _ => named(ENVIRONMENT),
    };
    let id = table.cell(0);
    let row = Row {
        environment: &environment,
        id: id.to_owned(),
        point: Some(table.cell(POINT)).filter(|point| !point.is_empty()),
        position,
        device: table.cell(DEVICE),
        set: table.cell(SET),
        time_ms: table.time_ms(TIME)?,
        readings,
        // A sample has a name of its own: no two rows are the same.
        csi: None,
        rest: &[id],
    };
    builder.add(row).map_err(|reason| table.error(reason))
}

/// What a sample heard, and where `rss.csv` mentions it first.
struct Heard {
    readings: Vec<(AccessPointId, f32)>,
    place: csv::Position,
}

fn read_rss(
    builder: &mut Builder,
    path: &Path,
    names_are_listed: bool,
) -> Result<HashMap<String, Heard>, SurveyError> {
    let mut table = Table::open(path, RSS, 3)?;
    let mut heard: HashMap<String, Heard> = HashMap::new();
    while table.next()? {
        let (sample, name) = (table.name(0)?, table.name(1)?);
        if names_are_listed && builder.access_points.find(name).is_none() {
            return Err(table.error(format!(
                "access point `{name}` is not in access_points.csv; add it or correct the name"
            )));
        }
        let id = builder.access_points.intern(name);
        let new = || Heard { readings: Vec::new(), place: table.place() };
        let readings = &mut heard.entry(sample.to_owned()).or_insert_with(new).readings;
        if readings.iter().any(|&(other, _)| other == id) {
            return Err(table.error(format!(
                "access point `{name}` stands twice in sample `{sample}`; remove one"
            )));
        }
        readings.push((id, table.rss_dbm(2)?));
    }
    Ok(heard)
}

/// The names in `access_points.csv`; whether there is one.
fn read_access_points(builder: &mut Builder, path: &Path) -> Result<bool, SurveyError> {
    if !path.exists() {
        return Ok(false);
    }
    builder.report.files += 1;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|e| csv_error(path, &e))?;
    let header = reader.headers().map_err(|e| csv_error(path, &e))?;
    let column = header.iter().position(|name| name == "access_point").ok_or_else(|| {
        let reason = "the column `access_point` is missing; it holds the names that rss.csv uses";
        SurveyError::format(path, reason)
    })?;
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, &e))?;
        builder.access_points.intern(record.get(column).unwrap_or(""));
    }
    Ok(true)
}
