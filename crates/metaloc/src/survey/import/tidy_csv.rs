//! Tidy CSV tables, as indoor-positioning toolkits exchange them.
//!
//! - `samples.csv`: sample_id, x_m, y_m; perhaps floor, environment, point_id, time, device, set
//! - `rss.csv`: sample_id, access_point, dbm (not heard = no row)
//! - `access_points.csv`, if there: access_point and anything else; fixes the order of the names

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use metaloc_radio::geometry::Position;

use super::builder::{Builder, Row, digest};
use super::{EnvironmentBy, ImportOptions};
use crate::survey::folder::read_rss_csv;
use crate::survey::table::{Table, csv_error};
use crate::survey::{Provenance, SurveyError};

const SAMPLES: &[&str] =
    &["sample_id", "x_m", "y_m", "floor", "environment", "point_id", "time", "device", "set"];

pub(super) fn read(paths: &[PathBuf], options: &ImportOptions) -> Result<Builder, SurveyError> {
    let mut builder = Builder::new("tidy-csv", Provenance::default(), options);
    for path in paths {
        read_folder(&mut builder, options, path)?;
    }
    Ok(builder)
}

fn read_folder(
    builder: &mut Builder,
    options: &ImportOptions,
    folder: &Path,
) -> Result<(), SurveyError> {
    builder.begin_file();
    builder.report.files += 1;
    read_access_points(builder, &folder.join("access_points.csv"))?;
    let rss_path = folder.join("rss.csv");
    let mut heard: HashMap<String, Vec<(String, f32)>> =
        read_rss_csv(&rss_path)?.into_iter().collect();
    let path = folder.join("samples.csv");
    let mut table = Table::open(&path, SAMPLES, 3)?;
    let mut n = 0u64;
    while table.next()? {
        n += 1;
        let id = table.name(0)?.to_owned();
        let floor = match table.cell(3) {
            "" => 0,
            _ => i32::try_from(table.integer(3)?)
                .map_err(|_| table.error("`floor` is too large for a floor number"))?,
        };
        let position = Position::new(table.number(1)?, table.number(2)?, floor);
        let readings = heard.remove(&id).unwrap_or_default();
        let indexed = readings
            .iter()
            .map(|(name, dbm)| (builder.access_points.intern(name), *dbm))
            .collect();
        let floor_name = format!("f{floor}");
        let named = |name: &str| if name.is_empty() { "all".to_owned() } else { name.to_owned() };
        let environment = match options.environment_by.unwrap_or(EnvironmentBy::Named) {
            EnvironmentBy::Named => named(table.cell(4)),
            EnvironmentBy::Floor => floor_name,
            EnvironmentBy::Device => named(table.cell(7)),
            EnvironmentBy::Set => named(table.cell(8)),
            EnvironmentBy::Month | EnvironmentBy::Building | EnvironmentBy::All => "all".to_owned(),
        };
        let row = Row {
            environment: &environment,
            id: id.clone(),
            point: Some(table.cell(5)).filter(|point| !point.is_empty()),
            position,
            device: table.cell(7),
            set: table.cell(8),
            time_ms: if table.cell(6).is_empty() { None } else { Some(table.integer(6)?) },
            readings: indexed,
            // A sample has a name of its own: no two rows are the same.
            everything: digest(std::iter::once(&n.to_le_bytes()[..])),
        };
        builder.add(row).map_err(|reason| table.error(reason))?;
    }
    match heard.keys().min() {
        None => Ok(()),
        Some(stray) => Err(SurveyError::format(
            &rss_path,
            format!("sample `{stray}` is not in samples.csv (or stands there twice); correct one"),
        )),
    }
}

/// The names in `access_points.csv`, if there is one.
fn read_access_points(builder: &mut Builder, path: &Path) -> Result<(), SurveyError> {
    if !path.exists() {
        return Ok(());
    }
    builder.report.files += 1;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|e| csv_error(path, &e))?;
    let header = reader.headers().map_err(|e| csv_error(path, &e))?;
    let column = header.iter().position(|name| name == "access_point").ok_or_else(|| {
        SurveyError::format(path, "the column `access_point` is missing")
    })?;
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, &e))?;
        builder.access_points.intern(record.get(column).unwrap_or(""));
    }
    Ok(())
}
