//! What is good and bad about a capture of CSI, before anybody learns from it.
//!
//! [`Diagnosis`] sees one [`Event`] after the other and holds a bounded part of them: counts over all
//! frames, and of each group of frames that can be compared (one transmitter, one set of streams, one
//! channel) a sample of at most [`MOST_SAMPLED`], spread evenly. Medians, subcarriers and outliers are
//! those of the sample.

mod group;
mod level;
mod outliers;
mod sample;
mod selection;
mod subcarriers;
mod timing;

pub use group::GroupReport;
pub use level::{JUMP_DB, LevelReport};
pub use outliers::{LEAST_CORRELATION, MOST_DEVIATIONS, OutlierReport};
pub use sample::{MOST_SAMPLED, Sampled};
pub use selection::SelectionReport;
pub use subcarriers::{Condition, Finding};
pub use timing::{Gap, SequenceReport, TimingReport};

use crate::capture::{Event, Skip, SkipReason};
use crate::signal::CsiFrame;
use group::Group;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most groups of a capture; damaged addresses would make ever more of them.
pub const MOST_GROUPS: usize = 64;

/// Watches a capture, event by event.
#[derive(Debug, Default)]
pub struct Diagnosis {
    groups: Vec<Group>,
    frames: u64,
    ungrouped: u64,
    skips: BTreeMap<SkipReason, SkipCount>,
}

/// What was skipped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkipCount {
    /// The reason in words.
    pub reason: &'static str,
    /// How many parts.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Where the first begins, in bytes from the beginning of the capture.
    pub first_offset: u64,
}

/// What was found in a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureReport {
    /// Frames read.
    pub frames: u64,
    /// Those that no group had room for.
    pub ungrouped: u64,
    /// What was skipped, by reason.
    pub skipped: Vec<SkipCount>,
    /// The groups, that of most frames first.
    pub groups: Vec<GroupReport>,
}

impl Diagnosis {
    /// Takes one more event into account.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Frame(frame) => self.frame(frame),
            Event::Skip(skip) => self.skip(skip),
        }
    }

    /// Frames so far.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> CaptureReport {
        let mut groups: Vec<GroupReport> = self.groups.into_iter().map(Group::finish).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.frames));
        let skipped = self.skips.into_values().collect();
        CaptureReport { frames: self.frames, ungrouped: self.ungrouped, skipped, groups }
    }

    fn frame(&mut self, frame: &CsiFrame) {
        self.frames += 1;
        let at = self.groups.iter().position(|group| group.holds(frame));
        if at.is_none() && self.groups.len() == MOST_GROUPS {
            self.ungrouped += 1;
            return;
        }
        let at = at.unwrap_or_else(|| {
            self.groups.push(Group::of(frame));
            self.groups.len() - 1
        });
        self.groups[at].observe(frame);
    }

    fn skip(&mut self, skip: &Skip) {
        let count = self.skips.entry(skip.reason).or_insert_with(|| SkipCount {
            reason: skip.reason.text(),
            parts: 0,
            bytes: 0,
            first_offset: skip.offset,
        });
        count.parts += 1;
        count.bytes += skip.n_bytes;
    }
}

/// The middle of some numbers; 0 of none. Sorts them.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let n = numbers.len();
    if n == 0 { 0.0 } else { f64::midpoint(numbers[(n - 1) / 2], numbers[n / 2]) }
}

/// Median, and median distance from it.
fn median_and_deviation(numbers: &mut [f64]) -> (f64, f64) {
    let middle = median(numbers);
    numbers.iter_mut().for_each(|number| *number = (*number - middle).abs());
    (middle, median(numbers))
}

#[cfg(test)]
mod tests;
