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
/// What falls by more was the clock too (ns).
const LONGEST_FALL: u64 = 24 * 3600 * 1_000_000_000;
/// Over so long a pause sequence numbers are not compared (ns).
const LONG_PAUSE: u64 = 1_000_000_000;
/// A pause counts as a gap from so many usual intervals on.
const GAP_INTERVALS: f64 = 10.0;

/// Frames are shuffled if times or sequence numbers fall in so large a share of them.
const SHUFFLED_SHARE: f64 = 0.05;

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
    /// From the earliest to the latest frame (s), without what a clock that was set leapt over.
    pub duration_s: f64,
    /// The same without the pauses of more than ten median intervals and a second (s).
    pub active_s: f64,
    /// Median of the intervals between frames (s); of two frames at the same time none is counted, and
    /// where times often fall there is none.
    pub median_interval_s: Option<f64>,
    /// Frames a second, over the time without pauses, [`Self::active_s`].
    pub frames_per_s: Option<f64>,
    /// Frames with the time of the one before.
    pub same_time: u64,
    /// How often the clock went back by more than a day or to its beginning, or over a year on.
    pub clock_jumps: u64,
    /// Frames with a time before that of the one before, by less: these stand in another order.
    pub falling: u64,
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
    /// Numbers that no frame here has, between those that have one; `None` where frames stand in
    /// another order than they were sent in, so that this can't be told.
    pub missing: Option<u64>,
    /// Frames with the number of the one before.
    pub repeated: u64,
    /// Frames with a number lower than that of the one before.
    pub backward: u64,
    /// By how much the numbers rose in all.
    pub advanced: u64,
    /// Frames with a number higher than that of the one before.
    pub forward: u64,
}

impl SequenceReport {
    /// The share of numbers that are missing.
    #[must_use]
    pub fn missing_share(&self) -> Option<f64> {
        self.missing.map(|missing| missing as f64 / self.advanced.max(1) as f64)
    }
}

/// Watches times and sequence numbers.
#[derive(Debug)]
pub(super) struct Timing {
    last_ns: Option<u64>,
    /// Place of the last frame on a time line without the clock's jumps, and the earliest and the
    /// latest place (ns).
    place: [i128; 3],
    last_sequence: Option<u16>,
    report: TimingReport,
    sequence: SequenceReport,
    /// Numbers left out.
    missing: u64,
    /// Earliest and latest time as the frames have it (ns), and how often it went back to a clock's
    /// beginning.
    times: [u64; 2],
    set_back: u64,
    /// Count and sum (s) of the intervals of each bin.
    bins: Vec<(u64, f64)>,
}

impl Timing {
    pub(super) fn new() -> Self {
        Self {
            last_ns: None,
            place: [0; 3],
            last_sequence: None,
            report: TimingReport::default(),
            sequence: SequenceReport::default(),
            missing: 0,
            times: [u64::MAX, 0],
            set_back: 0,
            bins: vec![(0, 0.0); BINS],
        }
    }

    /// The frame with this number.
    pub(super) fn observe(&mut self, number: u64, frame: &CsiFrame) {
        let mut is_near = true;
        let [earliest, latest] = self.times;
        self.times = [earliest.min(frame.time_ns), latest.max(frame.time_ns)];
        if let Some(last) = self.last_ns.replace(frame.time_ns) {
            let step = step(last, frame.time_ns);
            is_near = step.is_some_and(|ns| ns.abs() < i128::from(LONG_PAUSE));
            self.set_back += u64::from(step.is_none() && frame.time_ns < last);
            self.step(number, step);
        }
        let Some(sequence) = frame.sequence else { return };
        // In a longer pause numbers may have begun anew.
        if let Some(last) = self.last_sequence.replace(sequence).filter(|_| is_near) {
            let count: u64 = if frame.chip == Chip::Intel5300 { 1 << 16 } else { 1 << 12 };
            match (count + u64::from(sequence) - u64::from(last)) % count {
                0 => self.sequence.repeated += 1,
                step if step < count / 2 => {
                    self.sequence.advanced += step;
                    self.sequence.forward += 1;
                    self.missing += step - 1;
                }
                _ => self.sequence.backward += 1,
            }
        }
    }

    /// From one frame to this one; `None` where the clock was set.
    fn step(&mut self, frame: u64, step: Option<i128>) {
        let [place, earliest, latest] = &mut self.place;
        *place += step.unwrap_or(0);
        (*earliest, *latest) = ((*earliest).min(*place), (*latest).max(*place));
        match step.map(u64::try_from) {
            None => self.report.clock_jumps += 1,
            Some(Err(_)) => self.report.falling += 1,
            Some(Ok(0)) => self.report.same_time += 1,
            Some(Ok(ns)) => self.interval(frame, ns),
        }
    }

