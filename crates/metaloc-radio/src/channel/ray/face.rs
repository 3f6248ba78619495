//! Flat pieces of walls, floors, ceilings and furniture.

use serde::{Deserialize, Serialize};

use crate::channel::Material;

/// A point or vector in local metres: x, y, and z upwards.
pub type Vector = [f64; 3];

/// A parallelogram of one material: the middle plane of a slab.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Face {
    /// A corner (m).
    pub origin: Vector,
    /// The two edges that meet there (m).
    pub edges: [Vector; 2],
    /// What it is made of.
    pub material: Material,
    /// Thickness of the slab (m).
    pub thickness_m: f64,
}
