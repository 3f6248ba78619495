//! A receiver with another gain: estimating and removing its constant offset.
//!
//! Another phone hears every access point a few decibels stronger or weaker than the one that
//! made the radio map. The offset is the median, over scans and over the access points that a scan
//! and its nearest reference point both hear well, of the map's strength less the scan's; the
//! nearest points are then sought again with the offset removed, until it stays. Weak access points
//! are left out: near the end of hearing only the lucky readings are seen, which would bias the
//! median. Our own procedure; it needs neither labels nor a calibration walk.

use crate::radio_map::RadioMap;
use crate::signal::{RssScan, paired_readings};

/// Largest offset that is believed (dB), either way.
pub const MAX_OFFSET_DB: f32 = 20.0;

/// Weaker readings (dBm) say too little about gain: half of them may have gone unheard.
const HEARD_WELL_DBM: f32 = -80.0;

/// Rounds after which the search ends even if the offset still moves.
const MOST_ROUNDS: usize = 20;

/// Fewest scans from which an offset is estimated: one scan fits some shift by chance.
pub const MIN_SCANS: usize = 5;

/// A receiver's constant offset against a radio map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GainOffset {
    /// What to add to the receiver's strengths to compare them with the map (dB).
    pub correction_db: f32,
    /// Scans that the estimate rests on.
    pub n_scans: usize,
}

/// Estimates the offset of the receiver that took `scans`.
/// `None` if fewer than [`MIN_SCANS`] scans share an access point with the map.
#[must_use]
pub fn estimate(map: &RadioMap, scans: &[RssScan]) -> Option<GainOffset> {
    let known: Vec<&RssScan> = scans.iter().filter(|scan| map.knows_any(scan)).collect();
    if known.len() < MIN_SCANS {
        return None;
    }
    let mut correction_db = 0.0f32;
    for _ in 0..MOST_ROUNDS {
        let differences = known.iter().flat_map(|scan| differences(map, scan, correction_db));
        let Some(next) = median(differences.collect()) else { break };
        let next = next.clamp(-MAX_OFFSET_DB, MAX_OFFSET_DB);
        let moved = (next - correction_db).abs();
        correction_db = next;
        if moved < 0.25 {
            break;
        }
    }
    Some(GainOffset { correction_db, n_scans: known.len() })
}

/// The map's strengths less the scan's, where both hear well, at the point nearest to the corrected
/// scan.
fn differences(map: &RadioMap, scan: &RssScan, correction_db: f32) -> Vec<f32> {
    let nearest = map.nearest(&scan.shifted(correction_db), 1);
    let Some(point) = nearest.first().map(|n| &map.points()[n.index]) else { return Vec::new() };
    let heard_well = |dbm: f32| dbm >= HEARD_WELL_DBM;
    let mut differences = Vec::new();
    paired_readings(&point.scan, scan, |_, in_map, in_scan| {
        if let (Some(in_map), Some(in_scan)) = (in_map, in_scan)
            && heard_well(in_map)
            && heard_well(in_scan + correction_db)
        {
            differences.push(in_map - in_scan);
        }
    });
    differences
}

fn median(mut values: Vec<f32>) -> Option<f32> {
    values.sort_unstable_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
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
        assert_eq!(found.n_scans, 8);
        let same_phone: Vec<RssScan> = (0..8).map(scan).collect();
        assert!(estimate(&map, &same_phone).unwrap().correction_db.abs() < 1e-6);
        assert!(estimate(&map, &[]).is_none());
    }
}
