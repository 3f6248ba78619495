//! Reference points as a learned kernel sees them: how each compares with a scan, and where it is.
//!
//! The reference points are those of a new survey, and perhaps those of old surveys of the same place,
//! each old survey with what ageing left of it ([`crate::similarity::signature::ageing`]). For the K
//! reference points that are nearest in the Sorensen distance, a slot each:
//!
//! ```text
//! prior, log(d_m / least d_m) of four distances, shares of common access points (2), log d_Sorensen,
//! log d_normalized, sparseness, fit; x, y
//! ```
//!
//! The prior is `-PRIOR_POWER` times the sum of the four logarithms: the score of a power-weighted mean.
//! Nothing but x and y changes when a plan is turned or moved.

use serde::{Deserialize, Serialize};

use crate::geometry::{CoordinateFrame, Position};
use crate::signal::RssScan;
use crate::similarity::signature::ageing;
use crate::similarity::{AccessPointWeights, Comparison, Signature};

/// Power of each distance in the prior.
const PRIOR_POWER: f64 = 1.5;
/// The prior of a slot without a reference point: it has no share in any mean.
const NO_PRIOR: f32 = -1e4;

/// A known place with its signature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedPoint {
    /// Where it is.
    pub position: Position,
    /// What is heard there.
    pub signature: Signature,
}

/// Reference points to compare scans with: the paper's database, old ones beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceKernel {
    points: Vec<KernelPoint>,
    /// What ageing left of each survey; the new one's is whole.
    surveys: Vec<Survey>,
}

#[derive(Debug, Clone, PartialEq)]
struct KernelPoint {
    point: SignedPoint,
    survey: usize,
    /// Log of the distance to the nearest other point, over the median of those; 0 beside old surveys.
    sparseness: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Survey {
    weights: Option<AccessPointWeights>,
    fit: f64,
}

impl ReferenceKernel {
    /// Numbers of a slot: the prior, ten features, x and y.
    pub const SLOT: usize = 13;
    /// Features of a slot, behind the prior.
    pub const FEATURES: usize = 10;

    /// The reference points of a new survey, and of old surveys of the same place.
    #[must_use]
    pub fn new(new: &[SignedPoint], old: &[Vec<SignedPoint>]) -> Self {
        let old: Vec<&Vec<SignedPoint>> = old.iter().filter(|points| !points.is_empty()).collect();
        let mut surveys = vec![Survey { weights: None, fit: 0.0 }];
        // Beside old surveys sparseness would tell which points the new survey left out.
        let sparseness = if old.is_empty() { sparseness(new) } else { vec![0.0; new.len()] };
        let mut points: Vec<KernelPoint> = new
            .iter()
            .zip(sparseness)
            .map(|(point, sparseness)| KernelPoint { point: point.clone(), survey: 0, sparseness })
            .collect();
        for old in old {
            let pairs: Vec<(&Signature, Signature)> = new
                .iter()
                .map(|point| (&point.signature, interpolated(old, &point.position)))
                .collect();
            let (weights, fit) = ageing(&pairs);
            let survey = surveys.len();
            surveys.push(Survey { weights: Some(weights), fit });
            points.extend(old.iter().map(|point| KernelPoint {
                point: point.clone(),
                survey,
                sparseness: 0.0,
            }));
        }
        Self { points, surveys }
    }

    /// Number of reference points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The slots of the `k` nearest reference points, nearest first, then empty ones; positions in
    /// `frame`. `left_out` names a point of the new survey that is not looked at.
    ///
    /// # Shapes
    /// `[k, SLOT]`
    #[must_use]
    pub fn slots(
        &self,
        scan: &RssScan,
        k: usize,
        frame: &CoordinateFrame,
        left_out: Option<usize>,
    ) -> Vec<f32> {
        let scan = Signature::of(std::slice::from_ref(scan));
        let compared = self.points.iter().enumerate().filter(|(index, _)| Some(*index) != left_out);
        let mut compared: Vec<(&KernelPoint, Comparison)> = compared
            .map(|(_, point)| {
                let weights = self.surveys[point.survey].weights.as_ref();
                (point, scan.compare(&point.point.signature, weights))
            })
            .collect();
        let least: [f64; 4] = std::array::from_fn(|metric| {
            let of_metric = compared.iter().map(|(_, c)| c.distances[metric]);
            of_metric.fold(f64::INFINITY, f64::min)
        });
        // Stable: of equal distances the first point.
        compared.sort_by(|(_, a), (_, b)| a.distances[0].total_cmp(&b.distances[0]));
        compared.truncate(k);
        let mut slots = Vec::with_capacity(k * Self::SLOT);
        for (point, comparison) in &compared {
            slots.extend(self.slot(point, comparison, least, frame));
        }
        while slots.len() < k * Self::SLOT {
            slots.push(NO_PRIOR);
            slots.extend([0.0; Self::SLOT - 1]);
        }
        slots
    }

