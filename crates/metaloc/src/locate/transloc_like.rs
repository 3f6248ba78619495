//! After TransLoc: old surveys mapped to the new environment and weighted by what they are worth there.
//!
//! L. Li, X. Guo, M. Zhao, H. Li, N. Ansari: TransLoc: A heterogeneous knowledge transfer framework for
//! fingerprint-based indoor localization, IEEE Trans. Wireless Communications 20(6), 2021. Levels x of
//! old points beside surveyed ones, with the change r from old to new there, give a mapping by ridge
//! regression that leaves what it knows nothing of as it was; importance weights by kernel mean
//! matching (J. Huang et al., NIPS 2006) of the n mapped points z with the m new scans t:
//!
//! ```text
//! z = x + mean(r) + (x - mean(X)) Xc^T (Xc Xc^T + lambda I)^-1 Rc       lambda = penalty trace(Xc Xc^T) / n
//! min 1/2 b^T K b - k^T b,  0 <= b <= B,  |sum b - n| <= n e            k_i = n/m sum_j k(z_i, t_j)
//! ```
//!
//! Located by weighted KNN on the mapped points and the new ones: weights b / (d + 1e-6), b of mean one,
//! one for new points.
//!
//! Needs old points within 2 m of at least two surveyed ones. The original's objective, a joint one over
//! mapping, features and weights, is not public: this order of steps is ours, with the Gaussian kernel's
//! width by the median heuristic, B = 1000, e = (sqrt n - 1) / sqrt n, and access points that both
//! times heard.

use metaloc_radio::fingerprint::RssVector;
use metaloc_radio::radio_map::{Neighbor, RadioMap, ReferencePoint};
use metaloc_radio::signal::RssScan;
use nalgebra::{DMatrix, DVector};

use super::levels::{heard_in_both, levels, restricted, scan_of};
use super::{Estimate, Locator, NotLocated, check, weighted_mean};
use crate::error::Error;
use crate::learning::FingerprintConfig;
use crate::site::{Site, SitePoint};

/// An old point is beside a new one up to here (m).
const BESIDE_M: f64 = 2.0;
/// The greatest importance.
const MOST_IMPORTANCE: f64 = 1000.0;
/// Steps of the quadratic programme.
const STEPS: usize = 300;
/// Keeps the weight of an exact match finite.
const EPSILON: f64 = 1e-6;

/// Weighted KNN on old points mapped to the new environment, and the new ones.
#[derive(Debug)]
pub struct TransLocLike {
    map: RadioMap,
    vector: RssVector,
    /// Of each point of the map.
    importance: Vec<f64>,
    k: usize,
}

impl TransLocLike {
    /// Maps and weights the points of `old` surveys for the `new` ones; `penalty` (above 0) of the
    /// mapping, `k` neighbours.
    ///
    /// # Errors
    /// [`Error::Needs`] if they share no access points or too few places; another penalty.
    pub fn new(
        (old, new): (&[Site], &[Site]),
        fingerprint: &FingerprintConfig,
        (k, penalty): (usize, f64),
    ) -> Result<Self, Error> {
        if penalty <= 0.0 || penalty.is_nan() {
            return Err(Error::usage(format!("transloc-like: penalty {penalty} must be above 0")));
        }
        let not_heard_dbm = fingerprint.not_heard_dbm;
        let vector = heard_in_both(old, new, not_heard_dbm);
        if vector.access_points.is_empty() {
            return Err(Error::needs("access points that old surveys and the new one share"));
        }
        let source: Vec<&SitePoint> = old.iter().flat_map(|site| &site.points).collect();
        let target: Vec<&SitePoint> = new.iter().flat_map(|site| &site.points).collect();
        let mean =
            |point: &&SitePoint| levels(&vector, &RssScan::mean(&point.scans, not_heard_dbm));
        let (before, after): (Vec<_>, Vec<_>) =
            (source.iter().map(mean).collect(), target.iter().map(mean).collect());
        let change = Change::fit((&source, &before), (&target, &after), penalty)
            .ok_or_else(|| Error::needs("old points within 2 m of two surveyed ones"))?;
        let scans = before.iter().map(|x| scan_of(&vector, &change.apply(x)));
        let scans = scans.collect::<Result<Vec<_>, _>>()?;
        let mapped: Vec<_> = scans.iter().map(|scan| levels(&vector, scan)).collect();
        let heard = target.iter().flat_map(|point| &point.scans);
        let heard: Vec<_> = heard.map(|scan| levels(&vector, scan)).collect();
        let mut importance = importance(&mapped, &heard);
        importance.resize(source.len() + target.len(), 1.0);
        let old_points = source.iter().zip(scans).map(|(point, scan)| ReferencePoint {
            id: point.id.clone(),
            position: point.position,
            scan,
            n_samples: point.scans.len(),
        });
        let new_points = target.iter().map(|point| {
            let scans: Vec<_> = point.scans.iter().map(|s| restricted(&vector, s)).collect();
            ReferencePoint::new(&point.id, point.position, &scans, not_heard_dbm)
        });
        let points = old_points.chain(new_points).collect();
        let map = RadioMap::new(points, fingerprint.distance, not_heard_dbm)?;
        Ok(Self { map, vector, importance, k })
    }
}

