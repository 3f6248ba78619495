//! CSUIndoorLoc-CSI-RSSI: Nexmon captures along paths (Wang and Pasricha, IPIN 2022).
//!
//! `locations.csv`, and the captures `ref_LOCATION.pcap` and `test_LOCATION.pcap` in `ref.zip` and
//! `test.zip` or in folders, read in place. An environment is a path with one access point on one
//! channel: the path's number, with a letter by date and channel where there are several (`5a`, `5b`).
//! A capture is cut into blocks of 50 frames; a sample is a block, its set says which (`ref-b07`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use metaloc_radio::capture::NexmonReader;
use metaloc_radio::geometry::Position;

use super::archive::Archive;
use super::builder::{Builder, Row};
use super::recordings::{blocks, record};
use super::{EnvironmentBy, ImportOptions};
use crate::survey::table::csv_error;
use crate::survey::{Provenance, SampleCsi, SurveyError};

const PUBLISHED: &str =
    "the data set is published at https://github.com/EPIC-CSU/csi-rssi-dataset-indoor-nav";
const NO_FRAMES: &str = "no CSI frame in the capture";
const NO_POSITION: &str = "capture without coordinates";
/// Frames of a block: an image of the paper.
const BLOCK_FRAMES: usize = 50;

/// A row of `locations.csv`.
#[derive(serde::Deserialize)]
struct Location {
    set: String,
    location: String,
    path: String,
    x_m: Option<f64>,
    y_m: Option<f64>,
    ap_mac: String,
    channel: u16,
    rssi_dbm: Option<f32>,
    first_packet_utc: String,
}

impl Location {
    /// What makes an environment: path, day, channel and access point.
    fn key(&self) -> (String, String, u16, String) {
        let day = self.first_packet_utc.get(..10).unwrap_or_default().to_owned();
        (self.path.clone(), day, self.channel, self.ap_mac.clone())
    }
}

pub(super) fn read(
    paths: &[PathBuf],
    by: EnvironmentBy,
    options: &ImportOptions,
) -> Result<Builder, SurveyError> {
    let mut builder = Builder::new("csu", provenance(), options);
    [NO_FRAMES, NO_POSITION].into_iter().for_each(|reason| builder.expect_reason(reason));
    for folder in paths {
        read_folder(&mut builder, by, folder)?;
    }
    Ok(builder)
}

fn read_folder(builder: &mut Builder, by: EnvironmentBy, folder: &Path) -> Result<(), SurveyError> {
    let locations = locations(&folder.join("locations.csv"))?;
    let names = environment_names(&locations);
    builder.begin_set(1);
    for set in ["ref", "test"] {
        if !locations.iter().any(|location| location.set == set) {
            continue;
        }
        let zipped = folder.join(format!("{set}.zip"));
        let place = if zipped.exists() { zipped } else { folder.join(set) };
        let mut archive = Archive::open(&place, PUBLISHED)?;
        for location in locations.iter().filter(|location| location.set == set) {
            let environment = match by {
                EnvironmentBy::All => "all",
                _ => &names[&location.key()],
            };
            read_capture(builder, &mut archive, environment, location)?;
        }
    }
    Ok(())
}

fn locations(path: &Path) -> Result<Vec<Location>, SurveyError> {
    let file = std::fs::File::open(path).map_err(|e| SurveyError::opening(path, e, PUBLISHED))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    reader.deserialize().map(|row| row.map_err(|e| csv_error(path, &e))).collect()
}

/// `1a`, `1b`, `2`: the path's number, with a letter where it has several access points or channels.
fn environment_names(locations: &[Location]) -> BTreeMap<(String, String, u16, String), String> {
    let mut names: BTreeMap<_, _> = locations
        .iter()
        .filter(|location| !location.path.is_empty())
        .map(|location| (location.key(), String::new()))
        .collect();
    let keys: Vec<_> = names.keys().cloned().collect();
    for (key, name) in &mut names {
        let of_path: Vec<_> = keys.iter().filter(|other| other.0 == key.0).collect();
        let at = of_path.iter().position(|other| *other == key).unwrap_or(0);
        *name = match of_path.len() {
            1 => key.0.clone(),
            2..=26 => format!("{}{}", key.0, char::from(b'a' + at as u8)),
            _ => format!("{}-{at}", key.0),
        };
    }
    // A capture of no path has no coordinates either.
    for location in locations.iter().filter(|location| location.path.is_empty()) {
        names.insert(location.key(), "none".into());
    }
    names
}

fn read_capture(
    builder: &mut Builder,
    archive: &mut Archive,
    environment: &str,
    location: &Location,
) -> Result<(), SurveyError> {
    let (Some(x_m), Some(y_m)) = (location.x_m, location.y_m) else {
        builder.drop_row(NO_POSITION);
        return Ok(());
    };
    if !builder.meet(environment) {
        builder.leave_out();
        return Ok(());
    }
    let (set, name) = (&location.set, &location.location);
    builder.begin_set(1);
    let (path, input) = archive.file(&format!("{set}_{name}.pcap"))?;
    let refuse = |reason: String| SurveyError::format(&path, reason);
    let events = NexmonReader::new(input, None).map_err(|e| refuse(e.to_string()))?;
    let Some(recording) = record(&path, events, &mut builder.report)? else {
        builder.drop_row(NO_FRAMES);
        return Ok(());
    };
    let access_point = builder.access_points.intern(&location.ap_mac);
    // Test places carry the names of reference points that lie elsewhere.
    let point = if set == "ref" { name.clone() } else { format!("{set}-{name}") };
    let parts = blocks(&recording, BLOCK_FRAMES, &mut builder.report);
    for (index, block) in parts.into_iter().enumerate() {
        let time_ms = i64::try_from(block.time_ns[0] / 1_000_000).ok();
        let id = format!("{set}-{name}-b{index:02}");
        let row = Row {
            environment,
            id: id.clone(),
            point: Some(&point),
            position: Position::new(x_m, y_m, 0),
            device: "Raspberry Pi (bcm43455c0)",
            set: &format!("{set}-b{index:02}"),
            time_ms,
            readings: location.rssi_dbm.map(|dbm| (access_point, dbm)).into_iter().collect(),
            csi: Some(SampleCsi { access_point, recording: block.into() }),
            rest: &[&id],
        };
        builder.add(row).map_err(refuse)?;
    }
    Ok(())
}

fn provenance() -> Provenance {
    Provenance {
        citation: "L. Wang, S. Pasricha, A Framework for CSI-Based Indoor Localization with 1D \
                   Convolutional Neural Networks, IPIN 2022"
            .into(),
        licence: "BSD-3-Clause".into(),
        note: "the publisher does not state the coordinates' unit: metres are assumed".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_several_access_points_get_letters() {
        let location = |path: &str, channel, mac: &str| Location {
            set: "ref".into(),
            location: String::new(),
            path: path.into(),
            x_m: None,
            y_m: None,
            ap_mac: mac.into(),
            channel,
            rssi_dbm: None,
            first_packet_utc: "2022-01-08 10:00:00".into(),
        };
        let all = [location("5", 140, "c5"), location("5", 56, "9c"), location("2", 64, "67")];
        let names = environment_names(&all);
        assert_eq!(all.each_ref().map(|l| names[&l.key()].as_str()), ["5b", "5a", "2"]);
    }
}
