//! Propagation models: how strong a transmitter is heard at a distance.

pub mod log_distance;
mod material;
pub mod ray;

pub use log_distance::LogDistance;
pub use material::Material;