impl Locator for TransLocLike {
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated> {
        check(&self.map, scan)?;
        let nearest = self.map.nearest(&restricted(&self.vector, scan), self.k);
        // What a neighbour weighs, as a distance.
        let divided = |n: &Neighbor| Neighbor {
            distance: (n.distance + EPSILON) / self.importance[n.index],
            ..*n
        };
        let mut weighed: Vec<Neighbor> = nearest.iter().map(divided).collect();
        if weighed.iter().all(|n| n.distance.is_infinite()) {
            return Ok(weighted_mean(&self.map, &nearest, |d| 1.0 / (d + EPSILON)));
        }
        weighed.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        Ok(weighted_mean(&self.map, &weighed, |d| 1.0 / d))
    }
}

/// How levels changed, by ridge regression on what they were.
struct Change {
    mean_before: DVector<f64>,
    mean_change: DVector<f64>,
    /// `[places, access points]`, centred.
    before: DMatrix<f64>,
    /// `[places, access points]`
    weights: DMatrix<f64>,
}

/// Points with their mean levels (dBm).
type Measured<'a> = (&'a [&'a SitePoint], &'a [DVector<f64>]);

impl Change {
    /// From old points beside new ones; `None` for fewer than two places.
    fn fit((source, before): Measured, (target, after): Measured, penalty: f64) -> Option<Self> {
        let pairs: Vec<(DVector<f64>, DVector<f64>)> = (target.iter().zip(after))
            .filter_map(|(point, now)| {
                let then = beside(point, source, before)?;
                let change = now - &then;
                Some((then, change))
            })
            .collect();
        if pairs.len() < 2 {
            return None;
        }
        let (then, change): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let centred = |rows: &[DVector<f64>]| {
            let mean = rows.iter().sum::<DVector<f64>>() / rows.len() as f64;
            let rows: Vec<_> = rows.iter().map(|row| (row - &mean).transpose()).collect();
            (DMatrix::from_rows(&rows), mean)
        };
        let ((before, mean_before), (change, mean_change)) = (centred(&then), centred(&change));
        let mut products = &before * before.transpose();
        let n = products.nrows();
        // Points that are all alike tell the mean change alone.
        let lambda = (penalty * products.trace() / n as f64).max(1e-9);
        (0..n).for_each(|i| products[(i, i)] += lambda);
        let weights = products.cholesky()?.solve(&change);
        Some(Self { mean_before, mean_change, before, weights })
    }

    /// Levels as they would be now (dBm).
    fn apply(&self, then: &DVector<f64>) -> DVector<f64> {
        let likeness = &self.before * (then - &self.mean_before);
        then + &self.mean_change + self.weights.tr_mul(&likeness)
    }
}

/// The mean of the old points nearest to a new one, if they are beside it.
fn beside(
    point: &SitePoint,
    source: &[&SitePoint],
    before: &[DVector<f64>],
) -> Option<DVector<f64>> {
    let near =
        source.iter().enumerate().filter(|(_, old)| old.position.floor == point.position.floor);
    let near: Vec<(f64, usize)> =
        near.map(|(i, old)| (old.position.distance_m(&point.position), i)).collect();
    let least = near.iter().map(|(d, _)| *d).fold(f64::INFINITY, f64::min);
    if least > BESIDE_M {
        return None;
    }
    // One place in several surveys.
    let there: Vec<_> = near.iter().filter(|(d, _)| *d <= least + 0.01).collect();
    let sum = there.iter().map(|(_, i)| &before[*i]).sum::<DVector<f64>>();
    Some(sum / there.len() as f64)
}

/// Weights of `points` that match them to `scans` in the mean of a Gaussian kernel; of mean one.
fn importance(points: &[DVector<f64>], scans: &[DVector<f64>]) -> Vec<f64> {
    let (n, m) = (points.len(), scans.len());
    let all: Vec<&DVector<f64>> = points.iter().chain(scans).collect();
    let squares = DMatrix::from_fn(n, n + m, |i, j| (&points[i] - all[j]).norm_squared());
    let mut known: Vec<f64> = squares.iter().copied().filter(|square| *square > 0.0).collect();
    known.sort_unstable_by(f64::total_cmp);
    let median = known.get(known.len() / 2).copied().unwrap_or(1.0);
    let kernel = squares.map(|square| (-square / median).exp());
    let own = kernel.columns(0, n);
    let wanted = kernel.columns(n, m).column_sum() * (n as f64 / m as f64);
    // The largest row sum bounds the largest eigenvalue.
    let step = 1.0 / own.column_sum().max();
    let slack = (n as f64) - (n as f64).sqrt();
    let between = (n as f64 - slack, n as f64 + slack);
    let mut found = DVector::from_element(n, 1.0);
    // Nesterov's accelerated projected gradient.
    let (mut ahead, mut momentum) = (found.clone(), 1.0_f64);
    for _ in 0..STEPS {
        let next = projected(&(&ahead - (own * &ahead - &wanted) * step), between);
        let following = 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt());
        ahead = &next + (&next - &found) * ((momentum - 1.0) / following);
        (found, momentum) = (next, following);
    }
    let mean = found.mean();
    found.iter().map(|weight| weight / mean).collect()
}

