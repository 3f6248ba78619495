//! The raw RSS fingerprint: one number an access point.

use serde::{Deserialize, Serialize};

use crate::signal::{AccessPointId, RssScan};

/// RSS over a fixed list of access points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RssVector {
    /// The access points, in the order of the numbers.
    pub access_points: Vec<AccessPointId>,
    /// The level that stands for silence (dBm).
    pub not_heard_dbm: f32,
}

impl RssVector {
    /// The fingerprint of a scan (dBm).
    ///
    /// # Shapes
    /// Returns `[access_points.len()]`.
    #[must_use]
    pub fn fingerprint(&self, scan: &RssScan) -> Vec<f32> {
        self.access_points.iter().map(|&id| scan.get(id).unwrap_or(self.not_heard_dbm)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_strangers() {
        let vector = RssVector {
            access_points: vec![AccessPointId(4), AccessPointId(1)],
            not_heard_dbm: -105.0,
        };
        let scan =
            RssScan::new(vec![(AccessPointId(1), -50.0), (AccessPointId(2), -60.0)]).unwrap();
        assert_eq!(vector.fingerprint(&scan), [-105.0, -50.0]);
    }
}
