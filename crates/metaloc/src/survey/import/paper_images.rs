//! The paper's own data, as its authors' code reads it (`paper-images`): pictures of amplitudes.
//!
//! J. Gao et al., "MetaLoc: Learning to Learn Wireless Localization", and the released code. A folder of day
//! folders, each an environment: `hall-0609`, `lab-0721`; also `hall0609`, `Lab_0721`. In each
//!
//! ```text
//! sample10/RGB/LABEL_K.png    52 x 50 pixels (or 50 x 52), a channel an access point
//! label.csv                   rows FILE,LABEL with or without header; beside the pictures or above them
//! ```
//!
//! A label is one of 90 points of 0.6 m grids: hall `x = [c / 6] 0.6, y = (c mod 6) 0.6`; lab rows of 15
//! points at six x. K counts a point's pictures on a day: the first half of them, by K, is the set `first`,
//! the others are `second`, so that what is surveyed and what is located share no picture. Both were taken
//! in one session: there are no visits. A picture that stands twice at a point counts once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use metaloc_radio::geometry::Position;
use sha2::{Digest, Sha256};

use super::ImportOptions;
use super::builder::{Builder, Row};
use super::picture::{CHANNELS, Picture};
use crate::survey::table::csv_error;
use crate::survey::{Provenance, SampleCsi, SurveyError};

const LAYOUT: &str = "the authors' layout is expected: day folders whose names begin with hall or lab (such \
                      as hall-0609), in each sample10/RGB/LABEL_K.png and a table label.csv";
const PICTURES: &str = "sample10/RGB";
const TABLE: &str = "label.csv";
/// Points of either place.
const POINTS: u32 = 90;
/// Spacing of the grids (m).
const STEP_M: f64 = 0.6;
/// x of the lab's rows (m).
const LAB_ROWS_M: [f64; 6] = [0.0, 1.8, 3.0, 4.2, 5.4, 7.2];

/// Which of the paper's places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Hall,
    Lab,
}

