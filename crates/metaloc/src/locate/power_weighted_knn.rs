//! Power-weighted K nearest neighbours: weights `d^-p`, with p well above one.
//!
//! Between one nearest neighbour (p to infinity) and KNN (p = 0); a strong simple method on sparse
//! radio maps. Our own addition to the paper's baselines.

use metaloc_radio::radio_map::RadioMap;
use metaloc_radio::signal::RssScan;

use super::{Estimate, Locator, NotLocated, check, weighted_mean};

/// Keeps the weight of an exact match finite.
const EPSILON: f64 = 1e-6;

/// The mean of the K nearest reference points, weighted by a power of the signal distance.
#[derive(Debug, Clone)]
pub struct PowerWeightedKnn {
    /// The reference points.
    pub map: RadioMap,
    /// Number of neighbours.
    pub k: usize,
    /// The power p; at least 0.
    pub power: f64,
}

impl Locator for PowerWeightedKnn {
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated> {
        check(&self.map, scan)?;
        let neighbors = self.map.nearest(scan, self.k);
        // Relative to the nearest, so that no power overflows.
        let nearest = neighbors.first().map_or(0.0, |n| n.distance) + EPSILON;
        let weight = |d: f64| ((d + EPSILON) / nearest).powf(-self.power);
        Ok(weighted_mean(&self.map, &neighbors, weight))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{heard, map};
    use super::*;

    #[test]
    fn the_power_sharpens_the_weights() {
        let at = |power| {
            let knn = PowerWeightedKnn { map: map(), k: 2, power };
            knn.locate(&heard(-44.0)).unwrap().position.x_m
        };
        // Distances 4 and 6 dB: weights 1 and (2/3)^2 = 4/9, so x = 2 * 4/13.
        assert!((at(2.0) - 8.0 / 13.0).abs() < 1e-5);
        assert!((at(0.0) - 1.0).abs() < 1e-9);
        assert!(at(400.0) < 1e-9);
    }
}
