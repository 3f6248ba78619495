//! Floor plans from files: TOML, or GeoJSON as drawing tools export it (docs/formats.md).

mod geojson;
#[cfg(test)]
mod tests;

use std::path::Path;

use metaloc_radio::channel::FloorPlan;

use crate::error::Error;

/// Reads a floor plan: GeoJSON if the file ends in `.geojson` or `.json`, else TOML.
///
/// # Errors
/// If it can't be read or does not pass [`FloorPlan::check`]; the message names the file, and the element or line.
pub fn read(path: &Path) -> Result<FloorPlan, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
    let refuse = |reason: String| Error::Config { path: path.to_owned(), reason };
    let ends_in = |end: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(end));
    let plan = if ends_in("geojson") || ends_in("json") {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        geojson::parse(&text, &stem)
    } else {
        toml::from_str::<FloorPlan>(&text).map_err(|e| e.to_string())
    };
    let plan = plan.map_err(refuse)?;
    plan.check().map_err(|e| refuse(e.to_string()))?;
    Ok(plan)
}
