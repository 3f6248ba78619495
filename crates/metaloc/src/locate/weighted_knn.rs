//! Weighted K nearest neighbours (WKNN): weights `1 / (d + epsilon)`.
//!
//! The usual variant of RADAR; the MetaLoc paper's Fig. 9 compares with it.

use metaloc_radio::radio_map::RadioMap;
use metaloc_radio::signal::RssScan;

use super::{Estimate, Locator, NotLocated, check, weighted_mean};

/// Keeps the weight of an exact match finite.
const EPSILON: f64 = 1e-6;

/// The mean of the K nearest reference points, weighted by inverse signal distance.
#[derive(Debug, Clone)]
pub struct WeightedKnn {
    /// The reference points.
    pub map: RadioMap,
    /// Number of neighbours.
    pub k: usize,
}

impl Locator for WeightedKnn {
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated> {
        check(&self.map, scan)?;
        let neighbors = self.map.nearest(scan, self.k);
        Ok(weighted_mean(&self.map, &neighbors, |d| 1.0 / (d + EPSILON)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{heard, map};
    use super::*;

    #[test]
    fn nearer_points_weigh_more() {
        // Distances 4 and 6 dB: weights 3/5 and 2/5.
        let estimate = WeightedKnn { map: map(), k: 2 }.locate(&heard(-44.0)).unwrap();
        assert!((estimate.position.x_m - 0.8).abs() < 1e-6);
        let exact = WeightedKnn { map: map(), k: 3 }.locate(&heard(-50.0)).unwrap();
        assert!((exact.position.x_m - 2.0).abs() < 1e-5);
    }
}
