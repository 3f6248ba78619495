//! Spectra without gain and without unstable subcarriers, old ones rebuilt, altered access points left out
//! (`crisloc-like`).
//!
//! Z. Gao, Y. Gao, S. Wang, D. Li, Y. Xu, "CRISLoc: reconstructable CSI fingerprinting for indoor smartphone
//! localization", IEEE IoT Journal 8 (2021), arXiv 1910.06895. What stands here:
//!
//! ```text
//! gain        each packet's amplitudes over their mean, stream by stream
//! filter      packets farthest from the window's mean are dropped, and subcarriers whose deviation within
//!             points is greatest beside the deviation of all
//! altered     an access point is, if the survey's windows, placed by it alone among the old fingerprints,
//!             are in the mean more than [`ALTERED`] times as far off as by the median access point
//! rebuilt     old fingerprints of the other access points by the map from old to new ones
//! nearest     d = sqrt(mean over columns of (q - s)^2), among the survey's windows and the rebuilt ones; the
//!             k nearest weigh 1/d^2
//! ```
//!
//! Assumed: all thresholds, the order of the steps, that an access point is found altered by the survey and
//! not by the windows that are located, ridge regression as the map, and k.

use std::collections::BTreeMap;

use metaloc_radio::preprocess::CsiWindow;
use nalgebra::DMatrix;

use super::fingerprint_map::FingerprintMap;
use super::image_classifier::pooled;
use super::{CsiLocator, centroid};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::locate::{Estimate, NotLocated};

/// Share of a window's packets, and of the subcarriers, that the filter drops.
const DROPPED: f64 = 0.1;
/// How many times as far off as the median an altered access point is.
const ALTERED: f64 = 1.5;
/// Penalty of the map from old to new fingerprints, relative to the number of columns.
const PENALTY: f64 = 0.1;
/// Added to squared distances, which may be 0.
const EPSILON: f64 = 1e-9;

/// Nearest fingerprints, surveyed and rebuilt.
pub struct Reconstruction {
    /// The survey's points, then those that history alone knows.
    points: CsiSite,
    shape: [usize; 3],
    /// Which columns are stable.
    stable: Vec<bool>,
    /// Point, fingerprint, and which of its columns count.
    database: Vec<(usize, Vec<f64>, Vec<bool>)>,
    k: usize,
}

impl Reconstruction {
    /// A locator among the points of a survey and of historical environments, by `k` neighbours.
    ///
    /// # Errors
    /// [`Error::Needs`] without historical environments that share points with the survey; windows of
    /// several shapes, or numbers that are not finite.
    pub fn new(support: CsiSite, historical: &[CsiSite], k: usize) -> Result<Self, Error> {
        let needs = || Error::needs("historical environments with the same points");
        let history = pooled(historical).ok_or_else(needs)?;
        let mut windows = support.points.iter().chain(&history.points).flat_map(|p| &p.windows);
        let shape = windows.next().ok_or_else(needs)?.shape();
        let n_links = support.access_points.len().max(1);
        if windows.any(|w| w.shape()[1..] != shape[1..]) || shape[2] % n_links != 0 {
            return Err(Error::usage("crisloc-like needs windows of one shape"));
        }
        let mut points = support;
        let n_surveyed = points.points.len();
        let new: Vec<Vec<Vec<f64>>> = fingerprints(&points);
        for point in &history.points {
            if points.points.iter().all(|known| known.id != point.id) {
                points.points.push(point.clone());
            }
        }
        let old: BTreeMap<usize, Vec<f64>> = history
            .points
            .iter()
            .zip(fingerprints(&history))
            .filter_map(|(point, of)| {
                let index = points.points.iter().position(|known| known.id == point.id);
                index.map(|index| (index, mean(&of)))
            })
            .collect();
        if !old.keys().any(|&index| index < n_surveyed) {
            return Err(needs());
        }
        let link_of = |column: usize| column % shape[2] / (shape[2] / n_links);
        let altered = altered(&points, &new, &old, n_links, &link_of);
        let sound: Vec<bool> =
            (0..shape[1] * shape[2]).map(|column| !altered[link_of(column)]).collect();
        let mut database = Vec::new();
        for (index, of_point) in new.iter().enumerate() {
            let all = vec![true; sound.len()];
            database.extend(of_point.iter().map(|of| (index, of.clone(), all.clone())));
        }
        let rebuilt = rebuilt(&new, &old)?;
        database.extend(rebuilt.into_iter().map(|(index, of)| (index, of, sound.clone())));
        points.points.iter_mut().for_each(|point| point.windows.clear());
        Ok(Self { points, shape, stable: stable(&new), database, k })
    }
}

