//! How far two RSS scans are apart: the measures that the paper's section I-A names; and how alike two
//! CSI images are ([`histogram_intersection`]). How far two sets of either are apart: [`discrepancy`].
//!
//! Those of scans are distances: zero for equal scans, larger for less alike ones. Silence is the level
//! `not_heard_dbm`; an access point that neither scan heard adds nothing.

pub mod cosine;
pub mod discrepancy;
pub mod euclidean;
pub mod histogram_intersection;
pub mod powed;
pub mod signature;
pub mod tanimoto;
pub mod temporally_weighted;

use serde::{Deserialize, Serialize};

use crate::signal::RssScan;
pub use histogram_intersection::{ImageHistograms, ImageSimilarity};
pub use signature::{AccessPointWeights, Comparison, Signature, SignatureEntry};
pub use temporally_weighted::TemporalWeights;

/// A choice of signal distance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalDistance {
    /// Euclidean distance (dB).
    #[default]
    Euclidean,
    /// One minus the cosine similarity.
    Cosine,
    /// One minus the Tanimoto similarity.
    Tanimoto,
    /// Euclidean distance of strengths raised to a power, at norm one.
    Powed,
    /// Euclidean distance with steady access points weighing more (dB).
    TemporallyWeighted,
}

impl SignalDistance {
    /// The distance between two scans. `weights` is read by
    /// [`SignalDistance::TemporallyWeighted`] alone; without weights that is the Euclidean one.
    #[must_use]
    pub fn between(
        self,
        a: &RssScan,
        b: &RssScan,
        not_heard_dbm: f32,
        weights: Option<&TemporalWeights>,
    ) -> f64 {
        match (self, weights) {
            (Self::Euclidean, _) | (Self::TemporallyWeighted, None) => {
                euclidean::distance_db(a, b, not_heard_dbm)
            }
            (Self::Cosine, _) => cosine::distance(a, b, not_heard_dbm),
            (Self::Tanimoto, _) => tanimoto::distance(a, b, not_heard_dbm),
            (Self::Powed, _) => powed::distance(a, b, not_heard_dbm),
            (Self::TemporallyWeighted, Some(weights)) => weights.distance_db(a, b, not_heard_dbm),
        }
    }
}

/// Dot product and squared norms of two scans above `not_heard_dbm`, each level (dB) through `feature`:
/// `(a.b, a.a, b.b)`.
fn products(
    a: &RssScan,
    b: &RssScan,
    not_heard_dbm: f32,
    feature: impl Fn(f64) -> f64,
) -> (f64, f64, f64) {
    let level = |dbm: Option<f32>| {
        dbm.map_or(0.0, |dbm| feature(f64::from((dbm - not_heard_dbm).max(0.0))))
    };
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    crate::signal::paired_readings(a, b, |_, x, y| {
        let (x, y) = (level(x), level(y));
        ab += x * y;
        aa += x * x;
        bb += y * y;
    });
    (ab, aa, bb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::AccessPointId;
    use proptest::prelude::*;

    fn any_scan() -> impl Strategy<Value = RssScan> {
        proptest::collection::btree_map(0u32..12, -100.0f32..-20.0, 1..10).prop_map(|readings| {
            RssScan::new(readings.into_iter().map(|(id, dbm)| (AccessPointId(id), dbm)).collect())
                .unwrap()
        })
    }

    const ALL: [SignalDistance; 5] = [
        SignalDistance::Powed,
        SignalDistance::Euclidean,
        SignalDistance::Cosine,
        SignalDistance::Tanimoto,
        SignalDistance::TemporallyWeighted,
    ];

    proptest! {
        #[test]
        fn symmetric_and_zero_on_itself(a in any_scan(), b in any_scan()) {
            for distance in ALL {
                let d = distance.between(&a, &b, -105.0, None);
                prop_assert!(d >= 0.0 && d.is_finite());
                prop_assert!((d - distance.between(&b, &a, -105.0, None)).abs() < 1e-9);
                prop_assert!(distance.between(&a, &a, -105.0, None) < 1e-6);
            }
        }
    }
}
