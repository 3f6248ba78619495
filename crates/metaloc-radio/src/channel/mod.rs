//! How waves travel: path-loss models, building materials, floor plans, rays.

mod floor_plan;
mod material;
pub mod path_loss;
mod propagation;
pub mod ray;
mod shadowing;

pub use floor_plan::{
    Door, FLOOR_PLAN_SCHEMA, FloorPlan, Furniture, Grid, Outline, Place, PlacedAccessPoint,
    PlanPoint, Wall, Window,
};
pub use material::Material;
pub use propagation::{Link, Propagation, PropagationModel};
pub use shadowing::{Shadowing, ShadowingField};
