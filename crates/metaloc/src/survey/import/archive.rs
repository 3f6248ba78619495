//! Files of a publisher: in a folder or in a zip file, read in place.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::survey::SurveyError;

/// A folder's files, or a zip file's members, by their names without folders.
pub(super) struct Archive {
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    /// Members: name, place in the archive.
    Zip(zip::ZipArchive<File>, Vec<(String, usize)>),
    /// Files: name, path.
    Folder(Vec<(String, PathBuf)>),
}

impl Archive {
    /// Opens a folder or a zip file; `remedy` says where the data is published.
    pub(super) fn open(path: &Path, remedy: &str) -> Result<Self, SurveyError> {
        let kind = if path.is_dir() {
            let mut files = Vec::new();
            list(path, &mut files)?;
            files.sort_unstable();
            Kind::Folder(files)
        } else {
            let file = File::open(path).map_err(|e| SurveyError::opening(path, e, remedy))?;
            let archive = zip::ZipArchive::new(file).map_err(|e| {
                SurveyError::format(path, format!("not a whole zip file ({e}); fetch it again"))
            })?;
            let members = archive.file_names().enumerate();
            let mut members: Vec<(String, usize)> = members
                .filter_map(|(index, name)| {
                    let name = name.ok()?;
                    Some((name.rsplit('/').next().unwrap_or(&name).to_owned(), index))
                })
                .filter(|(name, _)| !name.is_empty())
                .collect();
            members.sort_unstable();
            Kind::Zip(archive, members)
        };
        Ok(Self { path: path.to_owned(), kind })
    }

    /// Names of all files, ascending.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.kind {
            Kind::Zip(_, members) => members.iter().map(|(name, _)| name.clone()).collect(),
            Kind::Folder(files) => files.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// A file's path for messages, and its content.
    pub(super) fn file(
        &mut self,
        name: &str,
    ) -> Result<(PathBuf, Box<dyn Read + '_>), SurveyError> {
        let missing = |path: PathBuf| {
            SurveyError::format(&path, "there is no such file; fetch the data again")
        };
        match &mut self.kind {
            Kind::Zip(archive, members) => {
                let shown = self.path.join(name);
                let found = members.iter().find(|(member, _)| member == name);
                let &(_, index) = found.ok_or_else(|| missing(shown.clone()))?;
                let file = archive.by_index(index).map_err(|e| {
                    let reason = format!("damaged in the zip file ({e}); fetch it again");
                    SurveyError::format(&shown, reason)
                })?;
                Ok((shown, Box::new(file)))
            }
            Kind::Folder(files) => {
                let found = files.iter().find(|(file, _)| file == name);
                let (_, path) = found.ok_or_else(|| missing(self.path.join(name)))?;
                let file = File::open(path).map_err(|e| SurveyError::file(path, e))?;
                Ok((path.clone(), Box::new(file)))
            }
        }
    }
}

/// All files under a folder.
fn list(folder: &Path, files: &mut Vec<(String, PathBuf)>) -> Result<(), SurveyError> {
    let fail = |e| SurveyError::file(folder, e);
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            files.push((name.to_owned(), path.clone()));
        }
    }
    Ok(())
}
