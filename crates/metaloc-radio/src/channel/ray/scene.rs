//! Faces prepared for tracing: planes, insides, and a tree to find them by.
//!
//! A point `p` of a face's plane is `origin + s u + t v` with the edges `u`, `v`. The dual basis `u*`, `v*`
//! (`u* . u = 1`, `u* . v = 0`, and so on; both in the plane) gives `s = (p - origin) . u*` and
//! `t = (p - origin) . v*`; the point is inside where both are 0 to 1.

use super::bvh::{Bounds, Bvh};
use super::vector::{add_scaled, cross, dot, length, sub, unit};
use super::{Face, Vector};
use crate::RadioError;

/// What is closer than this counts as touching (m).
pub(super) const TOUCH_M: f64 = 1e-6;
/// Slack of the inside test, along an edge (m).
const EDGE_SLACK_M: f64 = 1e-9;
/// Edges whose angle has a smaller sine make no face.
const LEAST_SINE: f64 = 1e-6;

/// A face and what follows from it.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub(super) face: Face,
    /// Unit normal.
    pub(super) normal: Vector,
    /// `normal . p` of the points in the plane (m).
    offset_m: f64,
    dual: [Vector; 2],
    /// Slack of the inside test, as a share of each edge.
    slack: [f64; 2],
    /// Faces with the same number lie in one plane.
    pub(super) plane: usize,
    /// Earlier faces of the same plane.
    rivals: Vec<usize>,
}

impl Panel {
    fn new(face: Face, index: usize) -> Result<Self, RadioError> {
        let wrong = |problem| Err(RadioError::Face { index, problem });
        let [u, v] = face.edges;
        let numbers = face.origin.iter().chain(&u).chain(&v);
        if !numbers.chain([&face.thickness_m]).all(|x| x.is_finite()) {
            return wrong("has a number that is not finite");
        }
        if face.thickness_m <= 0.0 {
            return wrong("has a thickness that is not above 0");
        }
        let across = cross(u, v);
        let (area, sides) = (length(across), length(u) * length(v));
        let Some(normal) = unit(across).filter(|_| area > LEAST_SINE * sides) else {
            return wrong("has edges that are too short or parallel, and span no area");
        };
        let dual = [cross(v, normal), cross(normal, u)].map(|axis| axis.map(|x| x / area));
        let slack = face.edges.map(|edge| EDGE_SLACK_M / length(edge));
        let offset_m = dot(normal, face.origin);
        Ok(Self { face, normal, offset_m, dual, slack, plane: index, rivals: Vec::new() })
    }

    /// Signed distance from the plane (m).
    pub(super) fn height(&self, point: Vector) -> f64 {
        dot(self.normal, point) - self.offset_m
    }

    /// Whether a point of the plane lies in the face.
    pub(super) fn contains(&self, point: Vector) -> bool {
        let from_corner = sub(point, self.face.origin);
        self.dual.iter().zip(self.slack).all(|(axis, slack)| {
            let share = dot(from_corner, *axis);
            (-slack..=1.0 + slack).contains(&share)
        })
    }

    pub(super) fn corners(&self) -> [Vector; 4] {
        let Face { origin, edges: [u, v], .. } = self.face;
        let next = add_scaled(origin, 1.0, u);
        [origin, next, add_scaled(next, 1.0, v), add_scaled(origin, 1.0, v)]
    }

    /// The mirror image of a point.
    pub(super) fn mirrored(&self, point: Vector) -> Vector {
        add_scaled(point, -2.0 * self.height(point), self.normal)
    }

    /// Where the segment goes through the face, as a share of the way; none if it does not, or ends
    /// closer than [`TOUCH_M`] to it.
    pub(super) fn crossing(&self, from: Vector, to: Vector) -> Option<f64> {
        let (before, after) = (self.height(from), self.height(to));
        if before * after >= 0.0 {
            return None;
        }
        let share = before / (before - after);
        let way = sub(to, from);
        let point = add_scaled(from, share, way);
        let least = TOUCH_M / length(way);
        (share > least && 1.0 - share > least && self.contains(point)).then_some(share)
    }

