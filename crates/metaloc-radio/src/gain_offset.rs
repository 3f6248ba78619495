//! A receiver with another gain: estimating and removing its constant offset.
//!
//! Another phone hears every access point a few decibels stronger or weaker than the one that
//! made the radio map. The offset is the shift that brings the scans nearest to the map: it
//! minimises the mean signal distance to the nearest reference point. Our own procedure; it needs
//! neither labels nor a calibration walk.

use crate::radio_map::RadioMap;
use crate::signal::RssScan;

/// Largest offset that is searched for (dB), either way.
pub const MAX_OFFSET_DB: i32 = 20;

/// Fewest scans from which an offset is estimated: one scan fits some shift by chance.
pub const MIN_SCANS: usize = 5;

/// A receiver's constant offset against a radio map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GainOffset {
    /// What to add to the receiver's strengths to compare them with the map (dB).
    pub correction_db: f32,
    /// Mean distance to the nearest reference point without correction.
    pub distance_before: f64,
    /// The same with the correction.
    pub distance_after: f64,
}

/// Estimates the offset of the receiver that took `scans`, in steps of 1 dB.
/// `None` if fewer than [`MIN_SCANS`] scans share an access point with the map.
#[must_use]
pub fn estimate(map: &RadioMap, scans: &[RssScan]) -> Option<GainOffset> {
    let known: Vec<&RssScan> = scans.iter().filter(|scan| map.knows_any(scan)).collect();
    if known.len() < MIN_SCANS {
        return None;
    }
    let mean_distance = |offset_db: i32| {
        let nearest = known.iter().map(|scan| map.nearest(&scan.shifted(offset_db as f32), 1));
        nearest.map(|n| n[0].distance).sum::<f64>() / known.len() as f64
    };
    let distance_before = mean_distance(0);
    // Small offsets first, so that of equally good ones the smallest wins.
    let candidates = (1..=MAX_OFFSET_DB).flat_map(|size| [-size, size]);
    let (mut best, mut distance_after) = (0, distance_before);
    for offset in candidates {
        let distance = mean_distance(offset);
        if distance < distance_after {
            (best, distance_after) = (offset, distance);
        }
    }
    Some(GainOffset { correction_db: best as f32, distance_before, distance_after })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Position;
    use crate::radio_map::ReferencePoint;
    use crate::signal::AccessPointId;
    use crate::similarity::SignalDistance;

    fn scan(i: u32) -> RssScan {
        let dbm = |ap: u32| -40.0 - ((i * 7 + ap * 13) % 40) as f32;
        RssScan::new((0..6).map(|ap| (AccessPointId(ap), dbm(ap))).collect()).unwrap()
    }

    #[test]
    fn finds_a_planted_offset() {
        let points = (0..8)
            .map(|i| {
                ReferencePoint::new(
                    &i.to_string(),
                    Position::new(f64::from(i), 0.0, 0),
                    &[scan(i as u32)],
                    -105.0,
                )
            })
            .collect();
        let map = RadioMap::new(points, SignalDistance::Euclidean, -105.0).unwrap();
        let other_phone: Vec<RssScan> = (0..8).map(|i| scan(i).shifted(-6.0)).collect();
        let found = estimate(&map, &other_phone).unwrap();
        assert!((found.correction_db - 6.0).abs() < 1e-6);
        assert!(found.distance_after < 1e-6 && found.distance_before > 5.0);
        let same_phone: Vec<RssScan> = (0..8).map(scan).collect();
        assert!(estimate(&map, &same_phone).unwrap().correction_db.abs() < 1e-6);
        assert!(estimate(&map, &[]).is_none());
    }
}
