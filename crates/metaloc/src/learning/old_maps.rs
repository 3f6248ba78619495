//! Old radio maps of the same place, as a model keeps them: the means of each point's samples.
//!
//! They are the one thing besides sums and parameters that leaves a historical environment, and only
//! where `fingerprint.old_maps` asks for it: who surveys one place again and again owns all surveys.

use metaloc_radio::fingerprint::SignedPoint;
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::AccessPoints;
use metaloc_radio::similarity::{Signature, SignatureEntry};
use serde::{Deserialize, Serialize};

use crate::site::{Site, SitePoint};

/// The radio map of one floor of a historical environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldMap {
    /// Name of the environment.
    pub environment: String,
    /// Floor number.
    pub floor: i32,
    /// Its points; access points are indices into the list of [`OldMaps`].
    pub points: Vec<SignedPoint>,
}

/// The radio maps of historical environments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldMaps {
    /// Access points by name.
    pub access_points: Vec<String>,
    /// One map a floor and environment.
    pub maps: Vec<OldMap>,
}

impl OldMaps {
    /// The maps of sites whose scans refer to `access_points`.
    pub(crate) fn of(sites: &[Site], access_points: &AccessPoints) -> Self {
        let map = |site: &Site| OldMap {
            environment: site.environment.clone(),
            floor: site.floor,
            points: site.points.iter().map(signed).collect(),
        };
        let mut maps = Self { access_points: Vec::new(), maps: sites.iter().map(map).collect() };
        // Only those heard get a name.
        let mut heard: Vec<u32> = Vec::new();
        maps.each_entry(|entry| heard.push(entry.access_point));
        heard.sort_unstable();
        heard.dedup();
        let name = |&id: &u32| access_points.name(metaloc_radio::signal::AccessPointId(id));
        maps.access_points = heard.iter().map(|id| name(id).to_owned()).collect();
        maps.rename(|id| heard.binary_search(&id).map_or(u32::MAX, |place| place as u32));
        maps
    }

    /// The same with the access points' indices of a survey; those that it does not know get indices
    /// that no scan has.
    pub(crate) fn bound_to(&self, access_points: &AccessPoints) -> Self {
        let resolved: Vec<u32> = self
            .access_points
            .iter()
            .enumerate()
            .map(|(i, name)| access_points.find(name).map_or(u32::MAX - i as u32, |id| id.0))
            .collect();
        let mut bound = self.clone();
        bound.rename(|id| resolved.get(id as usize).copied().unwrap_or(u32::MAX));
        bound
    }

    /// The maps of a site's floor from other environments, without the points at `removed`.
    pub(crate) fn beside(&self, site: &Site, removed: &[Position]) -> Vec<Vec<SignedPoint>> {
        let others = self
            .maps
            .iter()
            .filter(|map| map.floor == site.floor && map.environment != site.environment);
        let kept = |point: &&SignedPoint| {
            !removed.iter().any(|at| at.distance_m(&point.position) < SAME_PLACE_M)
        };
        others.map(|map| map.points.iter().filter(kept).cloned().collect()).collect()
    }

    fn each_entry(&self, mut each: impl FnMut(&SignatureEntry)) {
        let points = self.maps.iter().flat_map(|map| &map.points);
        points.flat_map(|point| point.signature.entries()).for_each(&mut each);
    }

    fn rename(&mut self, new: impl Fn(u32) -> u32) {
        for point in self.maps.iter_mut().flat_map(|map| &mut map.points) {
            let renamed = point
                .signature
                .entries()
                .iter()
                .map(|entry| SignatureEntry { access_point: new(entry.access_point), ..*entry });
            point.signature = Signature::from_entries(renamed.collect());
        }
    }
}

/// Nearer than this, two surveys mean the same point (m).
const SAME_PLACE_M: f64 = 0.05;

/// A surveyed point with its signature.
pub(crate) fn signed(point: &SitePoint) -> SignedPoint {
    SignedPoint { position: point.position, signature: Signature::of(&point.scans) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaloc_radio::signal::{AccessPointId, RssScan};

    #[test]
    fn names_survive_another_numbering() {
        let scan = RssScan::new(vec![(AccessPointId(2), -40.0)]).unwrap();
        let point = |x: f64| SitePoint {
            id: "p".into(),
            position: Position::new(x, 0.0, 1),
            scans: vec![scan.clone()],
        };
        let site =
            Site { environment: "may".into(), floor: 1, points: vec![point(0.0), point(3.0)] };
        let names = |names: [&str; 3]| AccessPoints::from(names.map(str::to_owned).to_vec());
        let maps = OldMaps::of(std::slice::from_ref(&site), &names(["a", "b", "c"]));
        assert_eq!(maps.access_points, ["c"]);
        let bound = maps.bound_to(&names(["c", "x", "y"]));
        let id = |maps: &OldMaps| maps.maps[0].points[0].signature.entries()[0].access_point;
        assert_eq!(id(&bound), 0);
        assert!(id(&maps.bound_to(&names(["x", "y", "z"]))) > 1_000_000);
        // Another environment's floor sees it, but for the point that is removed; its own does not.
        let june = Site { environment: "june".into(), ..site.clone() };
        let beside = bound.beside(&june, &[Position::new(3.0, 0.0, 1)]);
        assert_eq!((beside.len(), beside[0].len()), (1, 1));
        assert!(bound.beside(&site, &[]).is_empty());
        assert!(bound.beside(&Site { floor: 2, ..june }, &[]).is_empty());
    }
}
