//! Floor plans from files.

use std::path::Path;

use metaloc_radio::channel::FloorPlan;

use crate::error::Error;

/// Reads a floor plan.
///
/// # Errors
/// If it can't be read.
pub fn read(path: &Path) -> Result<FloorPlan, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
    let refuse = |reason: String| Error::Config { path: path.to_owned(), reason };
    toml::from_str(&text).map_err(|e| refuse(e.to_string()))
}
