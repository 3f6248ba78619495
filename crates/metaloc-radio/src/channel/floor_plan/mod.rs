//! Floor plans: walls, doors, windows, furniture, access points and survey points, in local metres.
//!
//! A plan is a description for people and files. [`FloorPlan::check`] holds it to sense,
//! [`FloorPlan::faces`] makes of it what waves meet ([`super::ray`]).
//!
//! ```
//! use metaloc_radio::channel::{FloorPlan, Material, Outline};
//!
//! let mut plan = FloorPlan::room("study", [4.0, 3.0], Material::Brick);
//! plan.check()?;
//! assert_eq!(plan.faces().len(), 6);
//! plan.outline.corners[1] = plan.outline.corners[0];
//! let message = plan.check().unwrap_err().to_string();
//! assert!(message.starts_with("outline side 1 has no length"), "{message}");
//! # Ok::<(), metaloc_radio::RadioError>(())
//! ```

mod check;
mod faces;
mod plane;
#[cfg(test)]
mod tests;
mod walk;

use serde::{Deserialize, Serialize};

use super::Material;
use super::ray::Vector;

pub use plane::Place;
pub use walk::Obstacles;

/// Version of the description.
pub const FLOOR_PLAN_SCHEMA: u32 = 1;

/// One floor of a building.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloorPlan {
    /// Version of the description; 1.
    pub schema: u32,
    /// Its name.
    pub name: String,
    /// Floor number, as in surveys.
    #[serde(default)]
    pub floor: i32,
    /// From the floor to the ceiling (m).
    pub height_m: f64,
    /// What the floor is made of, at its usual thickness.
    #[serde(default = "concrete")]
    pub floor_material: Material,
    /// What the ceiling is made of, at its usual thickness.
    #[serde(default = "concrete")]
    pub ceiling_material: Material,
    /// The outer walls.
    pub outline: Outline,
    /// The inner walls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub walls: Vec<Wall>,
    /// Doors in walls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doors: Vec<Door>,
    /// Windows in walls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// Furniture, as boxes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub furniture: Vec<Furniture>,
    /// Access points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_points: Vec<PlacedAccessPoint>,
    /// Survey points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grids: Vec<Grid>,
}

const fn concrete() -> Material {
    Material::Concrete
}

/// Outer walls around the floor, at its full height.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outline {
    /// Corners in order (m); the last one is joined to the first.
    pub corners: Vec<Place>,
    /// What the walls are made of.
    pub material: Material,
    /// Their thickness (m); the material's usual one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thickness_m: Option<f64>,
}

/// A straight wall from the floor upwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wall {
    /// Name, for messages.
    pub name: String,
    /// One end of its middle line (m).
    pub from: Place,
    /// The other end (m).
    pub to: Place,
    /// What it is made of.
    pub material: Material,
    /// Thickness (m); the material's usual one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thickness_m: Option<f64>,
    /// Height (m); up to the ceiling if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
}

/// A door, from the floor upwards, in the wall that it lies on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Door {
    /// Name.
    pub name: String,
    /// The side with the hinges (m).
    pub from: Place,
    /// The other side (m).
    pub to: Place,
    /// Height (m).
    #[serde(default = "door_height_m")]
    pub height_m: f64,
    /// What the leaf is made of.
    #[serde(default = "wood")]
    pub material: Material,
    /// Thickness of the leaf (m); the material's usual one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thickness_m: Option<f64>,
    /// Whether it is open: the leaf then stands across the wall, to the left of the way `from`, `to`.
    #[serde(default)]
    pub open: bool,
}

const fn door_height_m() -> f64 {
    2.1
}

const fn wood() -> Material {
    Material::Wood
}

/// A window in the wall that it lies on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Name.
    pub name: String,
    /// One side (m).
    pub from: Place,
    /// The other side (m).
    pub to: Place,
    /// Height of its lower edge above the floor (m).
    #[serde(default = "sill_m")]
    pub sill_m: f64,
    /// Height of the window itself (m).
    #[serde(default = "window_height_m")]
    pub height_m: f64,
    /// What the pane is made of.
    #[serde(default = "glass")]
    pub material: Material,
    /// Thickness of the pane (m); the material's usual one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thickness_m: Option<f64>,
}

const fn sill_m() -> f64 {
    0.9
}

const fn window_height_m() -> f64 {
    1.3
}

const fn glass() -> Material {
    Material::Glass
}

