//! Which subcarriers carry a signal, and which something else.

use super::sample::Sampled;
use crate::signal::{CsiFrame, Subcarriers};
use num_complex::Complex32;
use serde::Serialize;

/// Share of the usual amplitude below which nothing is received.
const SILENT: f64 = 0.06;
/// A subcarrier that is silent in so large a share of frames is dead.
const DEAD_SHARE: f64 = 0.9;
/// So many times its neighbours' amplitude, or their deviation, is no channel's doing.
const TOO_STRONG: f64 = 3.2;
const TOO_UNSTEADY: f64 = 4.0;
/// A deviation below this share of the neighbours' amplitude is steady.
const STEADY: f64 = 0.3;
/// Neighbours on either side.
const NEIGHBORS: usize = 4;
/// Fewer frames show neither junk nor that a value is constant.
const LEAST_FRAMES: u64 = 10;
/// A part of 20 MHz is empty if its amplitude is below this share of that of the strongest part.
const EMPTY: f64 = 0.1;
/// What is not stronger than this many times the usual amplitude in empty parts is as silent as those:
/// the null and the guards of a narrower frame.
const AS_SILENT: f64 = 1.4;
/// Places of a part of 20 MHz.
const PART: usize = 64;

/// What was found on a subcarrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// A signal.
    Alive,
    /// Nearly nothing, nearly always.
    Dead,
    /// The same value in all frames.
    Constant,
    /// Something far stronger or far less steady than its neighbours.
    Junk,
}

/// A subcarrier and what was found on it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The subcarrier.
    pub subcarrier: i16,
    /// What was found, on the worst of the streams; dead only if all are.
    pub condition: Condition,
    /// Median amplitude over the level, mean over the streams (dB).
    pub median_db: f64,
}

/// Whether a value ever changed, `[streams, subcarriers]`.
#[derive(Debug)]
pub(super) struct Constancy {
    first: Vec<Complex32>,
    changed: Vec<bool>,
    frames: u64,
}

impl Constancy {
    pub(super) fn of(frame: &CsiFrame) -> Self {
        let changed = vec![false; frame.values.len()];
        Self { first: frame.values.clone(), changed, frames: 0 }
    }

    pub(super) fn observe(&mut self, frame: &CsiFrame) {
        self.frames += 1;
        let values = self.first.iter().zip(&frame.values);
        for (changed, (first, value)) in self.changed.iter_mut().zip(values) {
            *changed |= first != value;
        }
    }

    /// How many values a frame has.
    pub(super) fn len(&self) -> usize {
        self.first.len()
    }

    fn is_constant(&self, place: usize) -> bool {
        self.frames >= LEAST_FRAMES && !self.changed[place]
    }
}

/// Root of the mean power of the values on `used` places, without the strongest twentieth, which may
/// be junk; `None` without a finite and positive one.
pub(super) fn level(values: &[Complex32], n_places: usize, used: &[usize]) -> Option<f32> {
    let streams = values.chunks_exact(n_places.max(1));
    let mut powers: Vec<f32> =
        streams.flat_map(|stream| used.iter().map(|&place| stream[place].norm_sqr())).collect();
    let n = (powers.len() * 19).div_ceil(20);
    if n == 0 {
        return None;
    }
    powers.select_nth_unstable_by(n - 1, f32::total_cmp);
    let level = (powers[..n].iter().map(|&power| f64::from(power)).sum::<f64>() / n as f64).sqrt();
    Some(level as f32).filter(|level| level.is_finite() && *level > 0.0)
}

/// What was found on every subcarrier; `used` are the places that any format uses.
pub(super) fn findings(
    frames: &[Sampled],
    subcarriers: Subcarriers,
    used: &[usize],
    constancy: &Constancy,
) -> Vec<Finding> {
    let n_places = subcarriers.count();
    let n_streams = frames.first().map_or(0, |frame| frame.amplitudes.len() / n_places.max(1));
    let streams: Vec<Vec<(Condition, f64)>> = (0..n_streams)
        .map(|stream| {
            conditions(frames, stream * n_places..(stream + 1) * n_places, used, constancy)
        })
        .collect();
    let finding = |place: usize| {
        let all = || streams.iter().map(|stream| stream[place]);
        let is_dead = all().all(|(condition, _)| condition == Condition::Dead);
        let worst = all().map(|(condition, _)| condition).filter(|&c| c != Condition::Dead).max();
        let amplitude = all().map(|(_, amplitude)| amplitude).sum::<f64>() / n_streams as f64;
        Some(Finding {
            subcarrier: subcarriers.at(place)?,
            condition: if is_dead { Condition::Dead } else { worst.unwrap_or(Condition::Dead) },
            median_db: 20.0 * amplitude.max(1e-6).log10(),
        })
    };
    if n_streams == 0 { Vec::new() } else { (0..n_places).filter_map(finding).collect() }
}

