//! A survey by captures: a folder of capture files and `positions.csv`, which says where each was
//! taken. One file a point and access point, or one a point with all access points in it.
//!
//! `file,point_id,x_m,y_m`, and perhaps `floor`, `environment`, `access_point`, `set`. An access point
//! that is an address names the transmitter whose frames count; another name stands for the only or
//! most frequent one. Without one, each transmitter heard is an access point, called by its address.
//! A row that gives no sample is told of, a point without any is an error.

use std::path::{Path, PathBuf};

use metaloc_radio::capture::{AnyReader, CaptureOptions};
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{Chip, CsiRecording, MacAddress};

use super::builder::{Builder, Row};
use super::capture_rows::{CaptureRows, Place, called};
use super::recordings::{Kinds, blocks, is_silent};
use super::{EnvironmentBy, ImportOptions, ImportReport};
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
const NO_FRAMES: &str = "no CSI frame in the capture that can be used";
const ZEROS: &str = "CSI frame of a sample of zeros";
/// What the access point is called where neither table nor capture names it.
const NAMELESS: &str = "access-point";

pub(super) fn read(
    paths: &[PathBuf],
    by: EnvironmentBy,
    options: &ImportOptions,
) -> Result<Builder, SurveyError> {
    let builder = Builder::new("captures", Provenance::default(), options);
    let mut import = Import { builder, options, rows: CaptureRows::default() };
    import.builder.expect_reason(NO_FRAMES);
    for path in paths {
        let table = if path.is_dir() { path.join(POSITIONS) } else { path.clone() };
        import.read_table(by, &table)?;
    }
    import.rows.finish(&mut import.builder.report)?;
    Ok(import.builder)
}

struct Import<'a> {
    builder: Builder,
    options: &'a ImportOptions,
    rows: CaptureRows,
}

/// A row's place in the survey.
struct Spot {
    place: Place,
    position: Position,
    set: String,
}

/// A transmitter whose frames a row asks for, and what the survey calls it.
type Chosen = (Option<MacAddress>, String);

impl Import<'_> {
    fn read_table(&mut self, by: EnvironmentBy, path: &Path) -> Result<(), SurveyError> {
        self.builder.begin_set(1);
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut table = Table::open(path, COLUMNS, 4)?;
        while table.next()? {
            let spot = spot(&table, by)?;
            if self.builder.meet(&spot.place.environment) {
                self.read_row(&folder.join(&spot.place.file), &spot)?;
            } else {
                self.builder.leave_out();
            }
        }
        Ok(())
    }

    /// Reads a row's capture; one that stands in several rows, for several access points, is read for
    /// each.
    fn read_row(&mut self, path: &Path, spot: &Spot) -> Result<(), SurveyError> {
        let place = &spot.place;
        let remedy = "positions.csv names it; add the file or take the row out";
        let opening = |e| SurveyError::opening(path, e, remedy);
        let whole = path.canonicalize().map_err(opening)?;
        let mut again = ImportReport::default();
        let is_first = self.rows.is_first(&whole);
        let report = if is_first { &mut self.builder.report } else { &mut again };
        let mut kinds = read_capture(path, &self.options.capture, report)?;
        let heard = kinds.transmitters();
        if is_first {
            self.rows.leave(heard.iter().map(|(_, n_frames)| n_frames).sum());
        }
        let (mut n_samples, mut lost) = (0, Vec::new());
        if heard.is_empty() {
            lost.push("no CSI frame is in it (`metaloc doctor` says what is)".to_owned());
        } else {
            let capture = self.rows.enter(&whole, place)?;
            for (transmitter, name) in self.choose(place, &heard)? {
                let taken = kinds.take(path, |source| source == transmitter)?;
                let Some(recording) = taken else { continue };
                self.rows.take(capture, transmitter, recording.n_frames(), &place.row)?;
                n_samples += self.add(spot, &name, recording, &mut lost)?;
            }
        }
        if n_samples == 0 {
            self.builder.drop_row(NO_FRAMES);
        }
        let lost = lost.join("; ");
        if !lost.is_empty() {
            let warning = format!("{}: {lost}; no sample of that", place.file);
            self.builder.report.warn(place.row.error(warning).to_string());
        }
        // Whoever asks for other sets misses nothing.
        if self.options.block_frames.is_some() || self.options.wants_set(&spot.set) {
            self.rows.give(place, n_samples, &lost);
        }
        Ok(())
    }

    /// The transmitters that a row asks for, of those heard.
    fn choose(
        &mut self,
        place: &Place,
        heard: &[(Option<MacAddress>, usize)],
    ) -> Result<Vec<Chosen>, SurveyError> {
        let (wanted, file, row) = (&place.access_point, &place.file, &place.row);
        let list = |of: &[&(Option<MacAddress>, usize)]| {
            let one = |(who, n): &&(Option<MacAddress>, usize)| format!("{n} of {}", called(*who));
            of.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        if wanted.is_empty() {
            let name = |who: Option<MacAddress>| who.map_or(NAMELESS.into(), |who| who.to_string());
            return Ok(heard.iter().map(|&(who, _)| (who, name(who))).collect());
        }
        if let Ok(address) = wanted.parse::<MacAddress>() {
            if heard.iter().any(|&(who, _)| who == Some(address)) {
                return Ok(vec![(Some(address), address.to_string())]);
            }
            return Err(row.error(format!(
                "access point {address} sent none of the frames in {file}, which has {}; correct the \
                 address or take the row out",
                list(&heard.iter().collect::<Vec<_>>())
            )));
        }
        let most = heard.iter().map(|&(_, n_frames)| n_frames).max();
        let (first, others): (Vec<_>, Vec<_>) =
            heard.iter().partition(|(_, n_frames)| Some(*n_frames) == most);
        if first.len() > 1 {
            return Err(row.error(format!(
                "which access point `{wanted}` is can't be told: {file} has as many frames of each, \
                 {}; write the address into the column access_point",
                list(&first)
            )));
        }
        if !others.is_empty() {
            let warning = format!(
                "`{wanted}` is taken for the most frequent transmitter in {file}, with {}; there are \
                 also {}; an address in the column access_point would choose",
                list(&first),
                list(&others)
            );
            self.builder.report.warn(row.error(warning).to_string());
        }
        self.rows.name((&place.environment, wanted), first[0].0, row)?;
        Ok(vec![(first[0].0, wanted.clone())])
    }

    /// Adds the samples of a recording; how many, and in `lost` why not more.
    fn add(
        &mut self,
        spot: &Spot,
        access_point: &str,
        recording: CsiRecording,
        lost: &mut Vec<String>,
    ) -> Result<usize, SurveyError> {
        let (n_frames, report) = (recording.n_frames(), &mut self.builder.report);
        let mut parts = parts(recording, self.options.block_frames, &spot.set, report);
        if let (Some(n), true) = (self.options.block_frames, parts.is_empty()) {
            lost.push(format!("{n_frames} frames of {access_point}, --block-frames asks for {n}"));
        }
        let before = parts.len();
        parts.retain(|(_, part)| {
            let is_silent = is_silent(part);
            report.drop_frames(ZEROS, if is_silent { part.n_frames() } else { 0 });
            !is_silent
        });
        match before - parts.len() {
            0 => {}
            n if n == before => lost.push(format!("all frames of {access_point} are zeros")),
            n => lost.push(format!("all frames of {access_point} in {n} blocks are zeros")),
        }
        let n_parts = parts.len();
        for (set, part) in parts {
            self.add_part(spot, access_point, &set, part)?;
        }
        Ok(n_parts)
    }

    fn add_part(
        &mut self,
        Spot { place, position, .. }: &Spot,
        access_point: &str,
        set: &str,
        recording: CsiRecording,
    ) -> Result<(), SurveyError> {
        let id = self.builder.access_points.intern(access_point);
        let name = format!("{}-{access_point}-{set}", place.file);
        let readings = recording.mean_rssi_dbm().map(|dbm| (id, dbm));
        let row = Row {
            environment: &place.environment,
            id: name.trim_end_matches('-').to_owned(),
            point: Some(&place.point),
            position: *position,
            device: recording.chip.name(),
            set,
            time_ms: time_ms(&recording),
            readings: readings.into_iter().collect(),
            csi: Some(SampleCsi { access_point: id, recording: recording.into() }),
            // Each recording counts, alike or not.
            rest: &[&name],
        };
        self.builder.add(row).map_err(|reason| place.row.error(reason))
    }
}

