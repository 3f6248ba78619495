//! DFPS: strengths and their differences between access points, principal components, WKNN.
//!
//! S.-H. Fang and C.-H. Wang: A novel fused positioning feature for handling heterogeneous hardware
//! problem, IEEE Trans. Communications 63(7), 2015. A device's gain falls out of differences; the
//! strengths keep what it is for. With A access points, levels x_a (silence at the not-heard level),
//!
//! ```text
//! phi(x) = (x_1, .., x_A, x_1 - x_2, x_1 - x_3, .., x_(A-1) - x_A)
//! |phi(x) - phi(z)|^2 = (1 + A) sum_a d_a^2 - (sum_a d_a)^2       d = x - z
//! ```
//!
//! The A (A + 1) / 2 numbers lie in A dimensions: deviations from the scan's mean m, times
//! sqrt(1 + A), plus m, have the same distances ([`fused`]) and so the same principal components.
//!
//! Needs a radio map. What is ours: no weight between the two parts; components that keep 0.95 of
//! the variance; weights 1 / (d + 1e-6).

use metaloc_radio::fingerprint::{PrincipalComponents, RssVector};
use metaloc_radio::radio_map::{Neighbor, RadioMap};
use metaloc_radio::signal::RssScan;

use super::levels::heard_in_map;
use super::{Estimate, Locator, NotLocated, check, weighted_mean};
use crate::error::Error;

/// Keeps the weight of an exact match finite.
const EPSILON: f64 = 1e-6;

/// Weighted KNN on principal components of strengths and differences.
#[derive(Debug)]
pub struct Dfps {
    map: RadioMap,
    vector: RssVector,
    components: PrincipalComponents,
    /// Of each reference point, along the components.
    projected: Vec<Vec<f32>>,
    k: usize,
}

impl Dfps {
    /// Fits the components to a map; they keep `share` (above 0, at most 1) of the variance.
    ///
    /// # Errors
    /// Another share.
    pub fn new(map: RadioMap, k: usize, share: f64) -> Result<Self, Error> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Error::usage(format!("dfps: share {share} must be above 0, at most 1")));
        }
        let vector = heard_in_map(&map);
        let rows = map.points().iter().map(|point| fused(vector.fingerprint(&point.scan)));
        let rows: Vec<Vec<f32>> = rows.collect();
        let components =
            PrincipalComponents::fit(&rows.concat(), vector.access_points.len(), share);
        let projected = rows.iter().map(|row| components.project(row)).collect();
        Ok(Self { map, vector, components, projected, k })
    }
}

/// `[A]` numbers whose distances are those of levels and their differences.
fn fused(levels: Vec<f32>) -> Vec<f32> {
    let n = levels.len() as f32;
    let mean = levels.iter().sum::<f32>() / n.max(1.0);
    let scale = (1.0 + n).sqrt();
    levels.into_iter().map(|x| scale * (x - mean) + mean).collect()
}

impl Locator for Dfps {
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated> {
        check(&self.map, scan)?;
        let own = self.components.project(&fused(self.vector.fingerprint(scan)));
        let distance = |of: &Vec<f32>| {
            let squares = of.iter().zip(&own).map(|(a, b)| f64::from(a - b).powi(2));
            squares.sum::<f64>().sqrt()
        };
        let all = self.projected.iter().enumerate();
        let all = all.map(|(index, of)| Neighbor { index, distance: distance(of) });
        let mut neighbors: Vec<Neighbor> = all.collect();
        neighbors.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        neighbors.truncate(self.k.max(1));
        Ok(weighted_mean(&self.map, &neighbors, |d| 1.0 / (d + EPSILON)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::levels::tests::{scan, site};
    use super::super::tests::{heard, map};
    use super::*;
    use crate::learning::FingerprintConfig;

    /// All ten numbers of four levels, spelt out.
    #[test]
    fn distances_are_those_of_all_differences() {
        let (x, z) = ([-40.0f32, -52.0, -71.0, -105.0], [-44.0f32, -50.0, -60.0, -90.0]);
        let d: Vec<f32> = x.iter().zip(&z).map(|(a, b)| a - b).collect();
        let mut expected: f32 = d.iter().map(|d| d * d).sum();
        for i in 0..4 {
            for j in 0..i {
                expected += (d[i] - d[j]).powi(2);
            }
        }
        let (x, z) = (fused(x.to_vec()), fused(z.to_vec()));
        let found: f32 = x.iter().zip(&z).map(|(a, b)| (a - b).powi(2)).sum();
        assert!((found - expected).abs() < 1e-2, "{found} {expected}");
    }

    #[test]
    fn with_one_access_point_it_is_weighted_knn() {
        // Distances 4 and 6 dB: weights 3/5 and 2/5.
        let estimate = Dfps::new(map(), 2, 1.0).unwrap().locate(&heard(-44.0)).unwrap();
        assert!((estimate.position.x_m - 0.8).abs() < 1e-4, "{estimate:?}");
        assert!(Dfps::new(map(), 2, 0.0).is_err());
    }

    #[test]
    fn a_gain_that_misleads_strengths_does_not_mislead_differences() {
        let of = |a, b| vec![scan(&[Some(a), Some(b), Some(-60.0)])];
        let points = [(0.0, of(-50.0, -60.0)), (1.0, of(-40.0, -60.0)), (2.0, of(-70.0, -50.0))];
        let map = site("x", &points).radio_map(&FingerprintConfig::default()).unwrap();
        // The first point's scan, heard 10 dB louder. d = 10, 10, 10 to it and 0, 10, 10 to the second:
        // 300 and 200 dB^2, with differences 4 * 300 - 900 = 300 and 4 * 200 - 400 = 400.
        let louder = scan(&[Some(-40.0), Some(-50.0), Some(-50.0)]);
        assert_eq!(map.nearest(&louder, 1)[0].index, 1);
        let found = Dfps::new(map, 1, 1.0).unwrap().locate(&louder).unwrap();
        assert_eq!(found.candidates[0].id, "p0");
    }
}
