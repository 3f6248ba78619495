//! Simulated surveys: the source that needs no building.
//!
//! A [`Scenario`] describes environments; [`Scenario::simulate`] measures them with a propagation
//! model and gives a [`crate::survey::Survey`] like any other. Everything comes from one seed.

pub mod campaign;
mod layout;
mod scenario;

pub use layout::{Layout, LayoutConfig, scan};
pub use scenario::{EnvironmentConfig, Scenario};
