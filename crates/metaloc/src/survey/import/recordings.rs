//! Frames of a capture as recordings.

use std::path::Path;

use metaloc_radio::capture::{CaptureError, Event, StreamJoiner};
use metaloc_radio::num_complex::Complex32;
use metaloc_radio::signal::{CsiFrame, CsiRecording, FrameFormat, MacAddress, SubcarrierRole};

use super::ImportReport;
use crate::survey::SurveyError;

pub(super) const OTHER_KIND: &str = "CSI frame of another transmitter, bandwidth or antennas";
const LEFT_OVER: &str = "CSI frame left over behind the last whole block";

/// Frames of a capture, by kind: transmitter, chip, bandwidth, antennas.
pub(super) struct Kinds(Vec<Vec<CsiFrame>>);

impl Kinds {
    /// Reads a capture; counts its frames, and what was skipped by reason.
    pub(super) fn read(
        path: &Path,
        events: impl Iterator<Item = Result<Event, CaptureError>>,
        report: &mut ImportReport,
    ) -> Result<Self, SurveyError> {
        let mut kinds: Vec<Vec<CsiFrame>> = Vec::new();
        let mut keep =
            |frame: CsiFrame| match kinds.iter_mut().find(|kind| is_alike(&kind[0], &frame)) {
                Some(kind) => kind.push(frame),
                None => kinds.push(vec![frame]),
            };
        let mut joiner = StreamJoiner::default();
        for event in events {
            match event.map_err(|e| SurveyError::format(path, e.to_string()))? {
                Event::Frame(frame) => joiner.push(frame).into_iter().for_each(&mut keep),
                Event::Skip(skip) => {
                    *report.frames_dropped.entry(skip.reason.text()).or_default() += 1;
                }
            }
        }
        joiner.finish().into_iter().for_each(keep);
        report.frames_read += kinds.iter().map(Vec::len).sum::<usize>();
        Ok(Self(kinds))
    }

    /// The transmitters with their numbers of frames, in the order in which they were first heard.
    pub(super) fn transmitters(&self) -> Vec<(Option<MacAddress>, usize)> {
        let mut met: Vec<(Option<MacAddress>, usize)> = Vec::new();
        for kind in &self.0 {
            match met.iter_mut().find(|(source, _)| *source == kind[0].source) {
                Some((_, n_frames)) => *n_frames += kind.len(),
                None => met.push((kind[0].source, kind.len())),
            }
        }
        met
    }

    /// Takes the most frequent kind of those that `of` says yes to; `None` without any.
    pub(super) fn take(
        &mut self,
        path: &Path,
        of: impl Fn(Option<MacAddress>) -> bool,
    ) -> Result<Option<CsiRecording>, SurveyError> {
        let candidates = (0..self.0.len()).filter(|&at| of(self.0[at][0].source));
        // Of equally frequent kinds the first one.
        let most = candidates.rev().max_by_key(|&at| self.0[at].len());
        let Some(at) = most else { return Ok(None) };
        let frames = self.0.remove(at);
        let recording = CsiRecording::new(frames);
        Ok(Some(recording.map_err(|e| SurveyError::format(path, e.to_string()))?))
    }

    /// Counts the frames that were not taken.
    fn drop_rest(self, report: &mut ImportReport) {
        report.drop_frames(OTHER_KIND, self.0.iter().map(Vec::len).sum());
    }
}

/// The recording of the most frequent kind of frame in a capture; `None` without any frame.
pub(super) fn record(
    path: &Path,
    events: impl Iterator<Item = Result<Event, CaptureError>>,
    report: &mut ImportReport,
) -> Result<Option<CsiRecording>, SurveyError> {
    let mut kinds = Kinds::read(path, events, report)?;
    let recording = kinds.take(path, |_| true)?;
    kinds.drop_rest(report);
    Ok(recording)
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
    report.drop_frames(LEFT_OVER, left_over);
    blocks
}

/// Whether all frames are zeros on every subcarrier that carries something: nothing was measured.
pub(super) fn is_silent(recording: &CsiRecording) -> bool {
    let (subcarriers, width) = (recording.subcarriers, recording.bandwidth_mhz);
    let role = |at| SubcarrierRole::among(subcarriers, at, width, FrameFormat::Legacy);
    let is_used = |place| subcarriers.at(place).is_some_and(|at| role(at).is_used());
    let used: Vec<bool> = (0..subcarriers.count()).map(is_used).collect();
    let mut values = recording.values.iter().zip(used.iter().cycle());
    values.all(|(value, &used)| !used || *value == Complex32::ZERO)
}
