//! Where people can walk.

use super::check::Opening;
use super::plane::{distance, distance_to_segment, is_inside, segments_cross};
use super::{FloorPlan, Furniture, Place, Wall};

/// What ends below is stepped over, and what begins above is walked under (m).
const IN_THE_WAY_M: (f64, f64) = (0.2, 1.8);

/// What is in people's way on a floor: walls but for their doors, and furniture.
#[derive(Debug, Clone)]
pub struct Obstacles {
    outline: Vec<Place>,
    walls: Vec<[Place; 2]>,
    furniture: Vec<[Place; 4]>,
}

impl FloorPlan {
    /// What is in people's way; doors, open or closed, are not.
    #[must_use]
    pub fn obstacles(&self) -> Obstacles {
        let walls = self.all_walls();
        let openings = self.openings(&walls);
        let mut segments = Vec::new();
        for (index, wall) in walls.iter().enumerate() {
            let is_door = |o: &&Opening| o.wall == index && o.heights_m.0 <= 0.0;
            let mut last = 0.0;
            for door in openings.iter().filter(is_door) {
                segments.extend(part(wall, last, door.shares.0));
                last = door.shares.1;
            }
            segments.extend(part(wall, last, 1.0));
        }
        let stands = |piece: &&Furniture| {
            piece.base_m < IN_THE_WAY_M.1 && piece.base_m + piece.size_m[2] > IN_THE_WAY_M.0
        };
        Obstacles {
            outline: self.outline.corners.clone(),
            walls: segments,
            furniture: self.furniture.iter().filter(stands).map(Furniture::corners).collect(),
        }
    }
}

/// A part of a wall, by shares of its length; none if it has no length.
fn part(wall: &Wall, from: f64, to: f64) -> Option<[Place; 2]> {
    let at =
        |share: f64| [0, 1].map(|axis| wall.from[axis] + share * (wall.to[axis] - wall.from[axis]));
    (to - from > 1e-9).then(|| [at(from), at(to)])
}

impl Obstacles {
    /// Whether a place is within the outer walls.
    #[must_use]
    pub fn is_inside(&self, at: Place) -> bool {
        is_inside(at, &self.outline)
    }

    /// Whether somebody can stand there, `clear_m` away from walls.
    #[must_use]
    pub fn is_free(&self, at: Place, clear_m: f64) -> bool {
        is_inside(at, &self.outline)
            && !self.walls.iter().any(|[a, b]| distance_to_segment(at, *a, *b) < clear_m)
            && !self.furniture.iter().any(|corners| is_inside(at, corners))
    }

    /// Whether the straight way between two free places is free.
    #[must_use]
    pub fn is_clear(&self, from: Place, to: Place) -> bool {
        if distance(from, to) < 1e-9 {
            return true;
        }
        let mut sides = self.furniture.iter().flat_map(|corners| {
            let next = corners.iter().cycle().skip(1);
            corners.iter().zip(next).map(|(a, b)| [*a, *b])
        });
        !self.walls.iter().any(|wall| segments_cross([from, to], *wall))
            && !sides.any(|side| segments_cross([from, to], side))
    }
}