    fn slot(
        &self,
        point: &KernelPoint,
        comparison: &Comparison,
        least: [f64; 4],
        frame: &CoordinateFrame,
    ) -> [f32; Self::SLOT] {
        let d = comparison.distances;
        let relative: [f64; 4] = std::array::from_fn(|metric| (d[metric] / least[metric]).ln());
        let prior = -PRIOR_POWER * relative.iter().sum::<f64>();
        let Position { x_m, y_m, .. } = point.point.position;
        let [x, y] = frame.to_frame(x_m, y_m);
        let slot = [
            prior,
            relative[0],
            relative[1],
            relative[2],
            relative[3],
            comparison.common_of_scan,
            comparison.common_of_reference,
            d[0].ln(),
            d[2].ln(),
            point.sparseness,
            self.surveys[point.survey].fit,
            x,
            y,
        ];
        slot.map(|number| number as f32)
    }
}

/// Distances of points in a plan (m).
fn distance_m(a: &Position, b: &Position) -> f64 {
    (a.x_m - b.x_m).hypot(a.y_m - b.y_m)
}

/// The distance of each point to the nearest other one (m); infinite for a lone one.
fn nearest_m(points: &[SignedPoint]) -> Vec<f64> {
    let of = |i: usize| {
        let others = points.iter().enumerate().filter(move |(j, _)| *j != i);
        let distances = others.map(|(_, other)| distance_m(&points[i].position, &other.position));
        distances.fold(f64::INFINITY, f64::min)
    };
    (0..points.len()).map(of).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n == 0 { 0.0 } else { 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]) }
}

fn sparseness(points: &[SignedPoint]) -> Vec<f64> {
    let nearest = nearest_m(points);
    let median = median(&nearest);
    let of = |distance: f64| {
        // Two points at one place, or a lone one, tell nothing.
        let log = (distance / median).ln();
        if log.is_finite() { log } else { 0.0 }
    };
    nearest.into_iter().map(of).collect()
}

/// What an old survey says of a place: its points weighted by a Gaussian of half their median spacing,
/// moved so that the nearest one counts fully.
fn interpolated(old: &[SignedPoint], at: &Position) -> Signature {
    let spread = 0.5 * median(&nearest_m(old));
    let distances: Vec<f64> = old.iter().map(|point| distance_m(&point.position, at)).collect();
    let least = distances.iter().copied().fold(f64::INFINITY, f64::min);
    let weight = |distance: f64| {
        let beyond = distance * distance - least * least;
        let weight = (-beyond / (2.0 * spread * spread)).exp();
        // A lone point has no spacing.
        if weight.is_finite() { weight } else { 1.0 }
    };
    let total: f64 = distances.iter().map(|&distance| weight(distance)).sum();
    let parts = old.iter().zip(&distances);
    let parts: Vec<(&Signature, f64)> =
        parts.map(|(point, &distance)| (&point.signature, weight(distance) / total)).collect();
    Signature::mean(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::AccessPointId;

    fn scan(dbm: [f32; 2]) -> RssScan {
        RssScan::new(dbm.iter().enumerate().map(|(i, &d)| (AccessPointId(i as u32), d)).collect())
            .unwrap()
    }

    fn point(x_m: f64, dbm: [f32; 2]) -> SignedPoint {
        SignedPoint { position: Position::new(x_m, 1.0, 0), signature: Signature::of(&[scan(dbm)]) }
    }

    const FRAME: CoordinateFrame =
        CoordinateFrame { origin_x_m: 0.0, origin_y_m: 0.0, scale_m: 2.0 };

    #[test]
    fn the_nearest_come_first_and_empty_slots_last() {
        let new =
            [point(0.0, [-40.0, -80.0]), point(2.0, [-60.0, -60.0]), point(8.0, [-80.0, -40.0])];
        let kernel = ReferenceKernel::new(&new, &[]);
        let slots = kernel.slots(&scan([-61.0, -60.0]), 4, &FRAME, None);
        let slots: Vec<&[f32]> = slots.chunks_exact(ReferenceKernel::SLOT).collect();
        assert_eq!(slots.len(), 4);
        let x: Vec<f32> = slots.iter().map(|slot| slot[11]).collect();
        assert!((x[0] - 1.0).abs() < 1e-6 && slots[0][0].abs() < 1e-6, "{slots:?}");
        assert!(slots[1][0] < -1.0 && slots[2][0] < -1.0);
        assert_eq!((slots[3][0], slots[3][11]), (NO_PRIOR, 0.0));
        // Spacings 2, 2 and 6 m.
        assert!((slots.iter().map(|slot| slot[9]).fold(0.0, f32::max) - 3.0_f32.ln()).abs() < 1e-6);
        let without = kernel.slots(&scan([-61.0, -60.0]), 4, &FRAME, Some(1));
        assert!((without[11] - 1.0).abs() > 0.5);
    }

    /// An old survey that never heard the second access point is compared by the first alone.
    #[test]
    fn an_old_survey_is_compared_by_what_it_still_holds() {
        let new = [point(0.0, [-40.0, -50.0]), point(4.0, [-60.0, -50.0])];
        let one = |x_m: f64, dbm: f32| SignedPoint {
            position: Position::new(x_m, 1.0, 0),
            signature: Signature::of(&[RssScan::new(vec![(AccessPointId(0), dbm)]).unwrap()]),
        };
        let kernel = ReferenceKernel::new(&new, &[vec![one(0.0, -40.0), one(4.0, -60.0)], vec![]]);
        assert_eq!(kernel.len(), 4);
        let slots = kernel.slots(&scan([-60.0, -50.0]), 4, &FRAME, None);
        let slots: Vec<&[f32]> = slots.chunks_exact(ReferenceKernel::SLOT).collect();
        // Both points at x = 4 m fit; the old one by the access point that it knows.
        assert!(slots[..2].iter().all(|slot| (slot[11] - 2.0).abs() < 1e-6 && slot[1] < 1e-3));
        let fits: Vec<f32> = slots.iter().map(|slot| slot[10]).collect();
        assert!(fits.iter().filter(|fit| **fit > 0.1).count() == 2, "{fits:?}");
        // Sparseness says nothing beside old surveys.
        assert!(slots.iter().all(|slot| slot[9].abs() < 1e-9));
    }
}
