//! What was found in a capture, for programs: a row a group.

use metaloc::radio::capture::NamedChip;
use metaloc::radio::diagnosis::{
    Condition, GroupReport, LevelReport, OutlierReport, SelectionReport, SequenceReport, SkipCount,
    TimingReport,
};
use metaloc::radio::signal::SubcarrierRole;
use serde::Serialize;

use super::Patient;

/// A group of frames, or a capture without any.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    capture: &'a str,
    format: &'static str,
    bytes: u64,
    error: Option<&'a str>,
    named_chips: &'a [NamedChip],
    notes: &'a [String],
    capture_frames: u64,
    ungrouped_frames: u64,
    skipped: &'a [SkipCount],
    #[serde(flatten)]
    group: Option<Group<'a>>,
}

#[derive(Debug, Serialize)]
struct Group<'a> {
    chip: &'static str,
    transmitter: Option<String>,
    channel: Option<u8>,
    bandwidth_mhz: u16,
    streams: Vec<[u8; 2]>,
    subcarriers: usize,
    frames: u64,
    zero_frames: u64,
    timing: &'a TimingReport,
    sequence: Option<SequenceReport>,
    rssi_dbm: Option<[f64; 3]>,
    level: &'a LevelReport,
    expected_silent: Vec<i16>,
    dead: Vec<i16>,
    constant: Vec<i16>,
    junk: Vec<i16>,
    occupied: &'a [[i16; 2]],
    outliers: OutlierReport,
    dropped_share: f64,
    selection: &'a SelectionReport,
}

pub(super) fn rows(patient: &Patient) -> Vec<Row<'_>> {
    let report = &patient.report;
    let row = |group| Row {
        capture: &patient.name,
        format: patient.format.name(),
        bytes: patient.n_bytes,
        error: patient.error.as_deref(),
        named_chips: &patient.named_chips,
        notes: &patient.chip_notes,
        capture_frames: report.frames,
        ungrouped_frames: report.ungrouped,
        skipped: &report.skipped,
        group,
    };
    match report.groups.is_empty() {
        true => vec![row(None)],
        false => report.groups.iter().map(|found| row(Some(group(found)))).collect(),
    }
}

fn group(found: &GroupReport) -> Group<'_> {
    Group {
        chip: found.chip.name(),
        transmitter: found.source.map(|source| source.to_string()),
        channel: found.channel,
        bandwidth_mhz: found.bandwidth_mhz,
        streams: found.streams.iter().map(|way| [way.receive, way.transmit]).collect(),
        subcarriers: found.subcarriers.count(),
        frames: found.frames,
        zero_frames: found.zero_frames,
        timing: &found.timing,
        sequence: found.sequence,
        rssi_dbm: found.rssi_dbm,
        level: &found.level,
        expected_silent: silent(found),
        dead: with(found, Condition::Dead),
        constant: with(found, Condition::Constant),
        junk: with(found, Condition::Junk),
        occupied: &found.occupied,
        outliers: found.outliers,
        dropped_share: found.dropped_share(),
        selection: &found.selection,
    }
}

/// The subcarriers in this condition.
pub(super) fn with(found: &GroupReport, condition: Condition) -> Vec<i16> {
    let all = found.findings.iter().filter(|finding| finding.condition == condition);
    all.map(|finding| finding.subcarrier).collect()
}

/// The subcarriers on which nothing should be sent.
pub(super) fn silent(found: &GroupReport) -> Vec<i16> {
    let all = found.findings.iter().map(|finding| finding.subcarrier);
    all.filter(|&at| matches!(found.expected(at), SubcarrierRole::Null | SubcarrierRole::Guard))
        .collect()
}