impl Place {
    const ALL: [(&'static str, Self); 2] = [("hall", Self::Hall), ("lab", Self::Lab)];

    /// Where the point with a label is.
    fn position(self, label: u32) -> Position {
        let step = |n: u32| f64::from(n) * STEP_M;
        let (x_m, y_m) = match self {
            Self::Hall => (step(label / 6), step(label % 6)),
            Self::Lab => (LAB_ROWS_M[label as usize / 15], step(label % 15)),
        };
        Position::new(x_m, y_m, 0)
    }
}

/// A day in a place.
struct Day {
    place: Place,
    /// Name of the environment.
    name: String,
    folder: PathBuf,
}

impl Day {
    /// The day that a folder's name says: the place, then nothing or what begins with a digit, behind dashes.
    fn of(folder: &Path) -> Option<Self> {
        let name = folder.file_name()?.to_string_lossy().to_lowercase();
        Place::ALL.into_iter().find_map(|(begin, place)| {
            let rest = name.strip_prefix(begin)?;
            let day = rest.trim_start_matches(['-', '_', ' ']);
            let name = match day.chars().next() {
                None => begin.to_owned(),
                Some(first) if rest != day || first.is_ascii_digit() => format!("{begin}-{day}"),
                // Labels, halls of others.
                Some(_) => return None,
            };
            Some(Self { place, name, folder: folder.to_owned() })
        })
    }
}

pub(super) fn read(paths: &[PathBuf], options: &ImportOptions) -> Result<Builder, SurveyError> {
    let mut builder = Builder::new("paper", provenance(), options);
    for path in paths {
        for day in days(path)? {
            if builder.meet(&day.name) {
                read_day(&mut builder, &day)?;
            }
        }
    }
    Ok(builder)
}

/// The days in a folder, in order of their names; the folder itself if it is one.
fn days(root: &Path) -> Result<Vec<Day>, SurveyError> {
    let own = Day::of(root).filter(|day| day.folder.join(PICTURES).is_dir());
    if let Some(day) = own {
        return Ok(vec![day]);
    }
    let listed = std::fs::read_dir(root).map_err(|e| SurveyError::opening(root, e, LAYOUT))?;
    let folders: Result<Vec<PathBuf>, _> = listed.map(|entry| Ok(entry?.path())).collect();
    let folders = folders.map_err(|e| SurveyError::file(root, e))?;
    let mut days: Vec<Day> =
        folders.iter().filter(|path| path.is_dir()).filter_map(|path| Day::of(path)).collect();
    days.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    if days.is_empty() {
        let reason = format!("no day folder is in it; {LAYOUT}");
        return Err(SurveyError::NoData { path: root.to_owned(), reason });
    }
    if let Some([a, b]) = days.array_windows().find(|[a, b]| a.name == b.name) {
        let reason =
            format!("stands for the day {} as {} does; rename one", a.name, a.folder.display());
        return Err(SurveyError::format(&b.folder, reason));
    }
    Ok(days)
}

fn read_day(builder: &mut Builder, day: &Day) -> Result<(), SurveyError> {
    let pictures = day.folder.join(PICTURES);
    let listed = std::fs::read_dir(&pictures);
    let listed = listed.map_err(|e| SurveyError::opening(&pictures, e, LAYOUT))?;
    let names: Result<BTreeSet<String>, _> =
        listed.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect();
    let mut unlisted = names.map_err(|e| SurveyError::file(&pictures, e))?;
    let table = table_of(&day.folder)?;
    let by_point = labelled(&table)?;
    builder.begin_set(by_point.values().map(BTreeMap::len).sum());
    for (&label, of_point) in &by_point {
        let half = of_point.len().div_ceil(2);
        for (index, (number, name)) in of_point.iter().enumerate() {
            let set = if index < half { "first" } else { "second" };
            unlisted.remove(name);
            let path = pictures.join(name);
            let remedy = format!("{} lists it: copy it, or take it off the table", table.display());
            let picture = Picture::read(&path, &remedy)?;
            add(builder, day, (label, *number, set), &picture)
                .map_err(|reason| SurveyError::format(&path, reason))?;
        }
    }
    unlisted.retain(|name| name.ends_with(".png"));
    if let Some(name) = unlisted.first() {
        builder.report.warn(format!(
            "{}: {} pictures, such as {name}, are not in {TABLE} and were left out",
            day.name,
            unlisted.len()
        ));
    }
    Ok(())
}

/// Where a day's table is.
fn table_of(day: &Path) -> Result<PathBuf, SurveyError> {
    let places = [PICTURES, "sample10", ""].map(|folder| day.join(folder).join(TABLE));
    places.iter().find(|path| path.is_file()).cloned().ok_or_else(|| SurveyError::NoData {
        path: places[0].clone(),
        reason: format!("there is no such file, nor in the folders above it; {LAYOUT}"),
    })
}

/// The pictures that a table lists: point, number of the picture -> file.
fn labelled(table: &Path) -> Result<BTreeMap<u32, BTreeMap<u32, String>>, SurveyError> {
    let file = std::fs::File::open(table).map_err(|e| SurveyError::opening(table, e, LAYOUT))?;
    let mut builder = csv::ReaderBuilder::new();
    let mut rows = builder.has_headers(false).trim(csv::Trim::All).from_reader(file);
    let mut pictures: BTreeMap<u32, BTreeMap<u32, String>> = BTreeMap::new();
    for (index, cells) in rows.records().enumerate() {
        let cells = cells.map_err(|e| csv_error(table, &e))?;
        let refuse = |reason: String| SurveyError::row(table, index as u64 + 1, reason);
        let [file, label] = [0, 1].map(|cell| cells.get(cell).unwrap_or_default());
        if index == 0 && label.eq_ignore_ascii_case("label") {
            continue;
        }
        let (label, number, name) = row(file, label, cells.len()).map_err(refuse)?;
        if pictures.entry(label).or_default().insert(number, name).is_some() {
            return Err(refuse(format!("`{file}` stands above already; remove one of the rows")));
        }
    }
    if pictures.is_empty() {
        return Err(SurveyError::format(table, format!("it lists no picture; {LAYOUT}")));
    }
    Ok(pictures)
}

/// What a row of the table says: label, number of the picture, file.
fn row(file: &str, label: &str, n_cells: usize) -> Result<(u32, u32, String), String> {
    if n_cells != 2 {
        return Err(format!("{n_cells} cells where two are expected: FILE,LABEL"));
    }
    let point: u32 = label.parse().ok().filter(|&point| point < POINTS).ok_or_else(|| {
        format!("label `{label}`; it must be a whole number from 0 to {}", POINTS - 1)
    })?;
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let parts = name.strip_suffix(".png").and_then(|stem| stem.split_once('_'));
    let numbers = parts.and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?)));
    let (named, number) = numbers.ok_or_else(|| {
        format!("`{file}` is no name like LABEL_K.png with whole numbers, such as {point}_7.png")
    })?;
    if named != point {
        return Err(format!(
            "`{file}` is named after label {named}, the row says {point}; correct one of them"
        ));
    }
    Ok((point, number, name.to_owned()))
}

