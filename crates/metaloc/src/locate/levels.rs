//! Scans as vectors: one level (dBm) for each of some access points.

use std::collections::BTreeSet;

use metaloc_radio::fingerprint::RssVector;
use metaloc_radio::radio_map::RadioMap;
use metaloc_radio::signal::{AccessPointId, RssScan};
use nalgebra::DVector;

use crate::site::Site;

/// The access points that a map's points heard, ascending.
pub(super) fn heard_in_map(map: &RadioMap) -> RssVector {
    let heard = map.points().iter().flat_map(|point| point.scan.readings());
    let access_points: BTreeSet<AccessPointId> = heard.map(|&(id, _)| id).collect();
    let access_points = access_points.into_iter().collect();
    RssVector { access_points, not_heard_dbm: map.not_heard_dbm() }
}

/// The access points that both the old surveys and the new one heard, ascending.
pub(super) fn heard_in_both(old: &[Site], new: &[Site], not_heard_dbm: f32) -> RssVector {
    let (old, new) = (heard_in(old), heard_in(new));
    RssVector { access_points: old.intersection(&new).copied().collect(), not_heard_dbm }
}

fn heard_in(sites: &[Site]) -> BTreeSet<AccessPointId> {
    let scans = sites.iter().flat_map(|site| &site.points).flat_map(|point| &point.scans);
    scans.flat_map(RssScan::readings).map(|&(id, _)| id).collect()
}

/// A scan's levels (dBm).
pub(super) fn levels(vector: &RssVector, scan: &RssScan) -> DVector<f64> {
    let levels = vector.fingerprint(scan);
    DVector::from_iterator(levels.len(), levels.into_iter().map(f64::from))
}

/// The scan that these levels (dBm) are of; what is no stronger than silence is silent.
pub(super) fn scan_of(
    vector: &RssVector,
    levels: &DVector<f64>,
) -> Result<RssScan, metaloc_radio::RadioError> {
    let loudest = f64::from(metaloc_radio::signal::MAX_RSS_DBM);
    let heard = vector.access_points.iter().zip(levels.iter());
    let heard = heard.filter(|(_, level)| **level > f64::from(vector.not_heard_dbm));
    RssScan::new(heard.map(|(&id, &level)| (id, level.min(loudest) as f32)).collect())
}

/// A scan with only these access points.
pub(super) fn restricted(vector: &RssVector, scan: &RssScan) -> RssScan {
    scan.filtered(|id| vector.access_points.binary_search(&id).is_ok())
}

#[cfg(test)]
pub(super) mod tests {
    use metaloc_radio::geometry::Position;

    use super::*;
    use crate::site::SitePoint;

    /// A scan of access points 0, 1, ...; `None` is silence.
    pub(in super::super) fn scan(dbm: &[Option<f32>]) -> RssScan {
        let heard = dbm.iter().enumerate();
        let heard = heard.filter_map(|(i, dbm)| Some((AccessPointId(i as u32), (*dbm)?)));
        RssScan::new(heard.collect()).unwrap()
    }

    /// A site on floor 0; each point: x (m) and its scans.
    pub(in super::super) fn site(environment: &str, points: &[(f64, Vec<RssScan>)]) -> Site {
        let point = |(x_m, scans): &(f64, Vec<RssScan>)| SitePoint {
            id: format!("p{x_m}"),
            position: Position::new(*x_m, 0.0, 0),
            scans: scans.clone(),
        };
        let points = points.iter().map(point).collect();
        Site { environment: environment.into(), floor: 0, points }
    }

    #[test]
    fn levels_there_and_back() {
        let old = site("old", &[(0.0, vec![scan(&[Some(-50.0), Some(-60.0)])])]);
        let new = site("new", &[(0.0, vec![scan(&[None, Some(-40.0), Some(-30.0)])])]);
        let both = heard_in_both(&[old], std::slice::from_ref(&new), -105.0);
        assert_eq!(both.access_points, [AccessPointId(1)]);
        let vector = RssVector { access_points: (0..3).map(AccessPointId).collect(), ..both };
        let found = levels(&vector, &new.points[0].scans[0]);
        assert_eq!(found.as_slice(), [-105.0, -40.0, -30.0]);
        assert_eq!(scan_of(&vector, &found).unwrap(), new.points[0].scans[0]);
        let loud = DVector::from_vec(vec![-110.0, 3.0, -20.0]);
        let expected = scan(&[None, Some(0.0), Some(-20.0)]);
        assert_eq!(scan_of(&vector, &loud).unwrap(), expected);
    }
}
