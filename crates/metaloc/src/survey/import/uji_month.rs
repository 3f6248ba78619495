//! The files of one month of the UJI library set: a zip file or a folder.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::survey::SurveyError;
use crate::survey::table::csv_error;

/// Where the data set is published, for messages.
pub(super) const PUBLISHED: &str = "the data set is published at doi 10.5281/zenodo.1066041";

/// A month's files.
pub(super) enum Month {
    /// The archive, and its members: file name and index.
    Zip(PathBuf, zip::ZipArchive<File>, Vec<(String, usize)>),
    Folder(PathBuf),
}

/// The months under the given paths with their places, ascending.
pub(super) fn months(paths: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, SurveyError> {
    let mut months: Vec<(String, PathBuf)> = Vec::new();
    for path in paths {
        let listed = match month_name(path) {
            Some(_) => vec![path.clone()],
            None => entries(path)?,
        };
        months.extend(listed.into_iter().filter_map(|path| Some((month_name(&path)?, path))));
    }
    months.sort_unstable();
    if let Some(twice) = months.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let reason = format!(
            "month {} is also at {}; move one away or name the months' paths one by one",
            twice[1].0,
            twice[0].1.display()
        );
        return Err(SurveyError::format(&twice[1].1, reason));
    }
    if months.is_empty() {
        return Err(SurveyError::NoData {
            path: paths.first().cloned().unwrap_or_default(),
            reason: format!("no month (01.zip or a folder 01, ...) is here; {PUBLISHED}"),
        });
    }
    Ok(months)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, SurveyError> {
    let listed = std::fs::read_dir(folder).map_err(|e| SurveyError::opening(folder, e, PUBLISHED));
    listed?.map(|entry| Ok(entry.map_err(|e| SurveyError::file(folder, e))?.path())).collect()
}

/// The month that a path stands for: `07.zip` or a folder `07`.
fn month_name(path: &Path) -> Option<String> {
    let zipped = path.extension().is_some_and(|extension| extension == "zip");
    let stem = if zipped { path.file_stem()? } else { path.file_name()? }.to_str()?;
    let is_month = stem.len() == 2 && stem.bytes().all(|byte| byte.is_ascii_digit());
    (is_month && (zipped || path.is_dir())).then(|| stem.to_owned())
}

impl Month {
    pub(super) fn open(path: &Path) -> Result<Self, SurveyError> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let file = File::open(path).map_err(|e| SurveyError::opening(path, e, PUBLISHED))?;
        let archive = zip::ZipArchive::new(file).map_err(|e| {
            SurveyError::format(path, format!("not a whole zip file ({e}); fetch it again"))
        })?;
        // Archives may hold the files in a folder of their own.
        let members = archive.file_names().enumerate();
        let members = members.filter_map(|(index, name)| {
            let name = name.ok()?;
            Some((name.rsplit('/').next().unwrap_or(&name).to_owned(), index))
        });
        let members = members.collect();
        Ok(Self::Zip(path.to_owned(), archive, members))
    }

    /// Names of the month's sets, such as `trn01`, ascending.
    pub(super) fn sets(&self) -> Result<Vec<String>, SurveyError> {
        let names: Vec<String> = match self {
            Self::Zip(_, _, members) => members.iter().map(|(name, _)| name.clone()).collect(),
            Self::Folder(path) => entries(path)?
                .iter()
                .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
                .collect(),
        };
        let mut sets: Vec<String> = names
            .iter()
            .filter_map(|name| Some(name.strip_suffix("rss.csv")?.to_owned()))
            .collect();
        sets.sort_unstable();
        if sets.is_empty() {
            let (Self::Zip(path, ..) | Self::Folder(path)) = self;
            let reason = format!("no file trnNNrss.csv or tstNNrss.csv is in it; {PUBLISHED}");
            return Err(SurveyError::NoData { path: path.clone(), reason });
        }
        Ok(sets)
    }

    /// A file's path for messages, and its content.
    pub(super) fn file(
        &mut self,
        name: &str,
    ) -> Result<(PathBuf, Box<dyn Read + '_>), SurveyError> {
        let remedy = "each set has an rss, crd, tms and ids file; fetch the data again";
        match self {
            Self::Zip(path, archive, members) => {
                let shown = path.join(name);
                let refuse =
                    |what: String| SurveyError::format(&shown, format!("{what}; {remedy}"));
                let (_, index) = members
                    .iter()
                    .find(|(member, _)| member == name)
                    .ok_or_else(|| refuse("not in the zip file".into()))?;
                let file = archive
                    .by_index(*index)
                    .map_err(|e| refuse(format!("damaged in the zip file ({e})")))?;
                Ok((shown.clone(), Box::new(file)))
            }
            Self::Folder(path) => {
                let path = path.join(name);
                let file = File::open(&path).map_err(|e| SurveyError::opening(&path, e, remedy))?;
                Ok((path, Box::new(file)))
            }
        }
    }

    /// The rows of a small file, whole.
    pub(super) fn rows(
        &mut self,
        name: &str,
    ) -> Result<(PathBuf, Vec<csv::StringRecord>), SurveyError> {
        let (path, reader) = self.file(name)?;
        let rows = table_reader(reader).into_records().collect::<Result<_, _>>();
        let rows = rows.map_err(|e| csv_error(&path, &e))?;
        Ok((path, rows))
    }
}

/// A reader of tables without header.
pub(super) fn table_reader<R: Read>(reader: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new().has_headers(false).buffer_capacity(1 << 16).from_reader(reader)
}
