//! A survey by captures: a folder of capture files and `positions.csv`, which says where each was
//! taken. One file a point and access point, or one a point with all access points in it.
//!
//! `file,point_id,x_m,y_m`, and perhaps `floor`, `environment`, `access_point`, `set`. An access point
//! that is an address names the transmitter whose frames count; another name stands for the most
//! frequent one, which must be the same all over the environment. Without one, each transmitter heard
//! is an access point, called by its address.
//!
//! Nothing vanishes: a row that gives no sample is named in a warning, a place without any sample is an
//! error. No packet counts at two places: a capture belongs to one point.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use metaloc_radio::capture::AnyReader;
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{Chip, CsiRecording, MacAddress};
use sha2::{Digest, Sha256};

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
    let mut met = Met::default();
    for path in paths {
        let table = if path.is_dir() { path.join(POSITIONS) } else { path.clone() };
        read_table(&mut builder, by, options, &table, &mut met)?;
    }
    met.check_places()?;
    Ok(builder)
}

fn read_table(
    builder: &mut Builder,
    by: EnvironmentBy,
    options: &ImportOptions,
    path: &Path,
    met: &mut Met,
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
            row: table.row(),
            file,
        };
        if !builder.meet(&place.environment) {
            builder.leave_out();
            continue;
        }
        builder.report.files += usize::from(rows_of[&place.file] == 1);
        let capture = folder.join(&place.file);
        met.meet(&capture, &place).map_err(|reason| table.error(reason))?;
        match read_capture(builder, options, &capture, &place, met) {
            Ok(found) => met.count(&place, &table, found),
            Err(Refusal::Row(reason)) => return Err(table.error(reason)),
            Err(Refusal::File(error)) => return Err(error),
        }
    }
    Ok(())
}

/// A row of the table.
#[derive(Clone)]
struct Place {
    file: String,
    point: String,
    position: Position,
    environment: String,
    access_point: String,
    set: String,
    row: u64,
}

/// The rows met so far, to find what would go wrong without a word.
#[derive(Default)]
struct Met {
    /// The rows of each capture, which is told by what it holds, not by its name.
    captures: HashMap<[u8; 32], Vec<Place>>,
    /// Environment and what an access point is called there: its address, and the row that had it.
    addresses: HashMap<(String, String), (MacAddress, u64)>,
    /// Environment and point: samples, and what to say if there are none.
    places: BTreeMap<(String, String), (usize, SurveyError)>,
}

impl Met {
    /// Refuses a row whose packets count elsewhere.
    fn meet(&mut self, path: &Path, place: &Place) -> Result<(), String> {
        // What can't be read is refused where it is read.
        let Ok(digest) = digest(path) else { return Ok(()) };
        let rows = self.captures.entry(digest).or_default();
        for other in rows.iter() {
            let (row, file) = (other.row, &other.file);
            let at = |place: &Place| (place.environment.clone(), place.point.clone());
            if at(other) != at(place) {
                return Err(format!(
                    "row {row} has the same capture ({file}) at point `{}` of `{}`; its packets \
                     would count at two places: take one row out",
                    other.point, other.environment
                ));
            }
            if other.access_point == place.access_point {
                return Err(format!(
                    "row {row} has the same capture ({file}) for the same access point; take one \
                     row out"
                ));
            }
        }
        rows.push(place.clone());
        Ok(())
    }

    /// Refuses a name that stood for another transmitter.
    fn name(&mut self, place: &Place, address: MacAddress) -> Result<(), String> {
        let key = (place.environment.clone(), place.access_point.clone());
        let (known, row) = *self.addresses.entry(key).or_insert((address, place.row));
        if known == address {
            return Ok(());
        }
        Err(format!(
            "access point `{}` is {address} here and {known} in row {row}, the most frequent \
             transmitters; write its address into the column access_point",
            place.access_point
        ))
    }

    /// Counts a row's samples.
    fn count(&mut self, place: &Place, table: &Table, samples: usize) {
        let key = (place.environment.clone(), place.point.clone());
        let (environment, point) = (&place.environment, &place.point);
        let error = || {
            table.error(format!(
                "point `{point}` of `{environment}` gets no sample: {} has no frame that counts \
                 (see it with `metaloc doctor`, or use a smaller --block-frames), nor has any other \
                 of its captures; take the point out, or record it again",
                place.file
            ))
        };
        self.places.entry(key).or_insert_with(|| (0, error())).0 += samples;
    }

