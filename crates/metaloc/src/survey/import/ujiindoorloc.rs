//! UJIIndoorLoc: J. Torres-Sospedra et al., IPIN 2014, doi 10.1109/IPIN.2014.7275492.
//!
//! `trainingData.csv` and `validationData.csv` (also gzipped): 520 columns `WAPnnn` (dBm, 100 = not
//! heard), LONGITUDE and LATITUDE (metres, projected), FLOOR, BUILDINGID, SPACEID,
//! RELATIVEPOSITION, USERID, PHONEID, TIMESTAMP (seconds since 1970).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use metaloc_radio::geometry::Position;

use super::builder::{Builder, Row, digest};
use super::uji_library::wide_readings;
use super::{EnvironmentBy, ImportOptions};
use crate::survey::table::csv_error;
use crate::survey::{Provenance, SurveyError};

const NOT_HEARD: f32 = 100.0;
const FILES: [(&str, &str); 2] = [("trainingData.csv", "training"), ("validationData.csv", "validation")];
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

pub(super) fn read(paths: &[PathBuf], options: &ImportOptions) -> Result<Builder, SurveyError> {
    let provenance = Provenance {
        citation: "J. Torres-Sospedra et al., UJIIndoorLoc: A new multi-building and multi-floor \
                   database for WLAN fingerprint-based indoor localization problems, IPIN 2014"
            .into(),
        licence: "see the publisher (UCI Machine Learning Repository); believed CC BY 4.0".into(),
        note: "UJIIndoorLoc".into(),
    };
    let mut builder = Builder::new("ujiindoorloc", provenance, options);
    for (path, set) in files(paths)? {
        let file = File::open(&path).map_err(|e| SurveyError::file(&path, e))?;
        let reader: Box<dyn Read> = if path.extension().is_some_and(|e| e == "gz") {
            Box::new(flate2::read::MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        };
        read_file(&mut builder, options, &path, set, reader)?;
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
            reason: "neither trainingData.csv nor validationData.csv (perhaps .gz) is here; the \
                     data set is UJIIndoorLoc at the UCI Machine Learning Repository"
                .into(),
        });
    }
    Ok(found)
}

fn read_file(
    builder: &mut Builder,
    options: &ImportOptions,
    path: &Path,
    set: &str,
    reader: Box<dyn Read>,
) -> Result<(), SurveyError> {
    builder.begin_file();
    let by = options.environment_by.unwrap_or(EnvironmentBy::Floor);
    let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
    let header = table.headers().map_err(|e| csv_error(path, &e))?.clone();
    let n_access_points = header.len().saturating_sub(TAIL.len());
    if n_access_points == 0 || !header.iter().skip(n_access_points).eq(TAIL) {
        let reason = format!("the header must be WAP001, ..., {}", TAIL.join(", "));
        return Err(SurveyError::format(path, reason));
    }
    for name in header.iter().take(n_access_points) {
        builder.access_points.intern(name);
    }
    let mut record = csv::StringRecord::new();
    while table.read_record(&mut record).map_err(|e| csv_error(path, &e))? {
        let line = record.position().map_or(0, csv::Position::line);
        let refuse = |reason: String| SurveyError::row(path, line, reason);
        let tail = |i: usize| record.get(n_access_points + i).unwrap_or("");
        let number = |i: usize| {
            let value = tail(i).parse::<f64>().ok().filter(|value| value.is_finite());
            value.ok_or_else(|| refuse(format!("{} is `{}`, not a number", TAIL[i], tail(i))))
        };
        let readings = wide_readings(record.iter().take(n_access_points), NOT_HEARD);
        let position = Position::new(number(0)?, number(1)?, number(2)? as i32);
        let (building, device) = (format!("b{}", tail(3)), format!("phone-{}", tail(7)));
        let environment = match by {
            EnvironmentBy::Floor => format!("{building}-f{}", position.floor),
            EnvironmentBy::Building => building,
            EnvironmentBy::Device => device.clone(),
            EnvironmentBy::Set => set.to_owned(),
            EnvironmentBy::Month | EnvironmentBy::Named | EnvironmentBy::All => "all".to_owned(),
        };
        let row = Row {
            environment: &environment,
            id: format!("{set}-{line}"),
            point: None,
            position,
            device: &device,
            set,
            time_ms: Some(number(8)? as i64 * 1000),
            readings: readings.map_err(refuse)?,
            everything: digest(std::iter::once(record.as_slice().as_bytes())),
        };
        builder.add(row).map_err(refuse)?;
    }
    Ok(())
}
