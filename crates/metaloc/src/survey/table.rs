//! CSV tables with a checked header; every error names file and row.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};

use super::{SurveyError, timestamp};

/// A table being read: named columns, some of which may be missing.
pub(super) struct Table {
    path: PathBuf,
    reader: csv::Reader<File>,
    /// Position in the file of each column asked for.
    columns: Vec<Option<usize>>,
    names: &'static [&'static str],
    record: StringRecord,
}

impl Table {
    /// Opens a table that has the columns `required` and perhaps `optional`, in any order; an
    /// unknown column is an error. Cells are asked for by their index in `names`, which lists the
    /// required columns first.
    pub(super) fn open(
        path: &Path,
        names: &'static [&'static str],
        n_required: usize,
    ) -> Result<Self, SurveyError> {
        let file = File::open(path).map_err(|e| {
            let remedy = format!("a table with the columns {} is expected", names.join(","));
            SurveyError::opening(path, e, &remedy)
        })?;
        Self::new(path, file, names, n_required)
    }

    fn new(
        path: &Path,
        from: File,
        names: &'static [&'static str],
        n_required: usize,
    ) -> Result<Self, SurveyError> {
        let mut reader = ReaderBuilder::new().trim(csv::Trim::All).from_reader(from);
        let header = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
        let columns: Vec<Option<usize>> =
            names.iter().map(|name| header.iter().position(|found| found == *name)).collect();
        let missing = columns.iter().take(n_required).position(Option::is_none);
        let unknown = header.iter().find(|found| !names.contains(found));
        let twice =
            header.iter().enumerate().find(|(i, a)| header.iter().take(*i).any(|b| b == *a));
        if missing.is_some() || unknown.is_some() || twice.is_some() {
            let what = match (missing, unknown, twice) {
                (Some(index), ..) => format!("the column `{}` is missing", names[index]),
                (None, Some(found), _) => format!("the column `{found}` is not known"),
                (None, None, found) => {
                    format!("the column `{}` stands twice", found.map_or("", |(_, name)| name))
                }
            };
            let (required, optional) = names.split_at(n_required);
            let optional = if optional.is_empty() {
                String::new()
            } else {
                format!(", and may have {}", optional.join(", "))
            };
            return Err(SurveyError::format(
                path,
                format!(
                    "{what}; the header is `{}`, it must be {}{optional}, separated by commas",
                    header.iter().collect::<Vec<_>>().join(","),
                    required.join(",")
                ),
            ));
        }
        let (path, record) = (path.to_owned(), StringRecord::new());
        Ok(Self { path, reader, columns, names, record })
    }

    /// Reads the next row; false at the end.
    pub(super) fn next(&mut self) -> Result<bool, SurveyError> {
        self.reader.read_record(&mut self.record).map_err(|e| csv_error(&self.path, &e))
    }

    /// A cell of the current row; empty if the column is not there.
    pub(super) fn cell(&self, column: usize) -> &str {
        self.columns[column].and_then(|at| self.record.get(at)).unwrap_or("")
    }

    /// A cell that must not be empty.
    pub(super) fn name(&self, column: usize) -> Result<&str, SurveyError> {
        match self.cell(column) {
            "" => Err(self.error(format!("`{}` is empty; fill it in", self.names[column]))),
            cell => Ok(cell),
        }
    }

    /// A cell as a finite number.
    pub(super) fn number(&self, column: usize) -> Result<f64, SurveyError> {
        let value = self.cell(column).parse::<f64>().ok().filter(|value| value.is_finite());
        value.ok_or_else(|| self.unlike(column, "a finite number (with a decimal point)"))
    }

    /// A floor number; 0 if the cell is empty.
    pub(super) fn floor(&self, column: usize) -> Result<i32, SurveyError> {
        match self.cell(column) {
            "" => Ok(0),
            cell => cell.parse().map_err(|_| self.unlike(column, "a whole number")),
        }
    }

    /// A time in milliseconds since 1970-01-01; `None` if the cell is empty.
    pub(super) fn time_ms(&self, column: usize) -> Result<Option<i64>, SurveyError> {
        match self.cell(column) {
            "" => Ok(None),
            cell => match timestamp::parse(cell) {
                None => Err(self.unlike(column, timestamp::EXPECTED)),
                time_ms => Ok(time_ms),
            },
        }
    }

    fn unlike(&self, column: usize, expected: &str) -> SurveyError {
        let (name, cell) = (self.names[column], self.cell(column));
        self.error(format!("`{name}` is `{cell}`; {expected} is expected"))
    }

    /// An RSS cell.
    pub(super) fn rss_dbm(&self, column: usize) -> Result<f32, SurveyError> {
        // Not through f64: rounding twice could miss the number that was written.
        let value = self.cell(column).parse::<f32>().ok().filter(|value| value.is_finite());
        let value = value.ok_or_else(|| self.unlike(column, "a finite number"))?;
        check_rss(value).map_err(|reason| self.error(reason))?;
        Ok(value)
    }

    /// Where the current row stands, for [`SurveyError::row_at`].
    pub(super) fn place(&self) -> csv::Position {
        self.record.position().cloned().unwrap_or_else(csv::Position::new)
    }

    /// Where the current row stands, for later.
    pub(super) fn row(&self) -> TableRow {
        TableRow { path: self.path.clone(), place: self.place() }
    }

    /// An error at the current row.
    pub(super) fn error(&self, reason: impl Into<String>) -> SurveyError {
        SurveyError::row_at(&self.path, &self.place(), reason)
    }
}

