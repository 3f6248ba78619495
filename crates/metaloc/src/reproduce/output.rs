//! What reproducing a figure gives, and its files.

use std::path::Path;

use super::{Claim, Target};
use crate::error::Error;
use crate::model_file::write_beside;
use crate::report::svg_to_png;

/// Pixels for one unit of a drawing.
const PNG_SCALE: f32 = 2.0;

/// A picture.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// Name of its files.
    pub name: String,
    /// The picture as SVG.
    pub svg: String,
    /// What it shows.
    pub caption: String,
}

/// A table of numbers.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Name of its file.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// Names of the columns, with units.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
    /// Whether it is shown in reports; long ones are files alone.
    pub is_shown: bool,
}

impl Sheet {
    /// The table as CSV.
    ///
    /// # Errors
    /// If a row has another number of cells than there are columns.
    pub fn to_csv(&self) -> Result<Vec<u8>, Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let refuse = |e: csv::Error| Error::usage(e.to_string());
        writer.write_record(&self.columns).map_err(refuse)?;
        for row in &self.rows {
            writer.write_record(row).map_err(refuse)?;
        }
        writer.into_inner().map_err(|e| Error::usage(e.to_string()))
    }
}

/// A reproduced figure or table.
#[derive(Debug, Clone)]
pub struct Reproduction {
    /// Which.
    pub target: Target,
    /// What it is about.
    pub title: String,
    /// Its pictures.
    pub drawings: Vec<Drawing>,
    /// Its numbers.
    pub sheets: Vec<Sheet>,
    /// The paper's claims beside what was measured.
    pub claims: Vec<Claim>,
    /// What was run: protocols and the settings chosen for them, by file (TOML).
    pub protocols: Vec<(String, String)>,
    /// Hash of each protocol's data.
    pub data_hashes: Vec<(String, String)>,
    /// Whether it was a coarse run.
    pub is_quick: bool,
    /// The share of the paper's training steps that were taken.
    pub training_share: f64,
}

impl Reproduction {
    /// Without protocols yet.
    pub(super) fn new(target: Target, title: &str) -> Self {
        Self {
            target,
            title: title.to_owned(),
            drawings: Vec::new(),
            sheets: Vec::new(),
            claims: Vec::new(),
            protocols: Vec::new(),
            data_hashes: Vec::new(),
            is_quick: false,
            training_share: 1.0,
        }
    }

    pub(super) fn draw(&mut self, name: &str, svg: String, caption: &str) {
        self.drawings.push(Drawing { name: name.to_owned(), svg, caption: caption.to_owned() });
    }

    /// Writes pictures (SVG, PNG), tables (CSV), protocols with chosen settings (TOML) and `claims.json` into `folder`, which must exist.
    ///
    /// # Errors
    /// If a file can't be written; an old one then stays whole.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let put = |name: String, bytes: &[u8]| write_beside(&folder.join(name), bytes);
        for Drawing { name, svg, .. } in &self.drawings {
            put(format!("{name}.svg"), svg.as_bytes())?;
            put(format!("{name}.png"), &svg_to_png(svg, PNG_SCALE)?)?;
        }
        for sheet in &self.sheets {
            put(format!("{}.csv", sheet.name), &sheet.to_csv()?)?;
        }
        for (name, text) in &self.protocols {
            put(format!("{}-{name}", self.target.name()), text.as_bytes())?;
        }
        let name = self.target.name();
        let about = serde_json::json!({
            "target": name,
            "title": self.title,
            "quick": self.is_quick,
            "training_share": self.training_share,
            "version": env!("CARGO_PKG_VERSION"),
            "data_hashes": self.data_hashes,
            "claims": self.claims,
        });
        let text = serde_json::to_string_pretty(&about).map_err(|e| Error::usage(e.to_string()))?;
        put(format!("{name}.claims.json"), text.as_bytes())
    }
}
