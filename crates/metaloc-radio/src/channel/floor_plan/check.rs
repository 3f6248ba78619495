//! Whether a plan makes sense: what is wrong is named, with the remedy.

use std::collections::HashSet;
use std::fmt::Display;

use super::faces::SHEET_M;
use super::plane::{along, distance, distance_to_segment, is_inside, segments_cross};
use super::{FLOOR_PLAN_SCHEMA, FloorPlan, Furniture, Place, Wall};
use crate::RadioError;
use crate::channel::Material;
use crate::channel::ray::Vector;

/// A door or window lies on a wall if its ends are no further from it (m).
const ON_WALL_M: f64 = 0.05;
/// Shorter walls, doors and windows have no length (m).
const LEAST_LENGTH_M: f64 = 0.01;
/// Places must be so far from a wall's surface (m).
const CLEAR_OF_WALLS_M: f64 = 0.005;
/// Most survey points.
const MAX_POINTS: usize = 1_000_000;

/// A door or window in its wall.
pub(super) struct Opening {
    /// Index of the wall.
    pub(super) wall: usize,
    /// Where it begins and ends, as shares of the wall's length.
    pub(super) shares: (f64, f64),
    /// Lower and upper edge (m).
    pub(super) heights_m: (f64, f64),
    /// What fills it, with the thickness (m); nothing where a door stands open.
    pub(super) filling: Option<(Material, f64)>,
}

fn wrong<T>(
    element: impl Display,
    problem: impl Display,
    remedy: impl Display,
) -> Result<T, RadioError> {
    Err(RadioError::FloorPlan {
        element: element.to_string(),
        problem: problem.to_string(),
        remedy: remedy.to_string(),
    })
}

fn finite(element: &str, numbers: &[f64]) -> Result<(), RadioError> {
    match numbers.iter().find(|x| !x.is_finite()) {
        Some(x) => {
            wrong(element, format!("has the number {x}"), "every number must be finite, in metres")
        }
        None => Ok(()),
    }
}

fn thickness(element: &str, thickness_m: Option<f64>) -> Result<(), RadioError> {
    match thickness_m {
        Some(t) if !(t > 0.0 && t.is_finite()) => wrong(
            element,
            format!("has the thickness {t} m"),
            "give one above 0, or leave it out for the material's usual one",
        ),
        _ => Ok(()),
    }
}

impl FloorPlan {
    /// Checks that the plan makes sense.
    ///
    /// # Errors
    /// [`RadioError::FloorPlan`] naming the first element that does not, and what to do.
    pub fn check(&self) -> Result<(), RadioError> {
        if self.schema != FLOOR_PLAN_SCHEMA {
            let problem = format!("has schema {}", self.schema);
            return wrong("the plan", problem, format!("this is schema {FLOOR_PLAN_SCHEMA}"));
        }
        if !(self.height_m > 0.0 && self.height_m.is_finite()) {
            let problem = format!("has height_m = {}", self.height_m);
            return wrong("the plan", problem, "give a height above 0");
        }
        self.check_outline()?;
        self.check_names()?;
        for wall in &self.walls {
            self.check_wall(wall)?;
        }
        self.check_openings()?;
        for piece in &self.furniture {
            self.check_furniture(piece)?;
        }
        for point in &self.access_points {
            self.check_place(&format!("access point `{}`", point.name), point.at)?;
        }
        self.check_grids()
    }

    /// What should be known of the plan at `frequency_hz`: materials whose constants don't hold there.
    #[must_use]
    pub fn warnings(&self, frequency_hz: f64) -> Vec<String> {
        let faces = self.faces();
        let is_used = |m: &&Material| faces.iter().any(|face| face.material == **m);
        let outside = Material::ALL.iter().filter(is_used).filter_map(|material| {
            let (low, high) = material.frequency_range_hz();
            (!(low..=high).contains(&frequency_hz)).then(|| {
                format!(
                    "the constants of {} hold from {} to {} GHz; {} GHz is outside",
                    material.name(),
                    low / 1e9,
                    high / 1e9,
                    frequency_hz / 1e9
                )
            })
        });
        outside.collect()
    }

