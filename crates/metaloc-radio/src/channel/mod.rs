//! How waves travel: path-loss models, building materials, floor plans, rays.

mod body;
mod clutter;
mod floor_plan;
mod material;
pub mod path_loss;
mod propagation;
pub mod ray;
mod receiver;
mod shadowing;
mod traced_link;

pub use body::{Body, Leg};
pub use clutter::{ClutterConfig, Scatterer};
pub use floor_plan::{
    Door, FLOOR_PLAN_SCHEMA, FloorPlan, Furniture, Grid, Obstacles, Outline, Place,
    PlacedAccessPoint, PlanPoint, Wall, Window,
};
pub use material::Material;
pub use propagation::{Link, Propagation, PropagationModel};
pub use receiver::{ReceivedFrame, Receiver, ReceiverConfig};
pub use shadowing::{Shadowing, ShadowingField};
pub use traced_link::{Facing, Person, Source, TracedLink};
