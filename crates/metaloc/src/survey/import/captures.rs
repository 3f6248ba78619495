//! A survey by captures: a folder of capture files and `positions.csv`, which says where each was
//! taken. One file a point and access point, or one a point with all access points in it.
//!
//! `file,point_id,x_m,y_m`, and perhaps `floor`, `environment`, `access_point`, `set`. An access point
//! that is an address names the transmitter whose frames count; another name stands for the only or
//! most frequent one. Without one, each transmitter heard is an access point, called by its address.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use metaloc_radio::capture::{AnyReader, CaptureOptions};
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{Chip, CsiRecording, MacAddress};

use super::builder::{Builder, Row};
use super::recordings::{Kinds, blocks};
use super::{EnvironmentBy, ImportOptions};
use crate::capture::unpacked;
use crate::survey::table::Table;
use crate::survey::{Provenance, SampleCsi, SurveyError};

const POSITIONS: &str = "positions.csv";
const COLUMNS: &[&str] =
    &["file", "point_id", "x_m", "y_m", "floor", "environment", "access_point", "set"];
const FLOOR: usize = 4;
const ENVIRONMENT: usize = 5;
const ACCESS_POINT: usize = 6;
const SET: usize = 7;
const NO_FRAMES: &str = "no CSI frame of the access point in the capture";
/// What the access point is called where neither table nor capture names it.
const NAMELESS: &str = "access-point";

pub(super) fn read(
    paths: &[PathBuf],
    by: EnvironmentBy,
    options: &ImportOptions,
) -> Result<Builder, SurveyError> {
    let mut builder = Builder::new("captures", Provenance::default(), options);
    builder.expect_reason(NO_FRAMES);
    for path in paths {
        let table = if path.is_dir() { path.join(POSITIONS) } else { path.clone() };
        read_table(&mut builder, by, options, &table)?;
    }
    Ok(builder)
}

fn read_table(
    builder: &mut Builder,
    by: EnvironmentBy,
    options: &ImportOptions,
    path: &Path,
) -> Result<(), SurveyError> {
    builder.begin_set(1);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut table = Table::open(path, COLUMNS, 4)?;
    // A file that stands in several rows, for several access points, is read for each.
    let mut rows_of: HashMap<String, usize> = HashMap::new();
    while table.next()? {
        let file = table.name(0)?.to_owned();
        *rows_of.entry(file.clone()).or_default() += 1;
        let named = |column: usize, otherwise: &str| match table.cell(column) {
            "" => otherwise.to_owned(),
            name => name.to_owned(),
        };
        let place = Place {
            position: Position::new(table.number(2)?, table.number(3)?, table.floor(FLOOR)?),
            point: table.name(1)?.to_owned(),
            environment: match by {
                EnvironmentBy::Floor => format!("f{}", table.floor(FLOOR)?),
                EnvironmentBy::Set => named(SET, "all"),
                EnvironmentBy::All => "all".to_owned(),
                _ => named(ENVIRONMENT, "all"),
            },
            set: table.cell(SET).to_owned(),
            access_point: table.cell(ACCESS_POINT).to_owned(),
            file,
        };
        if !builder.meet(&place.environment) {
            builder.leave_out();
            continue;
        }
        builder.report.files += usize::from(rows_of[&place.file] == 1);
        read_capture(builder, options, &folder.join(&place.file), &place).map_err(|error| {
            match error {
                Refusal::Row(reason) => table.error(reason),
                Refusal::File(error) => error,
            }
        })?;
    }
    Ok(())
}

/// A row of the table.
struct Place {
    file: String,
    point: String,
    position: Position,
    environment: String,
    access_point: String,
    set: String,
}

/// What is wrong with a row or with the file that it names.
enum Refusal {
    Row(String),
    File(SurveyError),
}

impl From<SurveyError> for Refusal {
    fn from(error: SurveyError) -> Self {
        Self::File(error)
    }
}

fn read_capture(
    builder: &mut Builder,
    options: &ImportOptions,
    path: &Path,
    place: &Place,
) -> Result<(), Refusal> {
    let remedy = "positions.csv names it; add the file or take the row out";
    let file = std::fs::File::open(path).map_err(|e| SurveyError::opening(path, e, remedy))?;
    let refuse = |reason: String| SurveyError::format(path, reason);
    let input = unpacked(Box::new(file)).map_err(|e| SurveyError::file(path, e))?;
    let capture_options = CaptureOptions { chip: options.chip, ..CaptureOptions::default() };
    let mut events = AnyReader::new(input, &capture_options).map_err(|e| refuse(e.to_string()))?;
    let mut kinds = Kinds::read(path, events.by_ref(), &mut builder.report)?;
    for note in events.chip_notes() {
        builder.report.warn(format!("{}: {note}", path.display()));
    }
    let address: Option<MacAddress> = place.access_point.parse().ok();
    let mut found = 0;
    if let Some(address) = address {
        let taken = kinds.take(path, |source| source == Some(address), &mut builder.report)?;
        found += add(builder, options, place, &address.to_string(), taken)?;
    } else if !place.access_point.is_empty() {
        let taken = kinds.take(path, |_| true, &mut builder.report)?;
        found += add(builder, options, place, &place.access_point, taken)?;
    } else {
        for transmitter in kinds.transmitters() {
            let name = transmitter.map_or(NAMELESS.to_owned(), |address| address.to_string());
            let taken = kinds.take(path, |source| source == transmitter, &mut builder.report)?;
            found += add(builder, options, place, &name, taken)?;
        }
    }
    // Frames of access points that other rows ask for are counted there.
    if address.is_none() {
        kinds.drop_rest(&mut builder.report);
    }
    if found == 0 {
        builder.drop_row(NO_FRAMES);
    }
    Ok(())
}

/// Adds the samples of a recording; how many.
fn add(
    builder: &mut Builder,
    options: &ImportOptions,
    place: &Place,
    access_point: &str,
    recording: Option<CsiRecording>,
) -> Result<usize, Refusal> {
    let Some(recording) = recording else { return Ok(0) };
    let parts = match options.block_frames {
        None => vec![(place.set.clone(), recording)],
        Some(n) => blocks(&recording, n, &mut builder.report)
            .into_iter()
            .enumerate()
            .map(|(index, block)| {
                let dash = if place.set.is_empty() { "" } else { "-" };
                (format!("{}{dash}b{index:03}", place.set), block)
            })
            .collect(),
    };
    let n_parts = parts.len();
    for (set, recording) in parts {
        let id = builder.access_points.intern(access_point);
        let name = format!("{}-{access_point}-{set}", place.file);
        let readings = recording.mean_rssi_dbm().map(|dbm| (id, dbm));
        let row = Row {
            environment: &place.environment,
            id: name.trim_end_matches('-').to_owned(),
            point: Some(&place.point),
            position: place.position,
            device: recording.chip.name(),
            set: &set,
            time_ms: time_ms(&recording),
            readings: readings.into_iter().collect(),
            csi: Some(SampleCsi { access_point: id, recording: recording.into() }),
            // Each recording counts, alike or not.
            rest: &[&name],
        };
        builder.add(row).map_err(Refusal::Row)?;
    }
    Ok(n_parts)
}

/// When a recording began, if its clock is the world's.
fn time_ms(recording: &CsiRecording) -> Option<i64> {
    match recording.chip {
        Chip::Intel5300 | Chip::Esp32 => None,
        _ => i64::try_from(recording.time_ns.first()? / 1_000_000).ok(),
    }
}
