//! From a plan to the faces that waves meet.
//!
//! Walls stand upright on their middle lines; around a door or window a wall is cut into upright
//! rectangles. Floor and ceiling are the rectangle around the outline.

use super::check::Opening;
use super::{Door, FloorPlan, Furniture, Place, Wall};
use crate::channel::Material;
use crate::channel::ray::{Face, Vector};

/// Furniture no higher than this is a single sheet (m).
pub(super) const SHEET_M: f64 = 0.1;

/// An upright rectangle over a segment.
fn upright(
    (from, to): (Place, Place),
    (low_m, high_m): (f64, f64),
    (material, thickness_m): (Material, f64),
) -> Face {
    Face {
        origin: [from[0], from[1], low_m],
        edges: [[to[0] - from[0], to[1] - from[1], 0.0], [0.0, 0.0, high_m - low_m]],
        material,
        thickness_m,
    }
}

impl FloorPlan {
    /// The faces of the plan, which must have passed [`Self::check`]: floor, ceiling, walls with their
    /// doors and windows, furniture.
    #[must_use]
    pub fn faces(&self) -> Vec<Face> {
        let [low, high] = self.extent();
        let level = |height_m: f64, material: Material| Face {
            origin: [low[0], low[1], height_m],
            edges: [[high[0] - low[0], 0.0, 0.0], [0.0, high[1] - low[1], 0.0]],
            material,
            thickness_m: material.usual_thickness_m(),
        };
        let mut faces =
            vec![level(0.0, self.floor_material), level(self.height_m, self.ceiling_material)];
        let walls = self.all_walls();
        let openings = self.openings(&walls);
        for (index, wall) in walls.iter().enumerate() {
            let own: Vec<&Opening> = openings.iter().filter(|o| o.wall == index).collect();
            wall.faces(&own, wall.height_m.unwrap_or(self.height_m), &mut faces);
        }
        faces.extend(self.doors.iter().filter(|door| door.open).map(Door::leaf));
        self.furniture.iter().for_each(|piece| piece.faces(&mut faces));
        faces
    }
}

impl Wall {
    /// The wall around its openings, which stand in order, and what fills them.
    fn faces(&self, openings: &[&Opening], height_m: f64, faces: &mut Vec<Face>) {
        let made_of = (self.material, self.thickness_m());
        let at = |share: f64| -> Place {
            [0, 1].map(|axis| self.from[axis] + share * (self.to[axis] - self.from[axis]))
        };
        let mut push = |shares: (f64, f64), heights: (f64, f64), made_of| {
            if shares.1 - shares.0 > 1e-9 && heights.1 - heights.0 > 1e-6 {
                faces.push(upright((at(shares.0), at(shares.1)), heights, made_of));
            }
        };
        let mut last = 0.0;
        for opening in openings {
            push((last, opening.shares.0), (0.0, height_m), made_of);
            push(opening.shares, (0.0, opening.heights_m.0), made_of);
            push(opening.shares, (opening.heights_m.1, height_m), made_of);
            if let Some(filling) = opening.filling {
                push(opening.shares, opening.heights_m, filling);
            }
            last = opening.shares.1;
        }
        push((last, 1.0), (0.0, height_m), made_of);
    }
}

impl Door {
    /// What the leaf is made of, and its thickness (m).
    pub(super) fn made_of(&self) -> (Material, f64) {
        (self.material, self.thickness_m.unwrap_or(self.material.usual_thickness_m()))
    }

    /// Where the leaf of the open door ends, which begins at `from` (m).
    #[must_use]
    pub fn leaf_end(&self) -> Place {
        let way = [self.to[0] - self.from[0], self.to[1] - self.from[1]];
        [self.from[0] - way[1], self.from[1] + way[0]]
    }

    /// The leaf of the open door.
    fn leaf(&self) -> Face {
        upright((self.from, self.leaf_end()), (0.0, self.height_m), self.made_of())
    }
}

impl Furniture {
    fn faces(&self, faces: &mut Vec<Face>) {
        let usual = self.thickness_m.unwrap_or(self.material.usual_thickness_m());
        let [a, b, c, d] = self.corners();
        let (low, high) = (self.base_m, self.base_m + self.size_m[2]);
        let [along, across] = self.axes().map(|axis| -> Vector { [axis[0], axis[1], 0.0] });
        let level = |height_m: f64, thickness_m: f64| Face {
            origin: [a[0], a[1], height_m],
            edges: [along, across],
            material: self.material,
            thickness_m,
        };
        if self.size_m[2] <= SHEET_M {
            faces.push(level(f64::midpoint(low, high), self.size_m[2]));
            return;
        }
        for (from, to) in [(a, b), (b, c), (c, d), (d, a)] {
            faces.push(upright((from, to), (low, high), (self.material, usual)));
        }
        faces.push(level(high, usual));
        // What stands on the floor lets nothing in from below.
        if low > 0.0 {
            faces.push(level(low, usual));
        }
    }
}