impl CsiLocator for Reconstruction {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        if window.shape()[1..] != self.shape[1..] {
            return Err(NotLocated::OtherShape);
        }
        let own = fingerprint(window);
        let distances = self.database.iter().map(|(point, of, sound)| {
            let counts = |column: usize| sound[column] && self.stable[column];
            (*point, squared_distance(&own, of, counts))
        });
        let mut distances: Vec<(usize, f64)> =
            distances.filter(|(_, distance)| distance.is_finite()).collect();
        distances.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut weights = vec![0.0; self.points.points.len()];
        for (point, distance) in distances.into_iter().take(self.k.max(1)) {
            weights[point] += 1.0 / (distance + EPSILON);
        }
        centroid(&self.points, &weights, self.k.max(1))
    }
}

/// The mean spectrum of a window `[subcarriers * streams]`: each packet at mean 1 in each stream, the
/// packets farthest from the mean dropped.
fn fingerprint(window: &CsiWindow) -> Vec<f64> {
    let [n_packets, subcarriers, streams] = window.shape();
    let mut packets: Vec<Vec<f64>> = window
        .values
        .chunks_exact((subcarriers * streams).max(1))
        .map(|packet| {
            let level = |stream: usize| -> f64 {
                let of_stream = packet.iter().skip(stream).step_by(streams);
                of_stream.map(|&x| f64::from(x)).sum::<f64>() / subcarriers as f64
            };
            let levels: Vec<f64> = (0..streams).map(level).collect();
            let gainless = |(i, &x): (usize, &f32)| f64::from(x) / levels[i % streams];
            packet.iter().enumerate().map(gainless).collect()
        })
        .collect();
    let middle = mean(&packets);
    let distance = |packet: &Vec<f64>| squared_distance(packet, &middle, |_| true);
    packets.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    packets.truncate((n_packets as f64 * (1.0 - DROPPED)).ceil() as usize);
    mean(&packets)
}

/// The fingerprints of each point's windows.
fn fingerprints(site: &CsiSite) -> Vec<Vec<Vec<f64>>> {
    let of_point = |point: &crate::csi_site::CsiPoint| {
        point.windows.iter().map(|window| fingerprint(window)).collect()
    };
    site.points.iter().map(of_point).collect()
}

fn mean(rows: &[Vec<f64>]) -> Vec<f64> {
    let width = rows.first().map_or(0, Vec::len);
    let of_column = |column: usize| rows.iter().map(|row| row[column]).sum::<f64>();
    (0..width).map(|column| of_column(column) / rows.len() as f64).collect()
}

/// The mean squared difference over the columns that count; infinite for none.
fn squared_distance(a: &[f64], b: &[f64], counts: impl Fn(usize) -> bool) -> f64 {
    let columns = (0..a.len()).filter(|&column| counts(column));
    let (n, sum) =
        columns.fold((0, 0.0), |(n, sum), column| (n + 1, sum + (a[column] - b[column]).powi(2)));
    if n == 0 { f64::INFINITY } else { sum / f64::from(n) }
}

/// All columns but those whose variance within points is greatest beside the variance of all.
fn stable(fingerprints: &[Vec<Vec<f64>>]) -> Vec<bool> {
    let all: Vec<Vec<f64>> = fingerprints.iter().flatten().cloned().collect();
    let middle = mean(&all);
    let means: Vec<Vec<f64>> = fingerprints.iter().map(|of| mean(of)).collect();
    let share = |column: usize| {
        let total: f64 = all.iter().map(|row| (row[column] - middle[column]).powi(2)).sum();
        let within: f64 = fingerprints
            .iter()
            .zip(&means)
            .flat_map(|(of, mean)| of.iter().map(move |row| (row[column] - mean[column]).powi(2)))
            .sum();
        if total > 0.0 { within / total } else { 0.0 }
    };
    let shares: Vec<f64> = (0..middle.len()).map(share).collect();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
    let mut stable = vec![true; shares.len()];
    let n = (shares.len() as f64 * DROPPED) as usize;
    order.into_iter().take(n).for_each(|column| stable[column] = false);
    stable
}