/// Adds a picture: a sample for each of its channels.
fn add(
    builder: &mut Builder,
    day: &Day,
    (label, number, set): (u32, u32, &str),
    picture: &Picture,
) -> Result<(), String> {
    let digest: String =
        Sha256::digest(&picture.pixels).iter().map(|byte| format!("{byte:02x}")).collect();
    let point = format!("{label:02}");
    for channel in 0..CHANNELS {
        let name = format!("ap-{}", channel + 1);
        let access_point = builder.access_points.intern(&name);
        builder.add(Row {
            environment: &day.name,
            id: format!("{label}_{number}-{name}"),
            point: Some(&point),
            position: day.place.position(label),
            device: "Nexus 5",
            set,
            time_ms: None,
            readings: Vec::new(),
            csi: Some(SampleCsi { access_point, recording: picture.recording(channel).into() }),
            rest: &[&name, &digest],
        })?;
    }
    Ok(())
}

fn provenance() -> Provenance {
    Provenance {
        citation: "J. Gao, D. Wu, F. Yin, Q. Kong, L. Xu, S. Cui, MetaLoc: Learning to Learn Wireless \
                   Localization, IEEE JSAC 2023"
            .into(),
        licence: "not stated by the publisher".into(),
        note: "pictures of amplitudes: no phases, no signal strengths, and a scale that the publisher does \
               not state; surveyed and located pictures are of one session"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // grid points

    use super::*;

    #[test]
    fn labels_are_places_on_the_grids() {
        let at = |place: Place, label| {
            let Position { x_m, y_m, .. } = place.position(label);
            [x_m, y_m].map(|m| (m * 10.0).round() / 10.0)
        };
        assert_eq!(at(Place::Hall, 0), [0.0, 0.0]);
        assert_eq!(at(Place::Hall, 89), [8.4, 3.0]);
        assert_eq!(at(Place::Lab, 16), [1.8, 0.6]);
        assert_eq!(at(Place::Lab, 89), [7.2, 8.4]);
    }

    #[test]
    fn folders_are_days() {
        let name = |folder: &str| Day::of(Path::new(folder)).map(|day| day.name);
        for folder in ["hall-0609", "hall0609", "data/Hall_0609", "hall 0609/"] {
            assert_eq!(name(folder).as_deref(), Some("hall-0609"), "{folder}");
        }
        assert_eq!(name("lab").as_deref(), Some("lab"));
        assert_eq!(name("lab-old").as_deref(), Some("lab-old"));
        for folder in ["labels", "hallway", "polyu", ".."] {
            assert_eq!(name(folder), None, "{folder}");
        }
    }
}
