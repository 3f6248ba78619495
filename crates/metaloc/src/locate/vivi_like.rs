//! After ViVi: how strengths change towards neighbouring places, instead of the strengths.
//!
//! C. Wu, J. Xu, Z. Yang, N. D. Lane, Z. Yin: Gain without pain: Accurate WiFi-based localization
//! using fingerprint spatial gradient, Proc. ACM IMWUT 1(2), 2017. With the M places n nearest to a
//! point l (by geometry, on its floor) and levels f (silence at the not-heard level), the gradient of
//! the point, and that which a scan q would have there,
//!
//! ```text
//! g_l = (f_n - f_l)_n     g_q = (f_n - q)_n     similarity = g_l . g_q / (|g_l| |g_q|)
//! ```
//!
//! and the mean of the K points that are most similar. Needs three surveyed places on a floor.
//!
//! Public is the idea of the gradient, not how it is built and matched: neighbours, the cosine, M = 4
//! (a grid's) and the plain mean are ours.

use metaloc_radio::fingerprint::RssVector;
use metaloc_radio::radio_map::{Neighbor, RadioMap};
use metaloc_radio::signal::RssScan;
use nalgebra::DVector;

use super::levels::{heard_in_map, levels};
use super::{Estimate, Locator, NotLocated, check, weighted_mean};
use crate::error::Error;

/// Neighbouring places in a gradient.
const PLACES: usize = 4;
/// Points nearer than this are at one place (m).
const ONE_PLACE_M: f64 = 0.01;

/// KNN by the cosine of spatial gradients.
#[derive(Debug)]
pub struct ViviLike {
    map: RadioMap,
    vector: RssVector,
    levels: Vec<DVector<f64>>,
    /// Of each point: indices of points at its neighbouring places.
    around: Vec<Vec<usize>>,
    k: usize,
}

impl ViviLike {
    /// Finds each point's neighbouring places.
    ///
    /// # Errors
    /// [`Error::Needs`] if a floor has fewer than three places.
    pub fn new(map: RadioMap, k: usize) -> Result<Self, Error> {
        let vector = heard_in_map(&map);
        let of_points = map.points().iter().map(|point| levels(&vector, &point.scan)).collect();
        let around: Vec<Vec<usize>> =
            (0..map.points().len()).map(|of| neighboring_places(&map, of)).collect();
        if around.iter().any(|places| places.len() < 2) {
            return Err(Error::needs("three surveyed places on each floor"));
        }
        Ok(Self { map, vector, levels: of_points, around, k })
    }

    /// One less the cosine between a point's gradient and the scan's there.
    fn unlikeness(&self, point: usize, scan: &DVector<f64>) -> f64 {
        let own = &self.levels[point];
        let (mut product, mut of_point, mut of_scan) = (0.0, 0.0, 0.0);
        for &place in &self.around[point] {
            let (a, b) = (&self.levels[place] - own, &self.levels[place] - scan);
            product += a.dot(&b);
            of_point += a.norm_squared();
            of_scan += b.norm_squared();
        }
        let length = (of_point * of_scan).sqrt();
        // No change in any direction is like nothing.
        if length > 0.0 { 1.0 - product / length } else { 1.0 }
    }
}

/// The nearest other places on a point's floor, each by the first point there.
fn neighboring_places(map: &RadioMap, of: usize) -> Vec<usize> {
    let points = map.points();
    let own = points[of].position;
    let mut others: Vec<(f64, usize)> = (points.iter().enumerate())
        .filter(|(_, point)| point.position.floor == own.floor)
        .map(|(index, point)| (point.position.distance_m(&own), index))
        .filter(|(distance_m, _)| *distance_m > ONE_PLACE_M)
        .collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut places: Vec<usize> = Vec::new();
    for (_, index) in others {
        let at = points[index].position;
        let taken = |place: &usize| points[*place].position.distance_m(&at) <= ONE_PLACE_M;
        if places.len() < PLACES && !places.iter().any(taken) {
            places.push(index);
        }
    }
    places
}

impl Locator for ViviLike {
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated> {
        check(&self.map, scan)?;
        let reading = levels(&self.vector, scan);
        let all = 0..self.levels.len();
        let of = |index| Neighbor { index, distance: self.unlikeness(index, &reading) };
        let mut neighbors: Vec<Neighbor> = all.map(of).collect();
        neighbors.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        neighbors.truncate(self.k.max(1));
        Ok(weighted_mean(&self.map, &neighbors, |_| 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::levels::tests::{scan, site};
    use super::super::tests::map;
    use super::*;
    use crate::learning::FingerprintConfig;

    fn two(a: f32, b: f32) -> RssScan {
        scan(&[Some(a), Some(b)])
    }

    /// Points at 0, 1, 2 m.
    fn line() -> RadioMap {
        let of = |a, b| vec![two(a, b)];
        let points = [(0.0, of(-40.0, -70.0)), (1.0, of(-50.0, -60.0)), (2.0, of(-60.0, -40.0))];
        site("x", &points).radio_map(&FingerprintConfig::default()).unwrap()
    }

    /// At the point 0: g = (-10, 10, -20, 30). Scan (-41, -69): (-9, 9, -19, 29).
    #[test]
    fn the_cosine_by_hand() {
        let vivi = ViviLike::new(line(), 1).unwrap();
        assert_eq!(vivi.around, [vec![1, 2], vec![0, 2], vec![1, 0]]);
        let reading = levels(&vivi.vector, &two(-41.0, -69.0));
        let product = 90.0 + 90.0 + 380.0 + 870.0;
        let (own, other): (f64, f64) = (1500.0, 81.0 + 81.0 + 361.0 + 841.0);
        let expected = 1.0 - product / (own * other).sqrt();
        assert!((vivi.unlikeness(0, &reading) - expected).abs() < 1e-12);
        assert_eq!(vivi.locate(&two(-41.0, -69.0)).unwrap().candidates[0].id, "p0");
        assert!(vivi.unlikeness(2, &levels(&vivi.vector, &two(-60.0, -40.0))).abs() < 1e-12);
    }

    #[test]
    fn a_place_surveyed_twice_is_one_place() {
        let of = |a, b| vec![two(a, b)];
        let points = [(0.0, of(-40.0, -70.0)), (0.0, of(-41.0, -70.0)), (1.0, of(-50.0, -60.0))];
        let twice = site("x", &points).radio_map(&FingerprintConfig::default()).unwrap();
        assert!(matches!(ViviLike::new(twice, 1), Err(Error::Needs(_))));
        assert!(matches!(ViviLike::new(map(), 1), Err(Error::Needs(_)))); // one point on floor 1
    }
}
