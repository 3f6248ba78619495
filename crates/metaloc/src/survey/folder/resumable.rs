//! Writing a survey folder environment by environment, so that a long run can go on where it stopped.
//!
//! What is done stands in `FOLDER.part`; each environment is written beside its place there and renamed, and the
//! whole is renamed to `FOLDER` at the end.

use std::path::{Path, PathBuf};

use super::{check_names, folder_name, put};
use crate::survey::{Environment, Survey, SurveyError};

/// What the part was begun for.
const KEY: &str = "key";
/// Where an environment is written before it is whole.
const UNFINISHED: &str = ".unfinished";

/// A survey folder on its way.
#[derive(Debug)]
pub struct SurveyWriter {
    folder: PathBuf,
    part: PathBuf,
}

impl SurveyWriter {
    /// Begins `folder`, or goes on with what an earlier run with the same `key` left.
    ///
    /// # Errors
    /// [`SurveyError::OutputExists`] if the folder is there, or its part and `resume` is not asked for;
    /// [`SurveyError::Format`] if the part was begun with another key.
    pub fn start(folder: &Path, key: &str, resume: bool) -> Result<Self, SurveyError> {
        if folder.symlink_metadata().is_ok() {
            return Err(SurveyError::OutputExists(folder.to_owned()));
        }
        let part = Self::part_of(folder);
        let path = part.join(KEY);
        if part.symlink_metadata().is_ok() {
            if !resume {
                return Err(SurveyError::format(
                    &part,
                    "an earlier run left this part; go on with --resume, or remove it",
                ));
            }
            let found = std::fs::read_to_string(&path).map_err(|e| SurveyError::file(&path, e))?;
            if found != key {
                return Err(SurveyError::format(
                    &part,
                    "this part was begun with other settings or another seed; remove it to begin anew",
                ));
            }
        } else {
            std::fs::create_dir(&part).map_err(|e| SurveyError::file(&part, e))?;
            put(&path, key)?;
        }
        Ok(Self { folder: folder.to_owned(), part })
    }

    /// Where the part of a folder stands: beside it.
    fn part_of(folder: &Path) -> PathBuf {
        let mut name = folder.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        folder.with_file_name(name)
    }

    /// Where what is done stands.
    #[must_use]
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Whether an environment is done.
    #[must_use]
    pub fn has(&self, environment: &str) -> bool {
        self.part.join(folder_name(environment)).is_dir()
    }

    /// Writes an environment; `survey` has its access points and devices.
    ///
    /// # Errors
    /// As [`Survey::write`].
    pub fn add(&self, survey: &Survey, environment: &Environment) -> Result<(), SurveyError> {
        check_names([environment.name.as_str()].into_iter())
            .map_err(|reason| SurveyError::format(&self.folder, reason))?;
        let beside = self.part.join(UNFINISHED);
        if beside.exists() {
            std::fs::remove_dir_all(&beside).map_err(|e| SurveyError::file(&beside, e))?;
        }
        std::fs::create_dir(&beside).map_err(|e| SurveyError::file(&beside, e))?;
        survey.write_environment(&beside, environment)?;
        let name = folder_name(&environment.name);
        let place = self.part.join(&name);
        std::fs::rename(beside.join(&name), &place).map_err(|e| SurveyError::file(&place, e))?;
        std::fs::remove_dir(&beside).map_err(|e| SurveyError::file(&beside, e))
    }

    /// Puts the folder in its place: the survey's description, with these environments, which must all be done.
    ///
    /// # Errors
    /// As [`Survey::write`].
    pub fn finish(self, survey: &Survey, environments: &[String]) -> Result<(), SurveyError> {
        check_names(environments.iter().map(String::as_str))
            .map_err(|reason| SurveyError::format(&self.folder, reason))?;
        let named = |name: &String| Environment { name: name.clone(), ..Environment::default() };
        let environments = environments.iter().map(named).collect();
        Survey { environments, ..survey.clone() }.write_description(&self.part)?;
        let key = self.part.join(KEY);
        std::fs::remove_file(&key).map_err(|e| SurveyError::file(&key, e))?;
        std::fs::rename(&self.part, &self.folder).map_err(|e| SurveyError::file(&self.folder, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Scenario;

    #[test]
    fn a_survey_is_written_in_two_runs() {
        let offices = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/offices.toml");
        let survey = Scenario::read(&offices).unwrap().simulate();
        let parent = tempfile::tempdir().unwrap();
        let (folder, whole) = (parent.path().join("mine"), parent.path().join("whole"));
        let names: Vec<String> = survey.environments.iter().map(|e| e.name.clone()).collect();
        let first = SurveyWriter::start(&folder, "a", false).unwrap();
        first.add(&survey, &survey.environments[0]).unwrap();
        drop(first);
        let refused =
            |key, resume| SurveyWriter::start(&folder, key, resume).unwrap_err().to_string();
        assert!(refused("a", false).contains("--resume"));
        assert!(refused("b", true).contains("another seed"));
        let second = SurveyWriter::start(&folder, "a", true).unwrap();
        assert!(second.has(&names[0]) && !second.has(&names[1]));
        for environment in &survey.environments[1..] {
            second.add(&survey, environment).unwrap();
        }
        second.finish(&survey, &names).unwrap();
        survey.write(&whole).unwrap();
        assert_eq!(Survey::read(&folder).unwrap(), Survey::read(&whole).unwrap());
        assert!(SurveyWriter::start(&folder, "a", true).is_err());
        assert!(!parent.path().join("mine.part").exists());
    }
}
