//! Frames that can be compared: of one transmitter, one set of streams, one channel.

use super::level::{LevelReport, Levels};
use super::outliers::OutlierReport;
use super::sample::{Sample, Sampled};
use super::selection::SelectionReport;
use super::subcarriers::{Constancy, Finding, findings, level, occupied};
use super::timing::{SequenceReport, Timing, TimingReport};
use crate::signal::{Chip, CsiFrame, FrameFormat, MacAddress, Stream, SubcarrierRole, Subcarriers};

/// What was found in a group of frames.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupReport {
    /// The chip that received them.
    pub chip: Chip,
    /// Who sent them, where the capture has it.
    pub source: Option<MacAddress>,
    /// Number of the Wi-Fi channel, where the capture has it.
    pub channel: Option<u8>,
    /// Width of the channel (MHz).
    pub bandwidth_mhz: u16,
    /// Which way the waves went, for each row of values.
    pub streams: Vec<Stream>,
    /// What a row's values stand for.
    pub subcarriers: Subcarriers,
    /// How many there are.
    pub frames: u64,
    /// Those whose used values are all zero.
    pub zero_frames: u64,
    /// When they came.
    pub timing: TimingReport,
    /// What their sequence numbers say; `None` where there are none, or they never rise.
    pub sequence: Option<SequenceReport>,
    /// Least, mean and greatest RSS (dBm), where the capture has it.
    pub rssi_dbm: Option<[f64; 3]>,
    /// How their level moved.
    pub level: LevelReport,
    /// What was found on each subcarrier.
    pub findings: Vec<Finding>,
    /// The parts of 20 MHz that frames narrower than the channel fill, first and last subcarrier of
    /// each; none if they fill it.
    pub occupied: Vec<[i16; 2]>,
    /// Which subcarriers to keep.
    pub selection: SelectionReport,
    /// How many of them are unlike the others.
    pub outliers: OutlierReport,
    /// Some of them, spread evenly.
    pub sample: Vec<Sampled>,
}

impl GroupReport {
    /// The role that a subcarrier should have, in the format that was recognized.
    #[must_use]
    pub fn expected(&self, subcarrier: i16) -> SubcarrierRole {
        let format = self.selection.format;
        SubcarrierRole::among(self.subcarriers, subcarrier, self.bandwidth_mhz, format)
    }

    /// Whether any frame has a signal; without one nothing is known of the subcarriers.
    #[must_use]
    pub fn has_signal(&self) -> bool {
        self.zero_frames < self.frames
    }

    /// Share of the frames that would not be kept: outliers, and those without a signal.
    #[must_use]
    pub fn dropped_share(&self) -> f64 {
        let zero = self.zero_frames as f64 / self.frames.max(1) as f64;
        let outliers = self.outliers.either as f64 / self.outliers.looked_at.max(1) as f64;
        zero + (1.0 - zero) * outliers
    }
}

/// Watches the frames of a group.
#[derive(Debug)]
pub(super) struct Group {
    chip: Chip,
    source: Option<MacAddress>,
    channel: Option<u8>,
    bandwidth_mhz: u16,
    streams: Vec<Stream>,
    subcarriers: Subcarriers,
    /// Places of the subcarriers that frames of any format use.
    used: Vec<usize>,
    frames: u64,
    zero_frames: u64,
    timing: Timing,
    levels: Levels,
    /// Least, sum, greatest (dBm) and count.
    rssi: (f64, f64, f64, u64),
    constancy: Constancy,
    sample: Sample,
}

impl Group {
    /// A group for frames like this one, still without any.
    pub(super) fn of(frame: &CsiFrame) -> Self {
        let (subcarriers, width) = (frame.subcarriers, frame.bandwidth_mhz);
        let is_used = |place: &usize| {
            let role = |at| SubcarrierRole::among(subcarriers, at, width, FrameFormat::Legacy);
            subcarriers.at(*place).is_some_and(|at| role(at).is_used())
        };
        let all = 0..subcarriers.count();
        let used = all.filter(is_used).collect();
        Self {
            chip: frame.chip,
            source: frame.source,
            channel: frame.channel,
            bandwidth_mhz: frame.bandwidth_mhz,
            streams: frame.streams.clone(),
            subcarriers,
            used,
            frames: 0,
            zero_frames: 0,
            timing: Timing::new(),
            levels: Levels::default(),
            rssi: (f64::INFINITY, 0.0, f64::NEG_INFINITY, 0),
            constancy: Constancy::of(frame),
            sample: Sample::new(),
        }
    }

    /// Whether a frame belongs to it.
    pub(super) fn holds(&self, frame: &CsiFrame) -> bool {
        self.source == frame.source
            && self.streams == frame.streams
            && self.channel == frame.channel
            && self.bandwidth_mhz == frame.bandwidth_mhz
            && self.subcarriers == frame.subcarriers
            && self.chip == frame.chip
            && self.constancy.len() == frame.values.len()
    }

    pub(super) fn observe(&mut self, frame: &CsiFrame) {
        let number = self.frames;
        self.frames += 1;
        self.timing.observe(number, frame);
        self.constancy.observe(frame);
        if let Some(dbm) = frame.rssi_dbm.map(f64::from) {
            let (least, sum, greatest, n) = self.rssi;
            self.rssi = (least.min(dbm), sum + dbm, greatest.max(dbm), n + 1);
        }
        let Some(level) = level(&frame.values, self.subcarriers.count(), &self.used) else {
            self.zero_frames += 1;
            return;
        };
        self.levels.observe(number, 20.0 * f64::from(level).log10(), frame.rssi_dbm);
        if self.sample.wants(number) {
            let amplitudes = frame.values.iter().map(|value| value.norm() / level).collect();
            self.sample.push(Sampled { number, level, amplitudes });
        }
    }

    pub(super) fn finish(self) -> GroupReport {
        let (subcarriers, width) = (self.subcarriers, self.bandwidth_mhz);
        let sample = self.sample.into_frames();
        let findings = findings(&sample, subcarriers, &self.used, &self.constancy);
        let selection = SelectionReport::of(&findings, self.chip, subcarriers, width);
        let kept: Vec<usize> =
            selection.kept.iter().filter_map(|&at| subcarriers.place(at)).collect();
        let (timing, sequence) = self.timing.finish();
        let (least, sum, greatest, n) = self.rssi;
        GroupReport {
            chip: self.chip,
            source: self.source,
            channel: self.channel,
            bandwidth_mhz: width,
            streams: self.streams,
            subcarriers,
            frames: self.frames,
            zero_frames: self.zero_frames,
            timing,
            sequence,
            rssi_dbm: (n > 0).then(|| [least, sum / n as f64, greatest]),
            level: self.levels.finish(),
            outliers: OutlierReport::of(&sample, subcarriers.count(), &kept),
            occupied: occupied(&findings, &self.used),
            findings,
            selection,
            sample,
        }
    }
}
