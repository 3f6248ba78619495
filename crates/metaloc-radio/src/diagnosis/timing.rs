//! When frames came, and which are missing.

use crate::signal::{Chip, CsiFrame};
use serde::Serialize;

/// Bins of intervals, a twentieth of an octave wide, from a nanosecond upward.
const BINS_PER_OCTAVE: f64 = 20.0;
const BINS: usize = 20 * 60;
/// Longest gaps that are remembered one by one.
const MOST_GAPS: usize = 32;
/// A clock of 32 bits begins anew after so much (ns).
const SHORT_CLOCK: u64 = (1 << 32) * 1000;
/// What is longer was no pause: somebody set the clock (ns).
const LONGEST_PAUSE: u64 = 365 * 24 * 3600 * 1_000_000_000;
/// Over so long a pause sequence numbers are not compared (ns).
const LONG_PAUSE: u64 = 1_000_000_000;
/// A pause counts as a gap from so many usual intervals on.
const GAP_INTERVALS: f64 = 10.0;

/// A pause between two frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// Number of the frame behind it, from 0.
    pub frame: u64,
    /// How long it was (s).
    pub seconds: f64,
}

/// When the frames of a group came.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TimingReport {
    /// From the first to the last frame (s), without what a clock that was set leapt over.
    pub duration_s: f64,
    /// Median of the intervals between frames (s); of two frames at the same time none is counted.
    pub median_interval_s: Option<f64>,
    /// Frames a second, at the median interval.
    pub frames_per_s: Option<f64>,
    /// Frames with the time of the one before.
    pub same_time: u64,
    /// How often the clock went back, or over a year on.
    pub clock_jumps: u64,
    /// Pauses of more than ten median intervals, about.
    pub gaps_10_intervals: u64,
    /// Pauses of more than a second.
    pub gaps_1_s: u64,
    /// The longest pauses of more than ten median intervals, longest first; at most 32.
    pub longest_gaps: Vec<Gap>,
}

/// What the sequence numbers of a group say, of frames at most a second apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SequenceReport {
    /// Numbers that no frame here has, between those that have one.
    pub missing: u64,
    /// Frames with the number of the one before.
    pub repeated: u64,
    /// Frames with a number lower than that of the one before.
    pub backward: u64,
    /// By how much the numbers rose in all.
    pub advanced: u64,
}

impl SequenceReport {
    /// The share of numbers that are missing.
    #[must_use]
    pub fn missing_share(&self) -> f64 {
        self.missing as f64 / self.advanced.max(1) as f64
    }
}

/// Watches times and sequence numbers.
#[derive(Debug)]
pub(super) struct Timing {
    last_ns: Option<u64>,
    last_sequence: Option<u16>,
    report: TimingReport,
    sequence: SequenceReport,
    /// Count and sum (s) of the intervals of each bin.
    bins: Vec<(u64, f64)>,
}

impl Timing {
    pub(super) fn new() -> Self {
        Self {
            last_ns: None,
            last_sequence: None,
            report: TimingReport::default(),
            sequence: SequenceReport::default(),
            bins: vec![(0, 0.0); BINS],
        }
    }

    /// The frame with this number.
    pub(super) fn observe(&mut self, number: u64, frame: &CsiFrame) {
        let mut is_near = true;
        if let Some(last) = self.last_ns.replace(frame.time_ns) {
            let interval = interval(last, frame.time_ns);
            is_near = interval.is_some_and(|ns| ns < LONG_PAUSE);
            match interval {
                None => self.report.clock_jumps += 1,
                Some(0) => self.report.same_time += 1,
                Some(ns) => self.interval(number, ns),
            }
        }
        let Some(sequence) = frame.sequence else { return };
        // In a longer pause numbers may have begun anew.
        if let Some(last) = self.last_sequence.replace(sequence).filter(|_| is_near) {
            let count: u64 = if frame.chip == Chip::Intel5300 { 1 << 16 } else { 1 << 12 };
            match (count + u64::from(sequence) - u64::from(last)) % count {
                0 => self.sequence.repeated += 1,
                step if step < count / 2 => {
                    self.sequence.advanced += step;
                    self.sequence.missing += step - 1;
                }
                _ => self.sequence.backward += 1,
            }
        }
    }

    fn interval(&mut self, frame: u64, ns: u64) {
        let seconds = ns as f64 * 1e-9;
        self.report.duration_s += seconds;
        self.report.gaps_1_s += u64::from(seconds > 1.0);
        let bin = &mut self.bins[bin(ns)];
        *bin = (bin.0 + 1, bin.1 + seconds);
        let gaps = &mut self.report.longest_gaps;
        let at = gaps.partition_point(|gap| gap.seconds >= seconds);
        gaps.insert(at, Gap { frame, seconds });
        gaps.truncate(MOST_GAPS);
    }

    pub(super) fn finish(self) -> (TimingReport, Option<SequenceReport>) {
        let (mut report, bins) = (self.report, self.bins);
        let n: u64 = bins.iter().map(|bin| bin.0).sum();
        let mut below = 0;
        let middle = bins.iter().find(|bin| {
            below += bin.0;
            2 * below >= n.max(1)
        });
        if let Some(&(count, sum)) = middle {
            let interval = sum / count as f64;
            let is_gap = |seconds: f64| seconds > GAP_INTERVALS * interval;
            let gaps = bins.iter().filter(|bin| bin.0 > 0 && is_gap(bin.1 / bin.0 as f64));
            report.gaps_10_intervals = gaps.map(|bin| bin.0).sum();
            report.longest_gaps.retain(|gap| is_gap(gap.seconds));
            report.median_interval_s = Some(interval);
            report.frames_per_s = Some(1.0 / interval);
        }
        // Numbers that never rise count nothing.
        (report, (self.sequence.advanced > 0).then_some(self.sequence))
    }
}

/// Time from one frame to the next (ns); `None` if the clock went back or was set.
fn interval(last: u64, next: u64) -> Option<u64> {
    if next >= last {
        return Some(next - last).filter(|&ns| ns < LONGEST_PAUSE);
    }
    // A clock of 32 bits begins anew; one that leaps by more than half of them was set to zero.
    let around = (next + SHORT_CLOCK).checked_sub(last)?;
    (last < SHORT_CLOCK && around < SHORT_CLOCK / 2).then_some(around)
}

/// The bin of an interval of at least a nanosecond.
fn bin(ns: u64) -> usize {
    (((ns as f64).log2() * BINS_PER_OCTAVE) as usize).min(BINS - 1)
}
