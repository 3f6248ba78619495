//! Deterministic ray tracing by the image method.

mod face;

pub use face::{Face, Vector};