    fn shares_plane_with(&self, other: &Self) -> bool {
        other.corners().iter().all(|corner| self.height(*corner).abs() < TOUCH_M)
    }
}

/// A face that a leg of a path goes through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crossing {
    pub(super) face: usize,
    /// Share of the leg's length.
    pub(super) share: f64,
}

/// Faces that a leg meets in one point, as in a corner, have no order of their own: theirs is by number
/// one way and against it the other way, so that both ways are alike.
pub(super) fn order_ties(way: Vector, crossings: &mut [Crossing]) {
    let least = TOUCH_M / length(way);
    let is_forth = is_forth(way);
    for tied in crossings.chunk_by_mut(|a, b| b.share - a.share < least) {
        if tied.len() > 1 {
            tied.sort_unstable_by_key(|crossing| crossing.face);
            if !is_forth {
                tied.reverse();
            }
        }
    }
}

/// Whether a way is taken forth and not back: the sign of its first component that is not 0.
fn is_forth(way: Vector) -> bool {
    way.iter().find(|x| x.abs() > TOUCH_M).is_some_and(|x| *x > 0.0)
}

/// Faces that waves meet.
#[derive(Debug, Clone)]
pub struct Scene {
    panels: Vec<Panel>,
    tree: Bvh,
}

impl Scene {
    /// Prepares faces; there may be none, for free space. Where faces of one plane overlap or touch, a
    /// wave meets the first of them alone.
    ///
    /// # Errors
    /// [`RadioError::Face`] naming the first face that is not finite, spans no area or has no thickness.
    pub fn new(faces: Vec<Face>) -> Result<Self, RadioError> {
        let numbered = faces.into_iter().enumerate();
        let mut panels =
            numbered.map(|(index, face)| Panel::new(face, index)).collect::<Result<Vec<_>, _>>()?;
        for later in 1..panels.len() {
            let same = |&i: &usize| panels[i].shares_plane_with(&panels[later]);
            let rivals: Vec<usize> = (0..later).filter(same).collect();
            if let Some(&first) = rivals.first() {
                panels[later].plane = panels[first].plane;
                panels[later].rivals = rivals;
            }
        }
        let boxes: Vec<Bounds> =
            panels.iter().map(|panel| Bounds::around(&panel.corners(), TOUCH_M)).collect();
        Ok(Self { panels, tree: Bvh::new(&boxes) })
    }

    /// The faces.
    pub fn faces(&self) -> impl ExactSizeIterator<Item = &Face> {
        self.panels.iter().map(|panel| &panel.face)
    }

    /// Whether an earlier face of the same plane is at `point` too, so that this one does not count there.
    pub(super) fn is_taken(&self, face: usize, point: Vector) -> bool {
        self.panels[face].rivals.iter().any(|&rival| self.panels[rival].contains(point))
    }

    pub(super) fn panels(&self) -> &[Panel] {
        &self.panels
    }

    /// Finds the faces that the segment goes through, in the order in which it does, but for those in
    /// `except`; replaces what is in `crossings`.
    pub(super) fn crossings(
        &self,
        from: Vector,
        to: Vector,
        except: &[usize],
        crossings: &mut Vec<Crossing>,
    ) {
        crossings.clear();
        self.tree.visit(from, to, |face| {
            let Some(share) = self.panels[face].crossing(from, to) else { return };
            let point = add_scaled(from, share, sub(to, from));
            if !except.contains(&face) && !self.is_taken(face, point) {
                crossings.push(Crossing { face, share });
            }
        });
        crossings.sort_unstable_by(|a, b| a.share.total_cmp(&b.share));
        order_ties(sub(to, from), crossings);
    }
}

