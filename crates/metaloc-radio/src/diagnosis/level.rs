//! How strong frames are, and where that leaps: the receiver's automatic gain control sets the scale of
//! a frame's values anew now and then.

use serde::Serialize;
use std::collections::VecDeque;

/// Smallest leap that counts (dB).
pub const JUMP_DB: f64 = 3.0;
/// Frames on either side whose medians must differ too.
const AROUND: usize = 5;
/// Jumps that are remembered one by one.
const MOST_JUMPS: usize = 64;

/// How the overall level of frames moved.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LevelReport {
    /// Leaps of the level by more than [`JUMP_DB`] between two frames, that last.
    pub jumps: u64,
    /// Those on which the RSS leapt the same way: the signal changed, not only its scale.
    pub jumps_with_rssi: u64,
    /// The largest (dB).
    pub largest_jump_db: Option<f64>,
    /// Numbers of the frames behind the first 64, from 0.
    pub jump_frames: Vec<u64>,
}

/// Watches levels.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// Number, level (dB) and RSS (dBm) of the last frames.
    recent: VecDeque<(u64, f64, Option<f32>)>,
    report: LevelReport,
}

impl Levels {
    pub(super) fn observe(&mut self, number: u64, level_db: f64, rssi_dbm: Option<f32>) {
        self.recent.push_back((number, level_db, rssi_dbm));
        if self.recent.len() == 2 * AROUND {
            self.judge();
            self.recent.pop_front();
        }
    }

    pub(super) fn finish(self) -> LevelReport {
        self.report
    }

    /// Whether the level leaps in the middle of the frames at hand.
    fn judge(&mut self) {
        let step_db = self.recent[AROUND].1 - self.recent[AROUND - 1].1;
        if step_db.abs() <= JUMP_DB {
            return;
        }
        let middle = |from: usize, what: fn(&(u64, f64, Option<f32>)) -> f64| {
            let part = self.recent.range(from..from + AROUND);
            super::median(&mut part.map(what).collect::<Vec<_>>())
        };
        let jump_db = middle(AROUND, |frame| frame.1) - middle(0, |frame| frame.1);
        if jump_db.abs() <= JUMP_DB || jump_db * step_db < 0.0 {
            return;
        }
        let rssi = |frame: &(u64, f64, Option<f32>)| frame.2.map_or(0.0, f64::from);
        let rssi_db = middle(AROUND, rssi) - middle(0, rssi);
        let report = &mut self.report;
        report.jumps += 1;
        // Half of it will do: RSS is rounded, and of all antennas together.
        report.jumps_with_rssi += u64::from(rssi_db / jump_db > 0.5);
        let larger = report.largest_jump_db.is_none_or(|largest| jump_db.abs() > largest.abs());
        if larger {
            report.largest_jump_db = Some(jump_db);
        }
        if report.jump_frames.len() < MOST_JUMPS {
            report.jump_frames.push(self.recent[AROUND].0);
        }
    }
}
