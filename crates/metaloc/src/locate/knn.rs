//! K nearest neighbours (KNN).
//!
//! RADAR: P. Bahl and V. N. Padmanabhan, INFOCOM 2000. The mean of the K reference points nearest
//! in signal space; K = 5 in the MetaLoc paper. Called `knn-MAP` or `radar-MAP` in protocols. Needs a
//! radio map; RADAR's other way, a map computed from walls, is not here.

use metaloc_radio::radio_map::RadioMap;
use metaloc_radio::signal::RssScan;

use super::{Estimate, Locator, NotLocated, check, weighted_mean};

/// The mean of the K nearest reference points.
#[derive(Debug, Clone)]
pub struct Knn {
    /// The reference points.
    pub map: RadioMap,
    /// Number of neighbours.
    pub k: usize,
}

impl Locator for Knn {
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated> {
        check(&self.map, scan)?;
        Ok(weighted_mean(&self.map, &self.map.nearest(scan, self.k), |_| 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{heard, map};
    use super::*;

    #[test]
    fn the_mean_of_the_nearest() {
        let estimate = Knn { map: map(), k: 2 }.locate(&heard(-44.0)).unwrap();
        assert!((estimate.position.x_m - 1.0).abs() < 1e-12);
        assert_eq!(estimate.position.floor, 0);
        assert_eq!(estimate.candidates[0].id, "a");
    }
}
