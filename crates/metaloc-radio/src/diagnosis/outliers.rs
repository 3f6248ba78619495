//! Frames unlike the others.

use super::sample::Sampled;
use serde::Serialize;

/// A frame whose correlation with the median spectrum is lower is an outlier.
pub const LEAST_CORRELATION: f64 = 0.5;
/// As is one whose norm is further from the median norm, in standard deviations that the median
/// deviation stands for.
pub const MOST_DEVIATIONS: f64 = 3.0;
/// Standard deviation of a normal distribution over its median deviation.
const NORMAL: f64 = 1.4826;

/// How many frames of the sample are unlike the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutlierReport {
    /// Frames looked at.
    pub looked_at: usize,
    /// Those whose spectrum is unlike the median spectrum.
    pub by_shape: usize,
    /// Those whose norm is.
    pub by_norm: usize,
    /// Those to which either applies.
    pub either: usize,
}

impl OutlierReport {
    /// Of the frames of a sample, on the places that are kept of each stream's `n_places`.
    pub(super) fn of(frames: &[Sampled], n_places: usize, kept: &[usize]) -> Self {
        let rows: Vec<Vec<f64>> = frames.iter().map(|frame| on(frame, n_places, kept)).collect();
        let n_values = rows.first().map_or(0, Vec::len);
        let column = |place: usize| rows.iter().map(|row| row[place]).collect::<Vec<_>>();
        let spectrum: Vec<f64> =
            (0..n_values).map(|place| super::median(&mut column(place))).collect();
        let norms: Vec<f64> = frames
            .iter()
            .zip(&rows)
            .map(|(frame, row)| {
                f64::from(frame.level) * row.iter().map(|value| value * value).sum::<f64>().sqrt()
            })
            .collect();
        let (middle, deviation) = super::median_and_deviation(&mut norms.clone());
        // Rounding alone makes no outlier.
        let most = MOST_DEVIATIONS * NORMAL * deviation + 1e-6 * middle;
        let mut report = Self { looked_at: frames.len(), ..Self::default() };
        for (row, norm) in rows.iter().zip(&norms) {
            let shape = correlation(row, &spectrum).is_some_and(|found| found < LEAST_CORRELATION);
            let norm = (norm - middle).abs() > most;
            report.by_shape += usize::from(shape);
            report.by_norm += usize::from(norm);
            report.either += usize::from(shape || norm);
        }
        report
    }
}

/// The amplitudes of all streams on some places.
fn on(frame: &Sampled, n_places: usize, kept: &[usize]) -> Vec<f64> {
    let streams = frame.amplitudes.chunks_exact(n_places.max(1));
    streams.flat_map(|stream| kept.iter().map(|&place| f64::from(stream[place]))).collect()
}

/// Pearson's correlation; `None` where one of the two is constant.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}
