//! Writing a survey folder: whole or not at all.

use std::fmt::Write;
use std::path::Path;

use super::{
    CSI, DESCRIPTION, Description, POINTS, RSS, SAMPLES, SCHEMA, check_names, csi, folder_name,
    is_unmeasured,
};
use crate::error::unnamed;
use crate::survey::{Environment, Sample, Survey, SurveyError, timestamp};
use metaloc_radio::geometry::Position;

impl Survey {
    /// Writes a survey folder; beside its place first, then renamed there.
    ///
    /// [`Survey::read`] gives back the same survey, its access points and devices numbered as by
    /// [`Survey::renumbered`].
    ///
    /// # Errors
    /// [`SurveyError::OutputExists`] if something is there already, [`SurveyError::File`] if it
    /// can't be written, [`SurveyError::Environment`] if a name has no place in a table; nothing is
    /// left half-written.
    pub fn write(&self, folder: &Path) -> Result<(), SurveyError> {
        self.check_environments(folder)?;
        write_whole(folder, |beside| {
            self.write_description(beside)?;
            self.environments.iter().try_for_each(|e| self.write_environment(beside, e))
        })
    }

    pub(super) fn write_description(&self, folder: &Path) -> Result<(), SurveyError> {
        let description = Description {
            schema: SCHEMA,
            name: self.name.clone(),
            unit: "m".into(),
            environments: self.environments.iter().map(|e| e.name.clone()).collect(),
            provenance: self.provenance.clone(),
            georeference: self.georeference,
        };
        let path = folder.join(DESCRIPTION);
        let text =
            toml::to_string(&description).map_err(|e| SurveyError::format(&path, e.to_string()))?;
        put(&path, &text)
    }

    /// Writes an environment's own folder into the survey's.
    pub(super) fn write_environment(
        &self,
        folder: &Path,
        environment: &Environment,
    ) -> Result<(), SurveyError> {
        let inner = folder.join(folder_name(&environment.name));
        std::fs::create_dir(&inner).map_err(|e| SurveyError::file(&inner, e))?;
        let tables = self.tables(environment)?;
        for (name, text) in ["points.csv", "samples.csv", "rss.csv"].iter().zip(tables) {
            put(&inner.join(name), &text)?;
        }
        let path = inner.join(CSI);
        csi::write(&path, environment, &self.access_points)?;
        // Tensors are written for nobody else to read, unlike the tables.
        if path.exists() {
            let like = inner.join("points.csv").metadata().map(|m| m.permissions());
            like.and_then(|permissions| std::fs::set_permissions(&path, permissions))
                .map_err(|e| SurveyError::file(&path, e))?;
        }
        Ok(())
    }

    /// Finds what would keep [`Survey::write`] from writing to `folder`, without writing.
    ///
    /// # Errors
    /// As `write`, but for what the disk may say.
    pub fn check_writable(&self, folder: &Path) -> Result<(), SurveyError> {
        self.check_environments(folder)?;
        self.environments.iter().try_for_each(|environment| self.tables(environment).map(drop))
    }

    fn check_environments(&self, folder: &Path) -> Result<(), SurveyError> {
        let names = self.environments.iter().map(|environment| environment.name.as_str());
        check_names(names).map_err(|reason| SurveyError::format(folder, reason))?;
        if self.environments.is_empty() {
            return Err(SurveyError::format(folder, "the survey has no environments; add one"));
        }
        Ok(())
    }

    /// The text of an environment's three tables.
    fn tables(&self, environment: &Environment) -> Result<[String; 3], SurveyError> {
        self.table_texts(environment).map_err(|reason| SurveyError::Environment {
            environment: environment.name.clone(),
            reason,
        })
    }

    fn table_texts(&self, environment: &Environment) -> Result<[String; 3], String> {
        let mut points = POINTS.join(",") + "\n";
        let mut samples = SAMPLES.join(",") + "\n";
        let mut rss = RSS.join(",") + "\n";
        if environment.points.is_empty() {
            return Err("it has no reference points; leave it out".into());
        }
        if is_unmeasured(environment) {
            return Err("none of its samples has a reading or a recording; leave it out".into());
        }
        check_unique("point", environment.points.iter().map(|point| point.id.as_str()))?;
        check_unique("sample", environment.samples.iter().map(|sample| &*sample.id))?;
        // Writing to a string can't fail.
        for point in &environment.points {
            let Position { x_m, y_m, floor } = point.position;
            if !(x_m.is_finite() && y_m.is_finite()) {
                return Err(format!("point `{}` has no finite coordinates", point.id));
            }
            let _ = writeln!(points, "{},{x_m},{y_m},{floor}", name_cell("point", &point.id)?);
        }
        for sample in &environment.samples {
            let id = name_cell("sample", &sample.id)?;
            let _ = writeln!(samples, "{id},{}", self.sample_cells(environment, sample)?);
            for &(access_point, dbm) in sample.scan.readings() {
                let name = self.access_points.names().get(access_point.0 as usize);
                let name = name.ok_or_else(|| stray(sample, "an access point"))?;
                let _ = writeln!(rss, "{id},{},{dbm}", name_cell("access point", name)?);
            }
        }
        Ok([points, samples, rss])
    }

