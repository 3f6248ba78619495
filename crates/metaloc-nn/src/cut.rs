//! How a batch is cut into what runs at the same time, and into what stays in the cache.

use crate::plan::Plan;
use crate::real::Real;
use crate::workspace::Lane;
use std::ops::Range;

/// Values that a part of a batch keeps, at most, so that they stay in the second cache.
const PART_VALUES: usize = 128 * 1024;
/// Lanes that a splitting workspace cuts a batch into, at most: the threads that can share it. They
/// do not depend on the number of threads, so that results do not either.
pub(crate) const MOST_LANES: usize = 16;
/// Samples of a lane, about: each lane costs a gradient of its own, to be summed.
const LANE_SAMPLES: usize = 7;
/// Multiply-adds below which a batch is not worth the splitting.
const WORTH_SPLITTING: usize = 2_000_000;

/// How a batch is cut: into lanes, which may run at the same time, and these into parts, which
/// follow one another and stay in the second cache. It depends on sizes alone.
pub(crate) struct Cut {
    n: usize,
    pub(crate) n_lanes: usize,
    /// Samples of a part.
    part: usize,
}

impl Cut {
    /// Cuts a batch of `n` samples; not at all where samples belong together, and into one lane
    /// unless it may be split and is worth it.
    pub(crate) fn new(plan: &Plan, n: usize, splits: bool, together: bool) -> Self {
        if together {
            return Self { n, n_lanes: 1, part: n };
        }
        let work = plan.n_products().saturating_mul(n);
        let splits = splits && work >= WORTH_SPLITTING && n > 1;
        let n_lanes = if splits { (n / LANE_SAMPLES).clamp(2, MOST_LANES) } else { 1 };
        Self { n, n_lanes, part: (PART_VALUES / plan.kept_values()).max(1) }
    }

    /// The samples of a lane.
    pub(crate) fn samples(&self, lane: usize) -> Range<usize> {
        lane * self.n / self.n_lanes..(lane + 1) * self.n / self.n_lanes
    }

    /// Calls `run(first, n)` for all parts of a lane.
    pub(crate) fn each_part(&self, lane: usize, mut run: impl FnMut(usize, usize)) {
        let samples = self.samples(lane);
        // As many parts as needed, nearly equal.
        let part = samples.len().div_ceil(samples.len().div_ceil(self.part));
        for first in samples.clone().step_by(part) {
            run(first, part.min(samples.end - first));
        }
    }

    pub(crate) fn reserve<R: Real>(&self, lanes: &mut Vec<Lane<R>>) {
        if lanes.len() < self.n_lanes {
            lanes.resize_with(self.n_lanes, Lane::default);
        }
    }
}