/// The nearest weights from 0 to the most whose sum is within the bounds.
fn projected(weights: &DVector<f64>, (least, most): (f64, f64)) -> DVector<f64> {
    let lowered = |by: f64| weights.map(|weight| (weight - by).clamp(0.0, MOST_IMPORTANCE));
    let sum = lowered(0.0).sum();
    if (least..=most).contains(&sum) {
        return lowered(0.0);
    }
    let bound = sum.clamp(least, most);
    let (mut low, mut high) = (weights.min() - MOST_IMPORTANCE, weights.max());
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if lowered(middle).sum() > bound { low = middle } else { high = middle }
    }
    lowered(high)
}

#[cfg(test)]
mod tests {
    use super::super::levels::tests::{scan, site};
    use super::*;

    fn one(dbm: f32) -> Vec<RssScan> {
        vec![scan(&[Some(dbm)])]
    }

    /// Levels -40 and -60 fell by 2 and 6 dB: mean change -4, slope 0.2 per dB, which a penalty of 1
    /// (lambda = 200 / 2, against 200) shrinks to 0.2 * 200 / 300.
    #[test]
    fn the_mapping_by_hand() {
        let old = [site("old", &[(0.0, one(-40.0)), (4.0, one(-60.0)), (8.0, one(-80.0))])];
        let new = [site("new", &[(0.0, one(-42.0)), (4.0, one(-66.0))])];
        let fingerprint = FingerprintConfig::default();
        let made = TransLocLike::new((&old, &new), &fingerprint, (1, 1.0)).unwrap();
        let level = |index: usize| f64::from(made.map.points()[index].scan.readings()[0].1);
        let slope = 0.2 * 200.0 / 300.0;
        for (index, then) in [(0, -40.0), (1, -60.0), (2, -80.0)] {
            let expected = then - 4.0 + slope * (then + 50.0);
            assert!((level(index) - expected).abs() < 1e-4, "{} {expected}", level(index));
        }
        assert_eq!(made.map.points().len(), 5);
        assert!(made.importance[2] < made.importance[0], "{:?}", made.importance);
        let found = made.locate(&scan(&[Some(-88.0), Some(-50.0)])).unwrap();
        assert!((found.position.x_m - 8.0).abs() < 1e-9);
        let far = [site("new", &[(0.0, one(-42.0)), (99.0, one(-66.0))])];
        let far = TransLocLike::new((&old, &far), &fingerprint, (1, 1.0));
        assert!(matches!(far, Err(Error::Needs(_))));
        assert!(TransLocLike::new((&old, &new), &fingerprint, (1, 0.0)).is_err());
        let other = [site("new", &[(0.0, vec![scan(&[None, Some(-42.0)])])])];
        let other = TransLocLike::new((&old, &other), &fingerprint, (1, 1.0));
        assert!(matches!(other, Err(Error::Needs(_))));
    }

    #[test]
    fn projections_by_hand() {
        let of = |weights: &[f64], bounds| projected(&DVector::from_row_slice(weights), bounds);
        assert_eq!(of(&[-1.0, 2.0], (1.0, 3.0)).as_slice(), [0.0, 2.0]);
        // Lowered by 1 each: 0, 1, 2.
        let found = of(&[0.5, 2.0, 3.0], (1.0, 3.0));
        assert!((found - DVector::from_row_slice(&[0.0, 1.0, 2.0])).norm() < 1e-9);
        let raised = of(&[-1.0, 0.0], (3.0, 4.0));
        assert!((raised - DVector::from_row_slice(&[1.0, 2.0])).norm() < 1e-9);
    }

    /// Two points far apart, of which the scans meet the first: K = I, k = (2, 0), and the sum may
    /// stay at 2.
    #[test]
    fn importance_is_where_the_scans_are() {
        let at = |dbm: f64| DVector::from_element(1, dbm);
        let found = importance(&[at(-40.0), at(-90.0)], &[at(-40.0), at(-40.0)]);
        assert!(found[0] > 1.5 && found[1] < 0.5, "{found:?}");
        assert!((found[0] + found[1] - 2.0).abs() < 1e-9);
    }
}
