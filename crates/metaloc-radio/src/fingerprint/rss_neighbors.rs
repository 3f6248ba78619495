//! The paper's RSS fingerprint (section II-C, Fig. 3).

use crate::RadioError;
use crate::geometry::CoordinateFrame;
use crate::radio_map::RadioMap;
use crate::signal::RssScan;

/// The K smallest signal distances to the environment's reference points, with the coordinates of
/// those points: `[RSS_dis_1 .. RSS_dis_K, L_1 .. L_K]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RssNeighbors {
    /// Number of neighbours; 5 in the paper.
    pub k: usize,
}

impl RssNeighbors {
    /// Numbers in one fingerprint: K distances and 2 K coordinates.
    #[must_use]
    pub const fn len(&self) -> usize {
        3 * self.k
    }

    /// Whether a fingerprint has no numbers (K = 0).
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.k == 0
    }

    /// The fingerprint of `scan` against `map`, coordinates in `frame`; `own_point` is left out of
    /// the neighbours.
    ///
    /// # Shapes
    /// Returns `[3 K]`: K distances (nearest first), then x, y of each neighbour.
    ///
    /// # Errors
    /// [`RadioError::TooFewReferencePoints`] if fewer than K points remain.
    pub fn fingerprint(
        &self,
        map: &RadioMap,
        frame: &CoordinateFrame,
        scan: &RssScan,
        own_point: Option<usize>,
    ) -> Result<Vec<f32>, RadioError> {
        let neighbors = map.nearest_without(scan, self.k, own_point);
        if neighbors.len() < self.k {
            return Err(RadioError::TooFewReferencePoints {
                needed: self.k + usize::from(own_point.is_some()),
                available: map.points().len(),
            });
        }
        let mut values = Vec::with_capacity(self.len());
        values.extend(neighbors.iter().map(|n| n.distance as f32));
        for neighbor in &neighbors {
            let at = &map.points()[neighbor.index].position;
            values.extend(frame.to_frame(at.x_m, at.y_m).map(|u| u as f32));
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Position;
    use crate::radio_map::ReferencePoint;
    use crate::signal::AccessPointId;
    use crate::similarity::SignalDistance;

    #[test]
    fn distances_then_coordinates() {
        let scan = |dbm| RssScan::new(vec![(AccessPointId(0), dbm)]).unwrap();
        let point = |x: f64, dbm| {
            ReferencePoint::new("p", Position::new(x, 2.0 * x, 0), &[scan(dbm)], -105.0)
        };
        let points = vec![point(1.0, -40.0), point(2.0, -50.0), point(3.0, -60.0)];
        let map = RadioMap::new(points, SignalDistance::Euclidean, -105.0).unwrap();
        let frame = CoordinateFrame { origin_x_m: 1.0, origin_y_m: 0.0, scale_m: 2.0 };
        let two = RssNeighbors { k: 2 };
        let values = two.fingerprint(&map, &frame, &scan(-52.0), None).unwrap();
        assert_eq!(values, [2.0, 8.0, 0.5, 2.0, 1.0, 3.0]);
        let without = two.fingerprint(&map, &frame, &scan(-52.0), Some(1)).unwrap();
        assert_eq!(without, [8.0, 12.0, 1.0, 3.0, 0.0, 1.0]);
        let three = RssNeighbors { k: 3 }.fingerprint(&map, &frame, &scan(-52.0), Some(0));
        assert_eq!(three, Err(RadioError::TooFewReferencePoints { needed: 4, available: 3 }));
    }
}
