//! Deterministic ray tracing by the image method.

mod bvh;
mod config;
mod diffraction;
mod edges;
mod face;
mod fresnel;
mod image_method;
mod images;
mod knife_edge;
mod path;
mod polarisation;
mod scene;
mod slab;
mod utd;
mod vector;

pub use config::{Antenna, Diffraction, MAX_REFLECTIONS, MAX_WORK, TracerConfig};
pub use face::{Face, Vector};
pub use fresnel::fresnel_tail;
pub use image_method::Tracer;
pub use images::Images;
pub use knife_edge::{knife_edge_field, knife_edge_loss_approximate_db, knife_edge_loss_db};
pub use path::{Path, frequency_response, incoherent_gain_db, power_gain_db};
pub use scene::Scene;
pub use slab::{Polarised, Slab};
pub use utd::{WedgeGeometry, WedgeWeights, transition, wedge_gain};

#[cfg(test)]
mod tests;