fn spot(table: &Table, by: EnvironmentBy) -> Result<Spot, SurveyError> {
    let named = |column: usize, otherwise: &str| match table.cell(column) {
        "" => otherwise.to_owned(),
        name => name.to_owned(),
    };
    let floor = table.floor(FLOOR)?;
    let place = Place {
        row: table.row(),
        file: table.name(0)?.to_owned(),
        environment: match by {
            EnvironmentBy::Floor => format!("f{floor}"),
            EnvironmentBy::Set => named(SET, "all"),
            EnvironmentBy::All => "all".to_owned(),
            _ => named(ENVIRONMENT, "all"),
        },
        point: table.name(1)?.to_owned(),
        access_point: table.cell(ACCESS_POINT).to_owned(),
    };
    let position = Position::new(table.number(2)?, table.number(3)?, floor);
    Ok(Spot { place, position, set: table.cell(SET).to_owned() })
}

fn read_capture(
    path: &Path,
    options: &CaptureOptions,
    report: &mut ImportReport,
) -> Result<Kinds, SurveyError> {
    let fail = |e| SurveyError::file(path, e);
    let input = unpacked(Box::new(std::fs::File::open(path).map_err(fail)?)).map_err(fail)?;
    let mut events =
        AnyReader::new(input, options).map_err(|e| SurveyError::format(path, e.to_string()))?;
    report.files += 1;
    let kinds = Kinds::read(path, events.by_ref(), report)?;
    for note in events.chip_notes() {
        report.warn(format!("{}: {note}", path.display()));
    }
    Ok(kinds)
}

/// A recording whole, or in blocks with sets of their own.
fn parts(
    recording: CsiRecording,
    block_frames: Option<usize>,
    set: &str,
    report: &mut ImportReport,
) -> Vec<(String, CsiRecording)> {
    let Some(n_frames) = block_frames else { return vec![(set.to_owned(), recording)] };
    let dash = if set.is_empty() { "" } else { "-" };
    let blocks = blocks(&recording, n_frames, report).into_iter().enumerate();
    blocks.map(|(index, block)| (format!("{set}{dash}b{index:03}"), block)).collect()
}

/// When a recording began, if its clock is the world's.
fn time_ms(recording: &CsiRecording) -> Option<i64> {
    match recording.chip {
        Chip::Intel5300 | Chip::Esp32 | Chip::Image => None,
        _ => i64::try_from(recording.time_ns.first()? / 1_000_000).ok(),
    }
}
