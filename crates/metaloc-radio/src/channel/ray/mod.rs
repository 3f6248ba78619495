//! Deterministic ray tracing by the image method: from faces of materials to the paths of a link, and from
//! these to channel state and received power.
//!
//! ```
//! use metaloc_radio::channel::Material;
//! use metaloc_radio::channel::ray::{Face, Scene, Tracer, TracerConfig, power_gain_db};
//!
//! let wall = Face {
//!     origin: [0.0, 2.0, 0.0],
//!     edges: [[10.0, 0.0, 0.0], [0.0, 0.0, 3.0]],
//!     material: Material::Brick,
//!     thickness_m: 0.1,
//! };
//! let config = TracerConfig::default();
//! let tracer = Tracer::new(Scene::new(vec![wall])?, config)?;
//! let images = tracer.images([1.0, 1.0, 2.5]);
//! let (before, behind) = ([6.0, 1.0, 1.2], [6.0, 3.0, 1.2]);
//! let gain = |receiver| {
//!     power_gain_db(&tracer.paths(&images, receiver), config.frequency_hz, 20e6)
//! };
//! assert!(gain(before) > gain(behind) && gain(behind) > -70.0);
//! # Ok::<(), metaloc_radio::RadioError>(())
//! ```

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