    /// `point_id,time,device,set` of a sample.
    fn sample_cells(&self, environment: &Environment, sample: &Sample) -> Result<String, String> {
        let point = environment.points.get(sample.point as usize);
        let point = name_cell("point", &point.ok_or_else(|| stray(sample, "a point"))?.id)?;
        let time = match sample.time_ms {
            None => String::new(),
            Some(ms) if timestamp::day(ms).is_some() => timestamp::format(ms),
            Some(ms) => {
                return Err(format!("the time of sample `{}`, {ms} ms, is no date", sample.id));
            }
        };
        let device = match sample.device {
            None => "".into(),
            Some(at) => {
                let name = self.devices.get(usize::from(at));
                name_cell("device", name.ok_or_else(|| stray(sample, "a device"))?)?
            }
        };
        let set = if sample.set.is_empty() { "".into() } else { name_cell("set", &sample.set)? };
        Ok(format!("{point},{time},{device},{set}"))
    }
}

fn check_unique<'a>(what: &str, mut names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut met = std::collections::HashSet::new();
    match names.find(|name| !met.insert(*name)) {
        None => Ok(()),
        Some(name) => Err(format!("{what} `{name}` stands twice; give each its own name")),
    }
}

fn stray(sample: &Sample, what: &str) -> String {
    format!("sample `{}` refers to {what} that the survey does not have", sample.id)
}

/// A CSV cell with a name, quoted where it must be.
fn name_cell<'a>(what: &str, text: &'a str) -> Result<std::borrow::Cow<'a, str>, String> {
    if text.trim() != text || text.is_empty() {
        return Err(format!(
            "the {what} name `{text}` is empty or begins or ends with a space; rename it"
        ));
    }
    if text.contains([',', '"', '\n', '\r']) {
        return Ok(format!("\"{}\"", text.replace('"', "\"\"")).into());
    }
    Ok(text.into())
}

/// Makes a folder whole or not at all: `fill` gets a folder beside it, which is then renamed.
pub(crate) fn write_whole(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<(), SurveyError>,
) -> Result<(), SurveyError> {
    // A dangling link is something, too.
    if folder.symlink_metadata().is_ok() {
        return Err(SurveyError::OutputExists(folder.to_owned()));
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let fail = |e: std::io::Error| SurveyError::file(folder, e);
    // Removed with all it holds if anything goes wrong before the rename.
    let beside = tempfile::Builder::new()
        .prefix(".metaloc-")
        .tempdir_in(parent)
        .map_err(|e| fail(unnamed(e)))?;
    let inner = beside.path().join("survey");
    std::fs::create_dir(&inner).map_err(fail)?;
    fill(&inner).map_err(|error| at_its_place(error, &inner, folder))?;
    std::fs::rename(&inner, folder).map_err(fail)
}

/// An error about a file beside its place, as one about the place: the other name is nobody's.
fn at_its_place(mut error: SurveyError, beside: &Path, folder: &Path) -> SurveyError {
    if let SurveyError::File { path, .. } | SurveyError::Format { path, .. } = &mut error
        && let Ok(inside) = path.strip_prefix(beside)
    {
        *path = folder.join(inside);
    }
    error
}

pub(in crate::survey) fn put(path: &Path, text: &str) -> Result<(), SurveyError> {
    std::fs::write(path, text).map_err(|e| SurveyError::file(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_place_that_was_asked_for() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("mine");
        let failed = write_whole(&folder, |beside| put(&beside.join("no/points.csv"), ""));
        let message = failed.unwrap_err().to_string();
        let expected = folder.join("no/points.csv").display().to_string();
        assert!(message.starts_with(&expected), "{message}");
        let nowhere = parent.path().join("no/mine");
        let message = write_whole(&nowhere, |_| Ok(())).unwrap_err().to_string();
        let expected = format!("{}: No such file", nowhere.display());
        assert!(message.starts_with(&expected) && !message.contains(".metaloc-"), "{message}");
    }
}
