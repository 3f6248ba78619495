//! Frames of a capture as one recording.

use std::path::Path;

use metaloc_radio::capture::{CaptureError, Event};
use metaloc_radio::signal::{CsiFrame, CsiRecording};

use super::ImportReport;
use crate::survey::SurveyError;

const OTHER_KIND: &str = "CSI frame of another transmitter, bandwidth or antennas";
const LEFT_OVER: &str = "CSI frame left over behind the last whole block";

/// The recording of the kind of frame (transmitter, antennas, bandwidth) that is most frequent in a
/// capture; `None` without any frame.
pub(super) fn record(
    path: &Path,
    events: impl Iterator<Item = Result<Event, CaptureError>>,
    report: &mut ImportReport,
) -> Result<Option<CsiRecording>, SurveyError> {
    let mut groups: Vec<Vec<CsiFrame>> = Vec::new();
    for event in events {
        match event.map_err(|e| SurveyError::format(path, e.to_string()))? {
            Event::Frame(frame) => {
                report.frames_read += 1;
                match groups.iter_mut().find(|group| is_alike(&group[0], &frame)) {
                    Some(group) => group.push(frame),
                    None => groups.push(vec![frame]),
                }
            }
            Event::Skip(skip) => *report.frames_dropped.entry(skip.reason.text()).or_default() += 1,
        }
    }
    let total: usize = groups.iter().map(Vec::len).sum();
    // Of equally frequent kinds the first one.
    let Some(most) = groups.into_iter().rev().max_by_key(Vec::len) else { return Ok(None) };
    let others = total - most.len();
    if others > 0 {
        *report.frames_dropped.entry(OTHER_KIND).or_default() += others;
    }
    report.frames_kept += most.len();
    let recording = CsiRecording::new(most);
    Ok(Some(recording.map_err(|e| SurveyError::format(path, e.to_string()))?))
}

fn is_alike(a: &CsiFrame, b: &CsiFrame) -> bool {
    let kind =
        |frame: &CsiFrame| (frame.source, frame.chip, frame.bandwidth_mhz, frame.subcarriers);
    kind(a) == kind(b) && a.streams == b.streams
}

/// The recording in blocks of so many frames; those left over are counted.
pub(super) fn blocks(
    recording: &CsiRecording,
    n_frames: usize,
    report: &mut ImportReport,
) -> Vec<CsiRecording> {
    let blocks = recording.blocks(n_frames);
    let left_over = recording.n_frames() - blocks.len() * n_frames;
    if left_over > 0 {
        *report.frames_dropped.entry(LEFT_OVER).or_default() += left_over;
        report.frames_kept -= left_over;
    }
    blocks
}
