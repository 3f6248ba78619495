//! `metaloc survey init`: a small valid survey to fill in.

use std::path::Path;

use super::SurveyError;
use super::folder::{put, write_whole};

const FILES: [(&str, &str); 5] = [
    ("README.txt", include_str!("../../assets/survey-template/README.txt")),
    ("survey.toml", include_str!("../../assets/survey-template/survey.toml")),
    ("2026-01/points.csv", include_str!("../../assets/survey-template/points.csv")),
    ("2026-01/samples.csv", include_str!("../../assets/survey-template/samples.csv")),
    ("2026-01/rss.csv", include_str!("../../assets/survey-template/rss.csv")),
];

/// Writes the template into a new folder.
///
/// # Errors
/// [`SurveyError::OutputExists`] if something is there already, [`SurveyError::File`] if it can't
/// be written.
pub fn write_template(folder: &Path) -> Result<(), SurveyError> {
    write_whole(folder, |beside| {
        let environment = beside.join("2026-01");
        std::fs::create_dir(&environment).map_err(|e| SurveyError::file(&environment, e))?;
        FILES.iter().try_for_each(|(name, text)| put(&beside.join(name), text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::Survey;

    #[test]
    fn the_template_is_a_valid_survey() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("mine");
        write_template(&folder).unwrap();
        let survey = Survey::read(&folder).unwrap();
        assert_eq!(survey.environments.len(), 1);
        assert_eq!(survey.environments[0].points.len(), 2);
        assert!(matches!(write_template(&folder), Err(SurveyError::OutputExists(_))));
        let left: Vec<_> = std::fs::read_dir(parent.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing half-written stays behind");
    }
}
