//! How waves travel: path-loss models, building materials, rays.

mod material;
pub mod path_loss;
mod propagation;
pub mod ray;
mod shadowing;

pub use material::Material;
pub use propagation::{Link, Propagation, PropagationModel};
pub use shadowing::{Shadowing, ShadowingField};
