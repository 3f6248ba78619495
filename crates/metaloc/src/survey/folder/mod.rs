//! The canonical survey folder. Its layout stands in docs/formats.md.
//!
//! ```text
//! survey.toml             name, unit, environments, licence, citation
//! ENVIRONMENT/points.csv  point_id,x_m,y_m,floor
//! ENVIRONMENT/samples.csv sample_id,point_id,time,device,set
//! ENVIRONMENT/rss.csv     sample_id,access_point,dbm   (not heard = no row)
//! ENVIRONMENT/csi.safetensors  channel state information, where samples have it
//! ```
//!
//! What can be left out: the column `floor` (0 then), and `time`, `device`, `set` or their cells.

mod csi;
mod read;
mod resumable;
mod write;

use serde::{Deserialize, Serialize};

use super::{Environment, Georeference, Provenance};
pub use read::{NamedScan, read_rss_csv};
pub use resumable::SurveyWriter;
pub(super) use write::put;
pub(crate) use write::write_whole;

const DESCRIPTION: &str = "survey.toml";
const POINTS: &[&str] = &["point_id", "x_m", "y_m", "floor"];
const SAMPLES: &[&str] = &["sample_id", "point_id", "time", "device", "set"];
const CSI: &str = "csi.safetensors";
const RSS: &[&str] = &["sample_id", "access_point", "dbm"];
/// The version of the folder's layout that this software reads and writes.
const SCHEMA: u32 = 1;

/// `survey.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    schema: u32,
    name: String,
    /// Unit of all coordinates; metres is the only one.
    unit: String,
    environments: Vec<String>,
    #[serde(default)]
    provenance: Provenance,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    georeference: Option<Georeference>,
}

/// Refuses environment names that can't be a folder's, and names whose folders would coincide
/// (also where upper and lower case are one).
pub(crate) fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut folders: std::collections::HashMap<String, &str> = std::collections::HashMap::new();
    for name in names {
        check_name(name)?;
        match folders.insert(folder_name(name).to_lowercase(), name) {
            None => {}
            Some(other) if other == name => {
                return Err(format!("environment `{name}` is listed twice; remove one"));
            }
            Some(other) => {
                return Err(format!(
                    "environments `{other}` and `{name}` would share a folder; rename one"
                ));
            }
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_alphanumeric() || "-_./ ".contains(c);
    let is_plain = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && part.trim() == part && !part.ends_with('.')
    };
    if name.chars().all(legal) && name.split('/').all(is_plain) {
        return Ok(());
    }
    Err(format!(
        "environment name `{name}`: letters, digits, space, `-`, `_`, `.` and `/` are allowed, no \
         part may be empty, begin with a dot or end with one; rename it"
    ))
}

/// The folder of an environment: its name, `/` being no folder separator there.
fn folder_name(name: &str) -> String {
    name.replace('/', "__")
}

/// Whether an environment has samples of which none has a reading or a recording: then a file of theirs
/// is missing. Some of them may well have heard nothing.
fn is_unmeasured(environment: &Environment) -> bool {
    let samples = &environment.samples;
    !samples.is_empty() && samples.iter().all(|s| s.scan.is_empty() && s.csi.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_names_stay_inside_the_survey() {
        for name in ["", "..", "../x", "a/../b", "/etc", "a/", ".hidden", "a\\b", "a:b", " a", "a."]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["13", "13/f3", "b1-f2", "2026-01", "Büro 3", "v1.2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn folders_do_not_coincide() {
        let check = |names: [&'static str; 2]| check_names(names.into_iter()).unwrap_err();
        assert!(check(["a/b", "a__b"]).contains("share a folder"));
        assert!(check(["Hall", "hall"]).contains("share a folder"));
        assert!(check(["a", "a"]).contains("listed twice"));
    }
}