/// Condition and median amplitude of each place of a stream.
fn conditions(
    frames: &[Sampled],
    stream: std::ops::Range<usize>,
    used: &[usize],
    constancy: &Constancy,
) -> Vec<(Condition, f64)> {
    let first = stream.start;
    let mut statistics: Vec<(f64, f64, bool)> = stream
        .map(|at| {
            let amplitudes = frames.iter().map(|frame| frame.amplitudes[at]);
            let mut amplitudes: Vec<f64> = amplitudes.map(f64::from).collect();
            let (median, deviation) = super::median_and_deviation(&mut amplitudes);
            (median, deviation, false)
        })
        .collect();
    let parts = parts(&statistics, used);
    let usual = parts.iter().copied().fold(0.0, f64::max);
    let in_empty_parts = parts.iter().copied().filter(|part| *part < EMPTY * usual);
    let silence = AS_SILENT * in_empty_parts.fold(0.0, f64::max);
    for (place, statistic) in statistics.iter_mut().enumerate() {
        let amplitudes = frames.iter().map(|frame| f64::from(frame.amplitudes[first + place]));
        let silent = amplitudes.filter(|amplitude| *amplitude < SILENT * usual).count();
        let is_empty = parts.get(place / PART).is_some_and(|&part| part < EMPTY * usual);
        statistic.2 = is_empty && used.binary_search(&place).is_ok()
            || statistic.0 <= silence
            || silent as f64 >= DEAD_SHARE * frames.len() as f64;
    }
    let alive: Vec<usize> = used.iter().copied().filter(|&place| !statistics[place].2).collect();
    let condition = |place: usize| {
        let (median, deviation, is_dead) = statistics[place];
        let condition = match () {
            () if is_dead => Condition::Dead,
            () if constancy.is_constant(first + place) => Condition::Constant,
            () if constancy.frames >= LEAST_FRAMES
                && is_junk(median, deviation, &neighbors(place, &alive, &statistics)) =>
            {
                Condition::Junk
            }
            () => Condition::Alive,
        };
        (condition, median)
    };
    (0..statistics.len()).map(condition).collect()
}

/// The usual amplitude of each part of 20 MHz.
fn parts(statistics: &[(f64, f64, bool)], used: &[usize]) -> Vec<f64> {
    let part = |part: usize| {
        let places = used.iter().filter(|&&place| place / PART == part);
        super::median(&mut places.map(|&place| statistics[place].0).collect::<Vec<_>>())
    };
    (0..statistics.len().div_ceil(PART)).map(part).collect()
}

/// The parts of 20 MHz that carry a signal, first and last subcarrier of each; none if all do.
pub(super) fn occupied(findings: &[Finding], used: &[usize]) -> Vec<[i16; 2]> {
    let is_empty =
        |places: &[usize]| places.iter().all(|&place| findings[place].condition == Condition::Dead);
    let parts: Vec<&[usize]> = used.chunk_by(|a, b| a / PART == b / PART).collect();
    let filled = |part: &&&[usize]| !is_empty(part);
    if findings.is_empty() || parts.iter().all(|part| filled(&part)) {
        return Vec::new();
    }
    let ends = |part: &&[usize]| {
        let place = part[0] / PART * PART;
        let last = (place + PART).min(findings.len()) - 1;
        [findings[place].subcarrier, findings[last].subcarrier]
    };
    parts.iter().filter(filled).map(ends).collect()
}

/// Median and deviation of the nearest places with a signal.
fn neighbors(place: usize, alive: &[usize], statistics: &[(f64, f64, bool)]) -> Vec<(f64, f64)> {
    let below = alive.partition_point(|&other| other < place);
    let above = alive.partition_point(|&other| other <= place);
    let near = alive[below.saturating_sub(NEIGHBORS)..below].iter();
    let near = near.chain(&alive[above..alive.len().min(above + NEIGHBORS)]);
    near.map(|&other| (statistics[other].0, statistics[other].1)).collect()
}

fn is_junk(median: f64, deviation: f64, neighbors: &[(f64, f64)]) -> bool {
    if neighbors.len() < NEIGHBORS {
        return false;
    }
    let amplitude = super::median(&mut neighbors.iter().map(|n| n.0).collect::<Vec<_>>());
    let usual = super::median(&mut neighbors.iter().map(|n| n.1).collect::<Vec<_>>());
    median > TOO_STRONG * amplitude
        || deviation > TOO_UNSTEADY * usual && deviation > STEADY * amplitude
}