    fn interval(&mut self, frame: u64, ns: u64) {
        let seconds = ns as f64 * 1e-9;
        self.report.gaps_1_s += u64::from(seconds > 1.0);
        let bin = &mut self.bins[bin(ns)];
        *bin = (bin.0 + 1, bin.1 + seconds);
        let gaps = &mut self.report.longest_gaps;
        let at = gaps.partition_point(|gap| gap.seconds >= seconds);
        gaps.insert(at, Gap { frame, seconds });
        gaps.truncate(MOST_GAPS);
    }

    pub(super) fn finish(self) -> (TimingReport, Option<SequenceReport>) {
        let (is_shuffled, are_numbers) = self.shuffled();
        let Self { mut report, mut sequence, bins, .. } = self;
        let [_, earliest, latest] = self.place;
        report.duration_s = (latest - earliest) as f64 * 1e-9;
        if is_shuffled {
            // What looked like a clock set back is order too.
            report.falling += self.set_back;
            report.clock_jumps -= self.set_back;
            if report.clock_jumps == 0 {
                report.duration_s = (self.times[1] - self.times[0]) as f64 * 1e-9;
            }
        }
        report.active_s = report.duration_s;
        let n: u64 = bins.iter().map(|bin| bin.0).sum();
        let mut intervals = n + report.same_time + report.falling;
        let mut below = 0;
        let middle = bins.iter().find(|bin| {
            below += bin.0;
            2 * below >= n.max(1)
        });
        // Among shuffled times intervals are none.
        if let Some(&(count, sum)) = middle.filter(|_| !is_shuffled) {
            let interval = sum / count as f64;
            let is_gap = |seconds: f64| seconds > GAP_INTERVALS * interval;
            let means = bins.iter().filter(|bin| bin.0 > 0).map(|bin| (bin, bin.1 / bin.0 as f64));
            let gaps = || means.clone().filter(|(_, mean)| is_gap(*mean));
            report.gaps_10_intervals = gaps().map(|(bin, _)| bin.0).sum();
            report.longest_gaps.retain(|gap| is_gap(gap.seconds));
            report.median_interval_s = Some(interval);
            for (bin, _) in gaps().filter(|(_, mean)| *mean > 1.0) {
                intervals -= bin.0;
                report.active_s -= bin.1;
            }
        } else {
            report.longest_gaps.clear();
            report.gaps_1_s = 0;
        }
        report.frames_per_s = rate(intervals, report.active_s);
        sequence.missing = (!is_shuffled && !are_numbers).then_some(self.missing);
        // Numbers that never rise count nothing.
        (report, (sequence.advanced > 0).then_some(sequence))
    }

    /// Whether times, and whether numbers fall so often that frames stand in another order than they
    /// came in. Transmitters that count each kind of traffic by itself shuffle numbers only.
    fn shuffled(&self) -> (bool, bool) {
        let rising: u64 = self.bins.iter().map(|bin| bin.0).sum();
        let often = |falling: u64, rising: u64| {
            falling > 2 && falling as f64 > SHUFFLED_SHARE * (falling + rising) as f64
        };
        let SequenceReport { backward, forward, .. } = self.sequence;
        (often(self.report.falling + self.set_back, rising), often(backward, forward))
    }
}

/// So many intervals in this time (s), a second.
fn rate(intervals: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0 && intervals > 0).then(|| intervals as f64 / seconds)
}

/// Time from one frame to the next (ns), below zero where frames stand in another order; `None` if the
/// clock was set.
fn step(last: u64, next: u64) -> Option<i128> {
    if next >= last {
        return Some(i128::from(next - last)).filter(|&ns| ns < i128::from(LONGEST_PAUSE));
    }
    // A clock of 32 bits begins anew.
    let around = (next + SHORT_CLOCK).checked_sub(last);
    if let Some(around) = around.filter(|&ns| last < SHORT_CLOCK && ns < SHORT_CLOCK / 2) {
        return Some(i128::from(around));
    }
    // A clock that leaps to its beginning was set, or the device started again.
    let fall = last - next;
    let began_anew = next < last / 2 && fall > LONG_PAUSE;
    (!began_anew && fall < LONGEST_FALL).then(|| -i128::from(fall))
}

/// The bin of an interval of at least a nanosecond.
fn bin(ns: u64) -> usize {
    (((ns as f64).log2() * BINS_PER_OCTAVE) as usize).min(BINS - 1)
}
