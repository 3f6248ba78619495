//! Temporally weighted Euclidean distance.
//!
//! The paper's section I-A names "its temporal weighted version", citing S. He, W. Lin and
//! S.-H. G. Chan, IEEE TMC 16(7), 2017; it prints no formula. The form here is ours: an access
//! point whose strength flickers at one place says less about the place, so its difference is
//! divided by its variance over time. Weights have mean one, so that the unit stays decibels.

use std::collections::BTreeMap;

use crate::signal::{AccessPointId, RssScan, paired_readings};

/// Variance added to each access point's own (dB^2), so that a few equal samples don't get an
/// unbounded weight. About the quantisation and receiver noise of a phone.
const NOISE_FLOOR_DB2: f64 = 4.0;

/// One weight an access point, from how steady it is over repeated samples at the same places.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TemporalWeights {
    weights: BTreeMap<AccessPointId, f64>,
}

impl TemporalWeights {
    /// Weights from groups of scans, each group measured at one place at different times.
    /// Access points heard less than twice anywhere get weight one.
    #[must_use]
    pub fn from_repeated_scans<'a>(groups: impl Iterator<Item = &'a [RssScan]>) -> Self {
        // Per access point: sum of squared deviations from the place's mean, degrees of freedom.
        let mut spread: BTreeMap<AccessPointId, (f64, f64)> = BTreeMap::new();
        for scans in groups {
            let mut heard: BTreeMap<AccessPointId, Vec<f64>> = BTreeMap::new();
            for &(id, dbm) in scans.iter().flat_map(RssScan::readings) {
                heard.entry(id).or_default().push(f64::from(dbm));
            }
            for (id, values) in heard.into_iter().filter(|(_, values)| values.len() > 1) {
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let entry = spread.entry(id).or_default();
                entry.0 += values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
                entry.1 += values.len() as f64 - 1.0;
            }
        }
        let raw = spread.into_iter().map(|(id, (ss, df))| (id, 1.0 / (ss / df + NOISE_FLOOR_DB2)));
        let mut weights: BTreeMap<AccessPointId, f64> = raw.collect();
        let mean = weights.values().sum::<f64>() / weights.len().max(1) as f64;
        weights.values_mut().for_each(|w| *w /= mean);
        Self { weights }
    }

    /// The weight of an access point.
    #[must_use]
    pub fn weight(&self, id: AccessPointId) -> f64 {
        self.weights.get(&id).copied().unwrap_or(1.0)
    }

    /// `sqrt(sum over access points of weight (a - b)^2)` (dB).
    #[must_use]
    pub fn distance_db(&self, a: &RssScan, b: &RssScan, not_heard_dbm: f32) -> f64 {
        let mut sum = 0.0;
        paired_readings(a, b, |id, x, y| {
            let difference =
                f64::from(x.unwrap_or(not_heard_dbm)) - f64::from(y.unwrap_or(not_heard_dbm));
            sum += self.weight(id) * difference * difference;
        });
        sum.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flickering_access_point_weighs_less() {
        let scan = |steady, flickering| {
            RssScan::new(vec![(AccessPointId(0), steady), (AccessPointId(1), flickering)]).unwrap()
        };
        let place = [scan(-50.0, -50.0), scan(-50.0, -62.0), scan(-50.0, -56.0)];
        let weights = TemporalWeights::from_repeated_scans(std::iter::once(&place[..]));
        // Variances 0 and 36: raw weights 1/4 and 1/40, divided by their mean 0.1375.
        assert!((weights.weight(AccessPointId(0)) - 0.25 / 0.1375).abs() < 1e-9);
        assert!((weights.weight(AccessPointId(1)) - 0.025 / 0.1375).abs() < 1e-9);
        assert!((weights.weight(AccessPointId(9)) - 1.0).abs() < 1e-12);
        let d = weights.distance_db(&scan(-50.0, -50.0), &scan(-52.0, -50.0), -105.0);
        assert!((d - 2.0 * (0.25f64 / 0.1375).sqrt()).abs() < 1e-9);
    }
}