    fn check_outline(&self) -> Result<(), RadioError> {
        let corners = &self.outline.corners;
        if corners.len() < 3 {
            let problem = format!("has {} corners", corners.len());
            return wrong(
                "the outline",
                problem,
                "give at least 3; the last is joined to the first",
            );
        }
        finite("the outline", corners.as_flattened())?;
        thickness("the outline", self.outline.thickness_m)?;
        let sides: Vec<[Place; 2]> =
            corners.iter().zip(corners.iter().cycle().skip(1)).map(|(a, b)| [*a, *b]).collect();
        if let Some(i) = sides.iter().position(|[a, b]| distance(*a, *b) < LEAST_LENGTH_M) {
            let element = format!("outline side {}", i + 1);
            return wrong(element, "has no length", "leave one of its equal corners out");
        }
        for (i, a) in sides.iter().enumerate() {
            for (j, b) in sides.iter().enumerate().skip(i + 1) {
                if segments_cross(*a, *b) {
                    let element = format!("outline side {}", i + 1);
                    let problem = format!("crosses side {}", j + 1);
                    return wrong(element, problem, "give the corners in order around the floor");
                }
            }
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), RadioError> {
        let kinds: [(&str, Vec<&str>); 5] = [
            ("wall", self.walls.iter().map(|x| x.name.as_str()).collect()),
            ("door", self.doors.iter().map(|x| x.name.as_str()).collect()),
            ("window", self.windows.iter().map(|x| x.name.as_str()).collect()),
            ("furniture", self.furniture.iter().map(|x| x.name.as_str()).collect()),
            ("access point", self.access_points.iter().map(|x| x.name.as_str()).collect()),
        ];
        for (kind, names) in kinds {
            let mut seen = HashSet::new();
            if let Some(name) = names.iter().find(|name| name.is_empty() || !seen.insert(**name)) {
                let element = format!("{kind} `{name}`");
                return wrong(element, "has a name that is taken or empty", "give it its own");
            }
        }
        Ok(())
    }

    fn is_within(&self, place: Place) -> bool {
        let corners = &self.outline.corners;
        let mut sides = corners.iter().zip(corners.iter().cycle().skip(1));
        is_inside(place, corners)
            || sides.any(|(a, b)| distance_to_segment(place, *a, *b) <= ON_WALL_M)
    }

    fn check_wall(&self, wall: &Wall) -> Result<(), RadioError> {
        let element = format!("wall `{}`", wall.name);
        finite(&element, &[wall.from, wall.to].concat())?;
        thickness(&element, wall.thickness_m)?;
        if distance(wall.from, wall.to) < LEAST_LENGTH_M {
            return wrong(element, "has no length", "give it two different ends");
        }
        if let Some(h) = wall.height_m.filter(|h| !(*h > 0.0 && *h <= self.height_m)) {
            let remedy = format!("give one above 0, at most the floor's {} m", self.height_m);
            return wrong(element, format!("has the height {h} m"), remedy);
        }
        if let Some(end) = [wall.from, wall.to].into_iter().find(|end| !self.is_within(*end)) {
            let problem = format!("ends at {end:?}, outside the outline");
            return wrong(element, problem, "let it end at the outline");
        }
        Ok(())
    }

    /// Doors and windows as they stand in the checked walls, in order along each.
    pub(super) fn openings(&self, walls: &[Wall]) -> Vec<Opening> {
        let doors = self.doors.iter().map(|door| {
            let filling = (!door.open).then(|| door.made_of());
            ((door.from, door.to), (0.0, door.height_m), filling)
        });
        let windows = self.windows.iter().map(|window| {
            let usual = window.material.usual_thickness_m();
            let filling = (window.material, window.thickness_m.unwrap_or(usual));
            let heights = (window.sill_m, window.sill_m + window.height_m);
            ((window.from, window.to), heights, Some(filling))
        });
        let mut openings: Vec<Opening> = doors
            .chain(windows)
            .filter_map(|((from, to), heights_m, filling)| {
                let (wall, shares) = wall_of(walls, from, to)?;
                Some(Opening { wall, shares, heights_m, filling })
            })
            .collect();
        openings.sort_by(|a, b| a.wall.cmp(&b.wall).then(a.shares.0.total_cmp(&b.shares.0)));
        openings
    }

    fn check_openings(&self) -> Result<(), RadioError> {
        let walls = self.all_walls();
        let doors = self.doors.iter().map(|d| {
            (format!("door `{}`", d.name), d.from, d.to, [0.0, d.height_m], d.thickness_m)
        });
        let windows = self.windows.iter().map(|w| {
            let heights = [w.sill_m, w.sill_m + w.height_m];
            (format!("window `{}`", w.name), w.from, w.to, heights, w.thickness_m)
        });
        let mut taken: Vec<(usize, (f64, f64), String)> = Vec::new();
        for (element, from, to, heights, thick) in doors.chain(windows) {
            finite(&element, &[from, to, heights].concat())?;
            thickness(&element, thick)?;
            if distance(from, to) < LEAST_LENGTH_M {
                return wrong(element, "has no width", "give it two different sides");
            }
            let Some((wall, shares)) = wall_of(&walls, from, to) else {
                let problem = format!("from {from:?} to {to:?} lies on no wall");
                let remedy = format!("put both ends on one wall, within {ON_WALL_M} m of its line");
                return wrong(element, problem, remedy);
            };
            let top = walls[wall].height_m.unwrap_or(self.height_m);
            if !(heights[0] >= 0.0 && heights[1] > heights[0] && heights[1] <= top + 1e-9) {
                let problem = format!("reaches from {} to {} m", heights[0], heights[1]);
                return wrong(element, problem, format!("its wall reaches from 0 to {top} m"));
            }
            let overlaps = |(w, s, _): &&(usize, (f64, f64), String)| {
                *w == wall && s.0 < shares.1 - 1e-9 && shares.0 < s.1 - 1e-9
            };
            if let Some((_, _, other)) = taken.iter().find(overlaps) {
                return wrong(element, format!("overlaps {other}"), "move one of them");
            }
            taken.push((wall, shares, element));
        }
        Ok(())
    }

    fn check_furniture(&self, piece: &Furniture) -> Result<(), RadioError> {
        let element = format!("furniture `{}`", piece.name);
        finite(
            &element,
            &[&piece.at[..], &piece.size_m, &[piece.base_m, piece.turn_deg]].concat(),
        )?;
        thickness(&element, piece.thickness_m)?;
        if piece.size_m.iter().any(|size| *size <= 0.0) {
            let problem = format!("has the size {:?} m", piece.size_m);
            return wrong(element, problem, "all three must be above 0");
        }
        let top = piece.base_m + piece.size_m[2];
        if piece.base_m < 0.0 || top > self.height_m {
            let problem = format!("reaches from {} to {top} m", piece.base_m);
            return wrong(element, problem, format!("the floor reaches to {} m", self.height_m));
        }
        if let Some(corner) = piece.corners().into_iter().find(|corner| !self.is_within(*corner)) {
            let [x, y] = corner;
            let problem = format!("has a corner at [{x:.2}, {y:.2}], outside the outline");
            return wrong(element, problem, "move it inside");
        }
        Ok(())
    }

    fn check_grids(&self) -> Result<(), RadioError> {
        let mut total = 0_usize;
        for (index, grid) in self.grids.iter().enumerate() {
            let element = format!("grid {}", index + 1);
            finite(&element, &[grid.origin, grid.step_m, [grid.height_m, 0.0]].concat())?;
            let needs = |axis: usize| grid.count[axis] > 1 && grid.step_m[axis] <= 0.0;
            if needs(0) || needs(1) {
                let problem = format!("has the steps {:?} m", grid.step_m);
                return wrong(element, problem, "give steps above 0");
            }
            total = grid.count[0]
                .checked_mul(grid.count[1])
                .map_or(usize::MAX, |n| n.saturating_add(total));
            if total > MAX_POINTS {
                let problem = format!("makes more than {MAX_POINTS} survey points");
                return wrong(element, problem, "give a smaller count");
            }
        }
        let points = self.points();
        points.iter().try_for_each(|p| self.check_place(&format!("survey point `{}`", p.id), p.at))
    }

    /// Checks that a device or antenna can be at a place: inside the outline, not in a wall or a piece of
    /// furniture, between floor and ceiling.
    ///
    /// # Errors
    /// [`RadioError::FloorPlan`] naming `element`.
    pub fn check_place(&self, element: &str, at: Vector) -> Result<(), RadioError> {
        finite(element, &at)?;
        let [x, y, z] = at;
        let problem = |what: &str| format!("at [{x:.2}, {y:.2}, {z:.2}] {what}");
        if !is_inside([x, y], &self.outline.corners) {
            return wrong(element, problem("is outside the outline"), "move it inside");
        }
        if !(z > 0.0 && z < self.height_m) {
            let remedy = format!("give a height between 0 and {} m", self.height_m);
            return wrong(element, problem("is not between floor and ceiling"), remedy);
        }
        let is_in_wall = |wall: &Wall| {
            let clear = wall.thickness_m() / 2.0 + CLEAR_OF_WALLS_M;
            distance_to_segment([x, y], wall.from, wall.to) < clear
                && z < wall.height_m.unwrap_or(self.height_m) + CLEAR_OF_WALLS_M
        };
        if let Some(wall) = self.all_walls().into_iter().find(is_in_wall) {
            let name = if wall.name.starts_with("outline side") {
                wall.name
            } else {
                format!("wall `{}`", wall.name)
            };
            return wrong(
                element,
                problem(&format!("is inside {name}")),
                "move it out of the wall",
            );
        }
        let is_in = |piece: &&Furniture| {
            let top = piece.base_m + piece.size_m[2].max(SHEET_M / 2.0);
            (piece.base_m..=top).contains(&z) && is_inside([x, y], &piece.corners())
        };
        if let Some(piece) = self.furniture.iter().find(is_in) {
            let what = format!("is inside furniture `{}`", piece.name);
            return wrong(element, problem(&what), "move one of them");
        }
        Ok(())
    }
}

/// The wall that a door or window lies on, and where, as shares of its length.
fn wall_of(walls: &[Wall], from: Place, to: Place) -> Option<(usize, (f64, f64))> {
    walls.iter().enumerate().find_map(|(index, wall)| {
        let length = distance(wall.from, wall.to);
        let slack = ON_WALL_M / length;
        let share = |place| {
            let (share, off) = along(place, wall.from, wall.to);
            let is_on = off <= ON_WALL_M && (-slack..=1.0 + slack).contains(&share);
            is_on.then_some(share.clamp(0.0, 1.0))
        };
        let (a, b) = (share(from)?, share(to)?);
        Some((index, (a.min(b), a.max(b))))
    })
}