/// A box; one no higher than 0.1 m, such as the top of a table, is a single sheet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Furniture {
    /// Name.
    pub name: String,
    /// Middle of its ground plan (m).
    pub at: Place,
    /// Width, depth, height (m).
    pub size_m: Vector,
    /// Height of its lower side above the floor (m).
    #[serde(default)]
    pub base_m: f64,
    /// Counter-clockwise turn (degrees).
    #[serde(default)]
    pub turn_deg: f64,
    /// What its sides are made of.
    #[serde(default = "wood")]
    pub material: Material,
    /// Thickness of the sides (m); the material's usual one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thickness_m: Option<f64>,
}

/// An access point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacedAccessPoint {
    /// Name.
    pub name: String,
    /// Where its antenna is: x, y, height above the floor (m).
    pub at: Vector,
}

/// Survey points in rows and columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The first point (m).
    pub origin: Place,
    /// Distance between points in x and in y (m).
    pub step_m: [f64; 2],
    /// Numbers of points in x and in y.
    pub count: [usize; 2],
    /// Height of the device above the floor (m).
    #[serde(default = "device_height_m")]
    pub height_m: f64,
}

const fn device_height_m() -> f64 {
    1.2
}

/// A survey point.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanPoint {
    /// Its name: `p001` and so on, over all grids.
    pub id: String,
    /// x, y, height above the floor (m).
    pub at: Vector,
}

impl FloorPlan {
    /// An empty room of `size_m` from the origin, 3 m high.
    #[must_use]
    pub fn room(name: &str, size_m: [f64; 2], material: Material) -> Self {
        let [x, y] = size_m;
        let corners = vec![[0.0, 0.0], [x, 0.0], [x, y], [0.0, y]];
        Self {
            schema: FLOOR_PLAN_SCHEMA,
            name: name.to_owned(),
            floor: 0,
            height_m: 3.0,
            floor_material: Material::Concrete,
            ceiling_material: Material::Concrete,
            outline: Outline { corners, material, thickness_m: None },
            walls: Vec::new(),
            doors: Vec::new(),
            windows: Vec::new(),
            furniture: Vec::new(),
            access_points: Vec::new(),
            grids: Vec::new(),
        }
    }

    /// The outline's sides and the inner walls. A side is named by its number, from 1.
    #[must_use]
    pub fn all_walls(&self) -> Vec<Wall> {
        let Outline { corners, material, thickness_m } = &self.outline;
        let next = corners.iter().cycle().skip(1);
        let side = |(index, (&from, &to)): (usize, (&Place, &Place))| Wall {
            name: format!("outline side {}", index + 1),
            from,
            to,
            material: *material,
            thickness_m: *thickness_m,
            height_m: None,
        };
        let sides = corners.iter().zip(next).enumerate().map(side);
        sides.chain(self.walls.iter().cloned()).collect()
    }

    /// The survey points of all grids: grid by grid, within it x by x, y running fastest.
    #[must_use]
    pub fn points(&self) -> Vec<PlanPoint> {
        let mut points = Vec::new();
        for Grid { origin, step_m, count, height_m } in &self.grids {
            for i in 0..count[0] {
                for j in 0..count[1] {
                    let x = origin[0] + i as f64 * step_m[0];
                    let y = origin[1] + j as f64 * step_m[1];
                    let id = format!("p{:03}", points.len() + 1);
                    points.push(PlanPoint { id, at: [x, y, *height_m] });
                }
            }
        }
        points
    }

    /// The smallest box with sides along x and y around the outline: lowest and highest corner (m).
    #[must_use]
    pub fn extent(&self) -> [Place; 2] {
        let fold = |start: f64, f: fn(f64, f64) -> f64, axis: usize| {
            self.outline.corners.iter().map(|corner| corner[axis]).fold(start, f)
        };
        let low = [0, 1].map(|axis| fold(f64::INFINITY, f64::min, axis));
        let high = [0, 1].map(|axis| fold(f64::NEG_INFINITY, f64::max, axis));
        [low, high]
    }
}

impl Wall {
    /// Thickness (m).
    #[must_use]
    pub fn thickness_m(&self) -> f64 {
        self.thickness_m.unwrap_or(self.material.usual_thickness_m())
    }
}

impl Furniture {
    /// Corners of its ground plan, counter-clockwise (m).
    #[must_use]
    pub fn corners(&self) -> [Place; 4] {
        let [along, across] = self.axes();
        let corner = |a: f64, b: f64| {
            [self.at[0] + a * along[0] + b * across[0], self.at[1] + a * along[1] + b * across[1]]
        };
        [corner(-0.5, -0.5), corner(0.5, -0.5), corner(0.5, 0.5), corner(-0.5, 0.5)]
    }

    /// The two sides of its ground plan (m).
    fn axes(&self) -> [Place; 2] {
        let (sin, cos) = self.turn_deg.to_radians().sin_cos();
        let [width, depth, _] = self.size_m;
        [[width * cos, width * sin], [-depth * sin, depth * cos]]
    }
}