/// Where a row stands, to be named when a later one contradicts it.
#[derive(Debug, Clone)]
pub(super) struct TableRow {
    path: PathBuf,
    place: csv::Position,
}

impl TableRow {
    /// An error at the row.
    pub(super) fn error(&self, reason: impl Into<String>) -> SurveyError {
        SurveyError::row_at(&self.path, &self.place, reason)
    }

    /// What an error at another row calls this one.
    pub(super) fn seen_from(&self, other: &Self) -> String {
        let row = row_number(&self.path, &self.place);
        match self.path == other.path {
            true => format!("row {row}"),
            false => format!("row {row} of {}", self.path.display()),
        }
    }
}

/// The row as an editor counts; without the text (a member of an archive), rows are records.
fn row_number(path: &Path, place: &csv::Position) -> u64 {
    line_of(path, place.byte()).unwrap_or(place.record() + 1)
}

impl SurveyError {
    /// An error at the record that begins at `place`.
    pub(super) fn row_at(path: &Path, place: &csv::Position, reason: impl Into<String>) -> Self {
        Self::row(path, row_number(path, place), reason)
    }
}

/// The line, as an editor counts, of the record that begins at `byte` or behind the line ends there.
/// The reader's own count is one short after a Windows line end, and behind empty lines.
fn line_of(path: &Path, byte: u64) -> Option<u64> {
    if path.extension().is_some_and(|extension| extension == "gz") {
        return None;
    }
    let mut text = BufReader::new(File::open(path).ok()?);
    let mut line = 1;
    let mut before = text.by_ref().take(byte);
    loop {
        let chunk = before.fill_buf().ok()?;
        let length = chunk.len();
        if length == 0 {
            break;
        }
        line += chunk.iter().filter(|&&byte| byte == b'\n').count() as u64;
        before.consume(length);
    }
    let ends = text.bytes().map_while(Result::ok).take_while(|byte| b"\r\n".contains(byte));
    Some(line + ends.filter(|&byte| byte == b'\n').count() as u64)
}

/// Refuses what no receiver reports.
pub(super) fn check_rss(dbm: f32) -> Result<(), String> {
    use metaloc_radio::signal::{MAX_RSS_DBM, MIN_RSS_DBM};
    if (MIN_RSS_DBM..=MAX_RSS_DBM).contains(&dbm) {
        return Ok(());
    }
    Err(format!(
        "RSS is {dbm} dBm; a receiver reports {MIN_RSS_DBM} to {MAX_RSS_DBM} dBm (an access point \
         that was not heard has no row)"
    ))
}

/// A CSV reader's error with file and row.
pub(super) fn csv_error(path: &Path, error: &csv::Error) -> SurveyError {
    let at_row = |reason: String| match error.position() {
        Some(place) => SurveyError::row_at(path, place, reason),
        None => SurveyError::row(path, 1, reason),
    };
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => at_row(format!(
            "{len} cells where {expected_len} are expected, as in the first row; correct the row (a \
             cell with a comma needs quotes)"
        )),
        csv::ErrorKind::Utf8 { .. } => at_row("not UTF-8 text; save the table as UTF-8".into()),
        csv::ErrorKind::Io(cause) => SurveyError::format(
            path,
            format!("{cause}; the file is damaged or cut short, fetch or copy it again"),
        ),
        _ => SurveyError::format(path, error.to_string()),
    }
}