/// Which access points have changed since the old fingerprints.
fn altered(
    points: &CsiSite,
    new: &[Vec<Vec<f64>>],
    old: &BTreeMap<usize, Vec<f64>>,
    n_links: usize,
    link_of: &impl Fn(usize) -> usize,
) -> Vec<bool> {
    let error_m = |link: usize| -> f64 {
        let mut errors = Vec::new();
        for (index, of_point) in new.iter().enumerate() {
            for own in of_point {
                let distance = |of: &[f64]| squared_distance(own, of, |c| link_of(c) == link);
                let nearest = old.iter().min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
                let truth = &points.points[index].position;
                let found = nearest.map(|(&found, _)| &points.points[found].position);
                errors.extend(found.map(|found| found.distance_m(truth)));
            }
        }
        errors.iter().sum::<f64>() / errors.len().max(1) as f64
    };
    let errors: Vec<f64> = (0..n_links).map(error_m).collect();
    let mut sorted = errors.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[(n_links - 1) / 2];
    errors.iter().map(|&error| n_links > 2 && error > ALTERED * median).collect()
}

/// The old fingerprints as they would be now.
fn rebuilt(
    new: &[Vec<Vec<f64>>],
    old: &BTreeMap<usize, Vec<f64>>,
) -> Result<Vec<(usize, Vec<f64>)>, Error> {
    let matrix = |rows: &[Vec<f64>]| {
        let width = rows.first().map_or(0, Vec::len);
        DMatrix::from_fn(rows.len(), width, |i, j| rows[i][j])
    };
    let both: Vec<usize> = old.keys().copied().filter(|&index| index < new.len()).collect();
    let from: Vec<Vec<f64>> = both.iter().map(|index| old[index].clone()).collect();
    let to: Vec<Vec<f64>> = both.iter().map(|&index| mean(&new[index])).collect();
    let map = FingerprintMap::fit(&matrix(&from), &matrix(&to), PENALTY)?;
    let all: Vec<Vec<f64>> = old.values().cloned().collect();
    let mapped = map.of(&matrix(&all));
    let rows = mapped.row_iter().map(|row| row.iter().copied().collect());
    Ok(old.keys().copied().zip(rows).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{support, window};
    use super::*;

    #[test]
    fn gain_goes_and_the_odd_packet_too() {
        let mut values = [2.0, 6.0].repeat(9);
        values.extend([30.0, 10.0]);
        let window = CsiWindow::new([10, 2, 1], values, vec![None]);
        let found = fingerprint(&window);
        assert!((found[0] - 0.5).abs() < 1e-9 && (found[1] - 1.5).abs() < 1e-9);
    }

    #[test]
    fn the_least_stable_column_goes() {
        // Ten columns; the fourth differs within points as much as between them.
        let row = |point: f64, other: f64| {
            (0..10).map(|c| if c == 3 { other } else { point }).collect::<Vec<f64>>()
        };
        let found =
            stable(&[vec![row(1.0, 0.0), row(1.0, 9.0)], vec![row(2.0, 9.0), row(2.0, 0.0)]]);
        assert_eq!(found.iter().position(|stable| !stable), Some(3));
        assert_eq!(found.iter().filter(|stable| !**stable).count(), 1);
    }

    /// Three access points, three points; the third access point has been moved.
    #[test]
    fn an_altered_access_point_is_found() {
        let site = support();
        let old: BTreeMap<usize, Vec<f64>> = (0..3).map(|i| (i, vec![i as f64; 3])).collect();
        let new = [0, 1, 2].map(|i| vec![vec![i as f64, i as f64, 2.0 - i as f64]]);
        let found = altered(&site, &new, &old, 3, &|column| column);
        assert_eq!(found, [false, false, true]);
    }

    #[test]
    fn windows_are_placed_and_history_is_needed() {
        let mut old = support();
        for point in &mut old.points {
            point.windows.truncate(1);
        }
        old.points[0].windows = vec![Arc::new(window([8.0, 2.0]))];
        let few = CsiSite { points: support().points[..2].to_vec(), ..support() };
        let locator = Reconstruction::new(few, &[old], 1).unwrap();
        for (spectrum, id) in [([18.0, 2.0], "p0"), ([5.0, 5.0], "p1"), ([1.0, 9.0], "p2")] {
            assert_eq!(locator.locate(&window(spectrum)).unwrap().candidates[0].id, id);
        }
        let needs = Reconstruction::new(support(), &[], 1).err().map(|e| e.to_string());
        assert_eq!(needs.as_deref(), Some("needs historical environments with the same points"));
    }
}
