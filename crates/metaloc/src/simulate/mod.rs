//! Simulated surveys: the source that needs no building.
//!
//! A [`Scenario`] describes rooms with a path-loss model each; a [`campaign::Campaign`] describes places by
//! their floor plans, surveyed on several days by tracing rays. Both give a [`crate::survey::Survey`] like any
//! other, and everything comes from one seed.

pub mod campaign;
mod layout;
mod preview;
mod scenario;

use std::path::Path;

use crate::error::Error;
use campaign::Campaign;
pub use layout::{Layout, LayoutConfig, scan};
pub use preview::{Preview, preview};
pub use scenario::{EnvironmentConfig, Scenario};

/// What a scenario file describes.
#[derive(Debug, Clone, PartialEq)]
pub enum Simulation {
    /// Rooms with a path-loss model each: a file with `[[environments]]`.
    PathLoss(Scenario),
    /// Places with floor plans: a file with `[[places]]`.
    Campaign(Box<Campaign>),
}

impl Simulation {
    /// Reads a scenario file of either kind; draws from `seed` instead of its own, if given.
    ///
    /// # Errors
    /// If it can't be read or holds a mistake; the message names file and key.
    pub fn read(path: &Path, seed: Option<u64>) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        let refuse = |reason: String| Error::Config { path: path.to_owned(), reason };
        let table: toml::Table =
            text.parse().map_err(|e: toml::de::Error| refuse(e.to_string()))?;
        if table.contains_key("places") {
            return Ok(Self::Campaign(Box::new(Campaign::read(path, seed)?)));
        }
        let mut scenario = Scenario::read(path)?;
        scenario.seed = seed.unwrap_or(scenario.seed);
        Ok(Self::PathLoss(scenario))
    }
}
