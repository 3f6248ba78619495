//! The radio map: reference points with their fingerprints, and the search for the nearest ones.

use std::sync::Arc;

use crate::RadioError;
use crate::geometry::Position;
use crate::signal::RssScan;
use crate::similarity::{SignalDistance, TemporalWeights};

/// A known place with the mean of the scans taken there.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferencePoint {
    /// Name of the point in its survey.
    pub id: String,
    /// Where it is.
    pub position: Position,
    /// Mean of its scans; silence counted as the map's `not_heard_dbm`.
    pub scan: RssScan,
    /// Number of scans in the mean.
    pub n_samples: usize,
}

impl ReferencePoint {
    /// A reference point from the scans taken there.
    #[must_use]
    pub fn new(id: &str, position: Position, scans: &[RssScan], not_heard_dbm: f32) -> Self {
        let scan = RssScan::mean(scans, not_heard_dbm);
        Self { id: id.to_owned(), position, scan, n_samples: scans.len() }
    }
}

/// A reference point near a scan in signal space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// Index into [`RadioMap::points`].
    pub index: usize,
    /// Signal distance, in the unit of the map's [`SignalDistance`].
    pub distance: f64,
}

/// Reference points of one environment (the paper's fingerprint database), and how to compare.
#[derive(Debug, Clone)]
pub struct RadioMap {
    points: Vec<ReferencePoint>,
    distance: SignalDistance,
    not_heard_dbm: f32,
    weights: Option<Arc<TemporalWeights>>,
}

impl RadioMap {
    /// A map of `points`, searched with `distance`.
    ///
    /// # Errors
    /// [`RadioError::EmptyRadioMap`] if there are no points.
    pub fn new(
        points: Vec<ReferencePoint>,
        distance: SignalDistance,
        not_heard_dbm: f32,
    ) -> Result<Self, RadioError> {
        if points.is_empty() {
            return Err(RadioError::EmptyRadioMap);
        }
        Ok(Self { points, distance, not_heard_dbm, weights: None })
    }

    /// The map with weights for [`SignalDistance::TemporallyWeighted`].
    #[must_use]
    pub fn with_weights(mut self, weights: Arc<TemporalWeights>) -> Self {
        self.weights = Some(weights);
        self
    }

    /// The reference points; never empty.
    #[must_use]
    pub fn points(&self) -> &[ReferencePoint] {
        &self.points
    }

    /// The signal distance that this map is searched with.
    #[must_use]
    pub const fn distance(&self) -> SignalDistance {
        self.distance
    }

    /// The level that stands for silence (dBm).
    #[must_use]
    pub const fn not_heard_dbm(&self) -> f32 {
        self.not_heard_dbm
    }

    /// The map's points on one floor, if there are any.
    #[must_use]
    pub fn on_floor(&self, floor: i32) -> Option<Self> {
        let points: Vec<_> =
            self.points.iter().filter(|p| p.position.floor == floor).cloned().collect();
        if points.is_empty() { None } else { Some(Self { points, ..self.clone() }) }
    }

    /// The floors of the map, ascending.
    #[must_use]
    pub fn floors(&self) -> Vec<i32> {
        let mut floors: Vec<i32> = self.points.iter().map(|p| p.position.floor).collect();
        floors.sort_unstable();
        floors.dedup();
        floors
    }

    /// The `k` nearest reference points in signal space, nearest first; equal distances in the
    /// order of the points. Fewer if the map has fewer.
    #[must_use]
    pub fn nearest(&self, scan: &RssScan, k: usize) -> Vec<Neighbor> {
        self.nearest_without(scan, k, None)
    }

    /// As [`RadioMap::nearest`], with one reference point left out: an adaptation sample must not
    /// meet its own point, where its distance would be smaller than a stranger's ever is.
    #[must_use]
    pub fn nearest_without(
        &self,
        scan: &RssScan,
        k: usize,
        left_out: Option<usize>,
    ) -> Vec<Neighbor> {
        let weights = self.weights.as_deref();
        let mut all: Vec<Neighbor> = self
            .points
            .iter()
            .enumerate()
            .filter(|&(index, _)| Some(index) != left_out)
            .map(|(index, point)| {
                let distance =
                    self.distance.between(scan, &point.scan, self.not_heard_dbm, weights);
                Neighbor { index, distance }
            })
            .collect();
        let order = |a: &Neighbor, b: &Neighbor| {
            a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index))
        };
        if k < all.len() {
            all.select_nth_unstable_by(k, order);
            all.truncate(k);
        }
        all.sort_unstable_by(order);
        all
    }

    /// The signal distance of a scan from each reference point, in their order.
    pub fn distances(&self, scan: &RssScan) -> impl Iterator<Item = f64> {
        let weights = self.weights.as_deref();
        self.points
            .iter()
            .map(move |point| self.distance.between(scan, &point.scan, self.not_heard_dbm, weights))
    }

    /// The signal distance of two reference points.
    ///
    /// # Panics
    /// If there are no such points.
    #[must_use]
    pub fn distance_between(&self, a: usize, b: usize) -> f64 {
        let (a, b) = (&self.points[a].scan, &self.points[b].scan);
        self.distance.between(a, b, self.not_heard_dbm, self.weights.as_deref())
    }

    /// Whether the map knows any access point of the scan; a scan without a known access point
    /// can't be placed.
    #[must_use]
    pub fn knows_any(&self, scan: &RssScan) -> bool {
        scan.readings().iter().any(|&(id, _)| self.points.iter().any(|p| p.scan.get(id).is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::AccessPointId;

    fn map() -> RadioMap {
        let point = |id: &str, x: f64, floor, dbm| {
            let scan = RssScan::new(vec![(AccessPointId(0), dbm)]).unwrap();
            ReferencePoint::new(id, Position::new(x, 0.0, floor), &[scan], -105.0)
        };
        let points =
            vec![point("a", 0.0, 0, -40.0), point("b", 1.0, 0, -50.0), point("c", 2.0, 1, -60.0)];
        RadioMap::new(points, SignalDistance::Euclidean, -105.0).unwrap()
    }

    fn heard(dbm: f32) -> RssScan {
        RssScan::new(vec![(AccessPointId(0), dbm)]).unwrap()
    }

    #[test]
    fn nearest_first_and_ties_in_order() {
        let order =
            |dbm, k| map().nearest(&heard(dbm), k).iter().map(|n| n.index).collect::<Vec<_>>();
        assert_eq!(order(-58.0, 3), [2, 1, 0]);
        assert_eq!(order(-45.0, 2), [0, 1]); // both 5 dB away
        assert_eq!(order(-45.0, 9).len(), 3);
    }

    #[test]
    fn a_point_can_be_left_out() {
        let nearest = map().nearest_without(&heard(-40.0), 1, Some(0));
        assert_eq!(nearest, [Neighbor { index: 1, distance: 10.0 }]);
    }

    #[test]
    fn floors_and_unknown_scans() {
        assert_eq!(map().floors(), [0, 1]);
        assert_eq!(map().on_floor(1).unwrap().points().len(), 1);
        assert!(map().on_floor(7).is_none());
        assert!(map().knows_any(&heard(-90.0)));
        assert!(!map().knows_any(&RssScan::new(vec![(AccessPointId(9), -50.0)]).unwrap()));
        assert!(RadioMap::new(vec![], SignalDistance::Euclidean, -105.0).is_err());
    }
}