impl Scene {
    /// Finds the faces that a path goes through in the very point where it reflects at `face`, as at the edge where two
    /// sides of a box meet: they touch the point, and what comes before lies on one side of them, what follows on
    /// the other. Replaces what is in `crossings`; they are in order. True if they count before the reflection, else
    /// behind it, so that both ways are alike.
    pub(super) fn crossings_at(
        &self,
        face: usize,
        [before, point, after]: [Vector; 3],
        crossings: &mut Vec<Crossing>,
    ) -> bool {
        crossings.clear();
        let own = self.panels[face].plane;
        self.tree.visit(point, point, |other| {
            let panel = &self.panels[other];
            let [from, to] = [before, after].map(|end| panel.height(end));
            let is_parted = from * to < 0.0 && from.abs().min(to.abs()) > TOUCH_M;
            if is_parted
                && panel.plane != own
                && panel.height(point).abs() < TOUCH_M
                && panel.contains(point)
                && !self.is_taken(other, point)
                // What a leg meets before its end counts there.
                && panel.crossing(before, point).is_none()
                && panel.crossing(point, after).is_none()
            {
                crossings.push(Crossing { face: other, share: 1.0 });
            }
        });
        if crossings.is_empty() {
            return true;
        }
        crossings.sort_unstable_by_key(|crossing| crossing.face);
        let ways = [sub(point, before), sub(after, point)].map(unit);
        let along = ways.into_iter().flatten().fold([0.0; 3], |sum, way| add_scaled(sum, 1.0, way));
        let is_forth = is_forth(along);
        if !is_forth {
            crossings.reverse();
        }
        is_forth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Material;

    fn wall(from: [f64; 2], to: [f64; 2]) -> Face {
        Face {
            origin: [from[0], from[1], 0.0],
            edges: [[to[0] - from[0], to[1] - from[1], 0.0], [0.0, 0.0, 3.0]],
            material: Material::Brick,
            thickness_m: 0.1,
        }
    }

    #[test]
    fn segments_cross_walls() {
        let scene = Scene::new(vec![
            wall([0.0, 0.0], [4.0, 0.0]),
            wall([0.0, 2.0], [4.0, 2.0]),
            wall([4.0, 2.0], [6.0, 2.0]),
        ])
        .unwrap();
        let planes: Vec<usize> = scene.panels().iter().map(|panel| panel.plane).collect();
        assert_eq!(planes, [0, 1, 1]);
        let mut found = Vec::new();
        let mut crossed = |from: Vector, to: Vector, except: &[usize]| {
            scene.crossings(from, to, except, &mut found);
            found.iter().map(|crossing| crossing.face).collect::<Vec<_>>()
        };
        assert_eq!(crossed([1.0, -1.0, 1.0], [2.0, 3.0, 1.0], &[]), [0, 1]);
        assert_eq!(crossed([2.0, 3.0, 1.0], [1.0, -1.0, 1.0], &[]), [1, 0]);
        assert_eq!(crossed([2.0, 3.0, 1.0], [1.0, -1.0, 1.0], &[1]), [0]);
        assert_eq!(crossed([5.0, -1.0, 1.0], [5.0, 3.0, 1.0], &[]), [2]);
        assert!(crossed([1.0, -1.0, 3.5], [2.0, 3.0, 3.5], &[]).is_empty());
        // A leg that starts on a wall does not go through it.
        assert_eq!(crossed([1.0, 0.0, 1.0], [1.0, 3.0, 1.0], &[]), [1]);
    }

    #[test]
    fn faces_must_span_an_area() {
        let error = |face: Face| {
            Scene::new(vec![wall([0.0, 0.0], [1.0, 0.0]), face]).unwrap_err().to_string()
        };
        assert!(error(wall([1.0, 1.0], [1.0, 1.0])).contains("face 1"));
        let good = wall([0.0, 0.0], [1.0, 0.0]);
        assert!(error(Face { thickness_m: 0.0, ..good }).contains("thickness"));
        assert!(error(Face { origin: [f64::NAN, 0.0, 0.0], ..good }).contains("finite"));
        assert!(error(Face { edges: [[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]], ..good }).contains("area"));
    }
}
