//! What the rows of `positions.csv` took from captures so far, and which contradict each other.
//!
//! Packets that stand for two points, or twice for one, stand on both sides of a split sooner or later,
//! and make any result look good. So each transmitter's frames of a capture belong to one row.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use metaloc_radio::signal::MacAddress;
use sha2::{Digest, Sha256};

use super::ImportReport;
use super::recordings::OTHER_KIND;
use crate::survey::SurveyError;
use crate::survey::table::TableRow;

/// A row of the table.
pub(super) struct Place {
    pub(super) row: TableRow,
    /// As the table names it.
    pub(super) file: String,
    pub(super) environment: String,
    pub(super) point: String,
    /// Empty, an address or a word.
    pub(super) access_point: String,
}

/// A capture that rows name.
struct Capture {
    file: String,
    environment: String,
    point: String,
    first: TableRow,
    /// Rows by their access point.
    asked: HashMap<String, TableRow>,
    /// Rows by the transmitter whose frames they took.
    taken: HashMap<Option<MacAddress>, TableRow>,
}

/// A point, and how many samples it got.
struct Point {
    environment: String,
    name: String,
    first: TableRow,
    samples: usize,
    /// Why its first row gave no more.
    reason: String,
}

/// What rows took so far.
#[derive(Default)]
pub(super) struct CaptureRows {
    captures: Vec<Capture>,
    by_path: HashMap<PathBuf, usize>,
    by_digest: HashMap<[u8; 32], usize>,
    /// Files that were read.
    read: HashSet<PathBuf>,
    /// Which address a word stood for first.
    words: HashMap<(String, String), (MacAddress, TableRow)>,
    points: Vec<Point>,
    point_index: HashMap<(String, String), usize>,
    frames_left: usize,
}

impl CaptureRows {
    /// Whether a file is read for the first time: only then do its frames count as read.
    pub(super) fn is_first(&mut self, path: &Path) -> bool {
        self.read.insert(path.to_owned())
    }

    /// Remembers frames that no row has taken yet.
    pub(super) fn leave(&mut self, n_frames: usize) {
        self.frames_left += n_frames;
    }

    /// Enters a row with a capture, `path` without links; the capture's number.
    pub(super) fn enter(&mut self, path: &Path, place: &Place) -> Result<usize, SurveyError> {
        let at = match self.by_path.get(path) {
            Some(&at) => at,
            None => {
                let new = self.captures.len();
                let at = *self.by_digest.entry(digest(path)?).or_insert(new);
                self.by_path.insert(path.to_owned(), at);
                at
            }
        };
        if at == self.captures.len() {
            self.captures.push(Capture {
                file: place.file.clone(),
                environment: place.environment.clone(),
                point: place.point.clone(),
                first: place.row.clone(),
                asked: HashMap::new(),
                taken: HashMap::new(),
            });
        }
        self.captures[at].ask(place)?;
        Ok(at)
    }

    /// Takes a transmitter's frames of a capture for a row.
    pub(super) fn take(
        &mut self,
        capture: usize,
        transmitter: Option<MacAddress>,
        n_frames: usize,
        row: &TableRow,
    ) -> Result<(), SurveyError> {
        let capture = &mut self.captures[capture];
        if let Some(earlier) = capture.taken.insert(transmitter, row.clone()) {
            return Err(row.error(format!(
                "{} has the frames of {} in {} already; write each access point's address into the \
                 column access_point, or take one row out",
                earlier.seen_from(row),
                called(transmitter),
                capture.file
            )));
        }
        self.frames_left -= n_frames;
        Ok(())
    }

    /// Lets a word stand for an address, the same in all captures of an environment; access points are
    /// replaced between surveys.
    pub(super) fn name(
        &mut self,
        (environment, word): (&str, &str),
        address: Option<MacAddress>,
        row: &TableRow,
    ) -> Result<(), SurveyError> {
        // Without an address nothing can be compared.
        let Some(address) = address else { return Ok(()) };
        let (known, earlier) = self
            .words
            .entry((environment.to_owned(), word.to_owned()))
            .or_insert_with(|| (address, row.clone()));
        if *known == address {
            return Ok(());
        }
        Err(row.error(format!(
            "access point `{word}` is {address} here and {known} in {}; write the address into the \
             column access_point, or take one capture per access point",
            earlier.seen_from(row)
        )))
    }

    /// Remembers how many samples a row gave its point, and why not more.
    pub(super) fn give(&mut self, place: &Place, samples: usize, reason: &str) {
        let key = (place.environment.clone(), place.point.clone());
        let at = *self.point_index.entry(key).or_insert_with(|| {
            self.points.push(Point {
                environment: place.environment.clone(),
                name: place.point.clone(),
                first: place.row.clone(),
                samples: 0,
                reason: format!("{}: {reason}", place.file),
            });
            self.points.len() - 1
        });
        self.points[at].samples += samples;
    }

    /// Counts what no row took; refuses environments and points that got no sample.
    pub(super) fn finish(&self, report: &mut ImportReport) -> Result<(), SurveyError> {
        report.drop_frames(OTHER_KIND, self.frames_left);
        let Some(empty) = self.points.iter().find(|point| point.samples == 0) else {
            return Ok(());
        };
        let mut beside = self.points.iter().filter(|point| point.environment == empty.environment);
        let (environment, name) = (&empty.environment, &empty.name);
        let what = match beside.all(|point| point.samples == 0) {
            true => format!("environment `{environment}` gets"),
            false => format!("point `{name}` of environment `{environment}` gets"),
        };
        Err(empty.first.error(format!(
            "{what} no sample: {}; capture again, or take its rows out",
            empty.reason
        )))
    }
}

impl Capture {
    /// Enters a row that asks for an access point's frames.
    fn ask(&mut self, place: &Place) -> Result<(), SurveyError> {
        let row = &place.row;
        let copy = match self.file == place.file {
            true => String::new(),
            false => format!(", as {}", self.file),
        };
        if (&self.environment, &self.point) != (&place.environment, &place.point) {
            let (file, point, environment) = (&place.file, &self.point, &self.environment);
            return Err(row.error(format!(
                "the packets of {file} stand for point `{point}` of environment `{environment}` in {} \
                 already{copy}; give each point captures of its own, or take one row out",
                self.first.seen_from(row)
            )));
        }
        match self.asked.insert(place.access_point.to_lowercase(), row.clone()) {
            None => Ok(()),
            Some(earlier) => Err(row.error(format!(
                "it repeats {}: the same capture{copy}, point and access point; take one out",
                earlier.seen_from(row)
            ))),
        }
    }
}

/// What a message calls a transmitter.
pub(super) fn called(transmitter: Option<MacAddress>) -> String {
    transmitter.map_or("a transmitter without address".to_owned(), |address| address.to_string())
}

/// SHA-256 of a file: copies are found by it.
fn digest(path: &Path) -> Result<[u8; 32], SurveyError> {
    let fail = |e| SurveyError::file(path, e);
    let mut file = std::fs::File::open(path).map_err(fail)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(fail)? {
            0 => return Ok(hash.finalize().into()),
            n => hash.update(&buffer[..n]),
        }
    }
}
