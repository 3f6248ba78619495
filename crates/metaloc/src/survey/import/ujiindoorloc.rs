//! UJIIndoorLoc: J. Torres-Sospedra et al., IPIN 2014, doi 10.1109/IPIN.2014.7275492.
//!
//! `trainingData.csv` and `validationData.csv` (also gzipped): 520 columns `WAPnnn` (dBm, 100 = not
//! heard), LONGITUDE and LATITUDE (metres, projected), FLOOR, BUILDINGID, SPACEID,
//! RELATIVEPOSITION, USERID, PHONEID, TIMESTAMP (seconds since 1970).
//!
//! Of the 19,937 training rows 76 heard nothing and 634 are identical to an earlier one (710 dropped
//! by default); 711 have the RSS and position of an earlier one (787 with `rss-position`).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use metaloc_radio::geometry::Position;

use super::builder::{Builder, Row};
use super::wide_row::{floor, number, wide_readings};
use super::{EnvironmentBy, ImportOptions};
use crate::survey::table::csv_error;
use crate::survey::{Provenance, SurveyError, timestamp};

const FILES: [(&str, &str); 2] =
    [("trainingData.csv", "training"), ("validationData.csv", "validation")];
const PUBLISHED: &str =
    "the data set is published as UJIIndoorLoc at the UCI Machine Learning Repository";
/// Columns behind the access points.
const TAIL: [&str; 9] = [
    "LONGITUDE",
    "LATITUDE",
    "FLOOR",
    "BUILDINGID",
    "SPACEID",
    "RELATIVEPOSITION",
    "USERID",
    "PHONEID",
    "TIMESTAMP",
];

pub(super) fn read(
    paths: &[PathBuf],
    by: EnvironmentBy,
    options: &ImportOptions,
) -> Result<Builder, SurveyError> {
    let provenance = Provenance {
        citation: "J. Torres-Sospedra et al., UJIIndoorLoc: A new multi-building and multi-floor \
                   database for WLAN fingerprint-based indoor localization problems, IPIN 2014"
            .into(),
        licence: "see the publisher (UCI Machine Learning Repository); believed CC BY 4.0".into(),
        note: "UJIIndoorLoc".into(),
    };
    let mut builder = Builder::new("ujiindoorloc", provenance, options);
    for (path, set) in files(paths)?.into_iter().filter(|(_, set)| options.wants_set(set)) {
        let file = File::open(&path).map_err(|e| SurveyError::opening(&path, e, PUBLISHED))?;
        let reader: Box<dyn Read> = if path.extension().is_some_and(|e| e == "gz") {
            Box::new(flate2::read::MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        };
        read_file(&mut builder, by, &path, set, reader)?;
    }
    Ok(builder)
}

/// The two files under the given paths.
fn files(paths: &[PathBuf]) -> Result<Vec<(PathBuf, &'static str)>, SurveyError> {
    let mut found = Vec::new();
    for path in paths {
        for (name, set) in FILES {
            let matches = |path: &Path| {
                let file = path.file_name().and_then(|f| f.to_str()).unwrap_or("");
                file == name || file.strip_suffix(".gz") == Some(name)
            };
            if matches(path) {
                found.push((path.clone(), set));
            } else {
                let candidates = [path.join(name), path.join(format!("{name}.gz"))];
                found.extend(candidates.into_iter().find(|p| p.is_file()).map(|p| (p, set)));
            }
        }
    }
    if found.is_empty() {
        return Err(SurveyError::NoData {
            path: paths.first().cloned().unwrap_or_default(),
            reason: format!(
                "neither trainingData.csv nor validationData.csv (perhaps .gz) is here; {PUBLISHED}"
            ),
        });
    }
    Ok(found)
}

fn read_file(
    builder: &mut Builder,
    by: EnvironmentBy,
    path: &Path,
    set: &str,
    reader: Box<dyn Read>,
) -> Result<(), SurveyError> {
    builder.begin_set(1);
    let mut table = csv::ReaderBuilder::new().buffer_capacity(1 << 16).from_reader(reader);
    let header = table.headers().map_err(|e| csv_error(path, &e))?.clone();
    let n_access_points = header.len().saturating_sub(TAIL.len());
    let is_access_point = |name: &str| name.starts_with("WAP");
    if n_access_points == 0
        || !header.iter().take(n_access_points).all(is_access_point)
        || !header.iter().skip(n_access_points).map(str::trim).eq(TAIL)
    {
        let found: Vec<&str> = header.iter().rev().take(TAIL.len()).collect();
        let found: Vec<&str> = found.into_iter().rev().collect();
        let reason = format!(
            "the header ends in {}; it must be WAP001, ..., {}",
            found.join(", "),
            TAIL.join(", ")
        );
        return Err(SurveyError::format(path, reason));
    }
    let names = |column: usize| header.get(column - 1).unwrap_or("").to_owned();
    builder.columns(n_access_points, names).map_err(|e| SurveyError::row(path, 1, e))?;
    let mut record = csv::StringRecord::new();
    while table.read_record(&mut record).map_err(|e| csv_error(path, &e))? {
        let place = record.position().cloned().unwrap_or_else(csv::Position::new);
        let added = add_row(builder, by, set, (&record, place.record() + 1), n_access_points);
        added.map_err(|reason| SurveyError::row_at(path, &place, reason))?;
    }
    Ok(())
}

fn add_row(
    builder: &mut Builder,
    by: EnvironmentBy,
    set: &str,
    (record, row): (&csv::StringRecord, u64),
    n_access_points: usize,
) -> Result<(), String> {
    let tail: Vec<&str> = record.iter().skip(n_access_points).map(str::trim).collect();
    let cell = |i: usize| tail.get(i).copied();
    let [x_m, y_m, time_s] = [0, 1, 8].map(|i| number(TAIL[i], cell(i)));
    let position = Position::new(x_m?, y_m?, floor(TAIL[2], cell(2))?);
    let device = format!("phone-{}", cell(7).unwrap_or(""));
    let building = format!("b{}", floor(TAIL[3], cell(3))?);
    let environment = match by {
        EnvironmentBy::Building => building,
        EnvironmentBy::Device => device.clone(),
        EnvironmentBy::Set => set.to_owned(),
        EnvironmentBy::All => "all".to_owned(),
        _ => format!("{building}-f{}", position.floor),
    };
    builder.add(Row {
        environment: &environment,
        id: format!("{set}-{row}"),
        point: None,
        position,
        device: &device,
        set,
        time_ms: Some(time_ms(time_s?)?),
        readings: wide_readings(record.iter().take(n_access_points))?,
        csi: None,
        rest: &tail,
    })
}

/// A time in seconds since 1970, as milliseconds.
fn time_ms(time_s: f64) -> Result<i64, String> {
    let time_ms = (time_s * 1000.0).round() as i64;
    match timestamp::day(time_ms) {
        Some(_) => Ok(time_ms),
        None => Err(format!("TIMESTAMP is {time_s:e}; seconds since 1970-01-01 are expected")),
    }
}
