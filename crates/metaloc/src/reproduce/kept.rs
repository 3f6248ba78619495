//! Files with what was measured so far.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::evaluate::{PlaceAnswers, Row};
use crate::model_file;

/// A row with the errors and answers behind it.
#[derive(Serialize, Deserialize)]
struct Kept {
    row: Row,
    errors_m: Vec<f64>,
    places: Vec<PlaceAnswers>,
}

impl Kept {
    fn of(row: &Row) -> Self {
        Self { row: row.clone(), errors_m: row.errors_m.clone(), places: row.places.clone() }
    }

    fn whole(self) -> Row {
        Row { errors_m: self.errors_m, places: self.places, ..self.row }
    }
}

/// The rows in a file; none if there is no such file.
pub(super) fn read_rows(file: &Path) -> Result<Option<Vec<Row>>, Error> {
    let kept: Option<Vec<Kept>> = read(file)?;
    Ok(kept.map(|rows| rows.into_iter().map(Kept::whole).collect()))
}

/// Keeps rows.
pub(super) fn write_rows(file: &Path, rows: &[Row]) -> Result<(), Error> {
    write(file, &rows.iter().map(Kept::of).collect::<Vec<Kept>>())
}

/// What is kept in a file; none if there is no such file.
pub(super) fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, Error> {
    if !file.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(file).map_err(|e| Error::file(file, e))?;
    let refuse = |e: serde_json::Error| Error::Config {
        path: file.to_owned(),
        reason: format!("{e}; delete it to measure anew"),
    };
    serde_json::from_str(&text).map(Some).map_err(refuse)
}

/// Keeps something, whole or not at all.
pub(super) fn write(file: &Path, kept: &impl Serialize) -> Result<(), Error> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
    let text = serde_json::to_string(kept).map_err(|e| Error::usage(e.to_string()))?;
    model_file::write_beside(file, text.as_bytes())
}