    /// Refuses places without a sample.
    fn check_places(self) -> Result<(), SurveyError> {
        match self.places.into_values().find(|(samples, _)| *samples == 0) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }
}

/// What a file holds, as a hash.
fn digest(path: &Path) -> std::io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    Ok(hash.finalize().into())
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

/// Adds the samples of a capture; how many.
fn read_capture(
    builder: &mut Builder,
    options: &ImportOptions,
    path: &Path,
    place: &Place,
    met: &mut Met,
) -> Result<usize, Refusal> {
    let remedy = "positions.csv names it; add the file or take the row out";
    let file = std::fs::File::open(path).map_err(|e| SurveyError::opening(path, e, remedy))?;
    let refuse = |reason: String| SurveyError::format(path, reason);
    let input = unpacked(Box::new(file)).map_err(|e| SurveyError::file(path, e))?;
    let mut events = AnyReader::new(input, &options.capture).map_err(|e| refuse(e.to_string()))?;
    let mut kinds = Kinds::read(path, events.by_ref(), &mut builder.report)?;
    for note in events.chip_notes() {
        builder.report.warn(format!("{}: {note}", path.display()));
    }
    let heard = kinds.transmitters();
    let address: Option<MacAddress> = place.access_point.parse().ok();
    let mut found = 0;
    if heard.is_empty() {
        builder.report.warn(format!("row {}, {}: no frame of CSI", place.row, place.file));
    } else if let Some(address) = address {
        if !heard.iter().any(|(source, _)| *source == Some(address)) {
            return Err(Refusal::Row(format!(
                "no frame of {address} in {}, which has {}; correct the address or take the row out",
                place.file,
                listed(&heard)
            )));
        }
        let taken = kinds.take(path, |source| source == Some(address), &mut builder.report)?;
        found += add(builder, options, place, &address.to_string(), taken)?;
    } else if !place.access_point.is_empty() {
        let sender = most_frequent(builder, place, &heard)?;
        if let Some(sender) = sender {
            met.name(place, sender).map_err(Refusal::Row)?;
        }
        let taken = kinds.take(path, |source| source == sender, &mut builder.report)?;
        found += add(builder, options, place, &place.access_point, taken)?;
    } else {
        for (transmitter, _) in heard {
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
    Ok(found)
}

/// The transmitter that a name stands for.
fn most_frequent(
    builder: &mut Builder,
    place: &Place,
    heard: &[(Option<MacAddress>, usize)],
) -> Result<Option<MacAddress>, Refusal> {
    let most = heard.iter().map(|(_, frames)| *frames).max().unwrap_or(0);
    let sender = heard.iter().find(|(_, frames)| *frames == most).and_then(|(source, _)| *source);
    if heard.iter().filter(|(_, frames)| *frames == most).count() > 1 {
        return Err(Refusal::Row(format!(
            "{} has {}, so that it is not clear which `{}` is; write its address into the column \
             access_point",
            place.file,
            listed(heard),
            place.access_point
        )));
    }
    if let (Some(address), 2..) = (sender, heard.len()) {
        builder.report.warn(format!(
            "row {}, {}: access point `{}` is {address}, of {}",
            place.row,
            place.file,
            place.access_point,
            listed(heard)
        ));
    }
    Ok(sender)
}

fn listed(heard: &[(Option<MacAddress>, usize)]) -> String {
    let one = |(source, frames): &(Option<MacAddress>, usize)| match source {
        Some(address) => format!("{address} ({frames} frames)"),
        None => format!("{frames} frames of an unnamed transmitter"),
    };
    heard.iter().map(one).collect::<Vec<_>>().join(", ")
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
    let (row, file, frames) = (place.row, &place.file, recording.n_frames());
    if recording.values.iter().all(|value| value.norm_sqr() == 0.0) {
        let zeros =
            format!("row {row}, {file}: the {frames} frames of {access_point} are all zeros");
        builder.report.warn(zeros);
        builder.report.frames_kept -= frames;
        return Ok(0);
    }
    if let Some(n) = options.block_frames.filter(|n| *n > frames) {
        builder.report.warn(format!(
            "row {row}, {file}: {frames} frames of {access_point} make no block of {n}"
        ));
    }
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
