//! PolyU CSI_IPS 2020-21: one room on 27 days, Intel 5300 (Reyes, Ho, Mak, doi
//! 10.1016/j.eswa.2024.125802).
//!
//! Files `dDD_pPP_lLL.dat` (day, period, location) in a folder, or in zip files `dDD.zip` or others,
//! read in place. An environment is a day, a set a period (`p01`), a sample a file.

use std::path::{Path, PathBuf};

use metaloc_radio::capture::IntelReader;
use metaloc_radio::geometry::Position;

use super::archive::Archive;
use super::builder::{Builder, Row};
use super::recordings::record;
use super::{EnvironmentBy, ImportOptions};
use crate::survey::{Provenance, SampleCsi, SurveyError};

const PUBLISHED: &str =
    "the data set is published at https://github.com/iVANET-PolyU/CSI_IPS_2020-21";
const NO_FRAMES: &str = "no CSI frame in the file";

/// Locations 1 to 8 (m). The publisher has no coordinates: these are read off the drawing of the
/// set-up, with 20 cm as the cell of either grid.
const LOCATIONS_M: [[f64; 2]; 8] = [
    [0.0, 0.0],
    [0.0, 0.2],
    [0.2, 0.2],
    [0.2, 0.0],
    [0.25, 1.3],
    [0.05, 1.3],
    [0.05, 1.5],
    [0.25, 1.5],
];

pub(super) fn read(
    paths: &[PathBuf],
    by: EnvironmentBy,
    options: &ImportOptions,
) -> Result<Builder, SurveyError> {
    let mut builder = Builder::new("polyu", provenance(), options);
    builder.expect_reason(NO_FRAMES);
    let mut found = false;
    for path in paths.iter().map(|path| archives(path)).collect::<Result<Vec<_>, _>>()?.concat() {
        let mut archive = Archive::open(&path, PUBLISHED)?;
        for name in archive.names() {
            let Some(file) = FileName::parse(&name) else { continue };
            found = true;
            read_file(&mut builder, &mut archive, by, &file, &name)?;
        }
    }
    if found {
        return Ok(builder);
    }
    Err(SurveyError::NoData {
        path: paths.first().cloned().unwrap_or_default(),
        reason: format!("no file dDD_pPP_lLL.dat is here, nor in a zip file here; {PUBLISHED}"),
    })
}

/// The zip files in a folder, if there are any; else the path itself.
fn archives(path: &Path) -> Result<Vec<PathBuf>, SurveyError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let listed = std::fs::read_dir(path).map_err(|e| SurveyError::opening(path, e, PUBLISHED))?;
    let listed: Result<Vec<PathBuf>, _> = listed.map(|entry| Ok(entry?.path())).collect();
    let mut zips = listed.map_err(|e| SurveyError::file(path, e))?;
    zips.retain(|path| path.extension().is_some_and(|extension| extension == "zip"));
    zips.sort_unstable();
    Ok(if zips.is_empty() { vec![path.to_owned()] } else { zips })
}

/// What a file's name says.
#[derive(Debug, PartialEq, Eq)]
struct FileName<'a> {
    day: &'a str,
    period: &'a str,
    location: usize,
}

impl<'a> FileName<'a> {
    /// `d17_p01_l08.dat`
    fn parse(name: &'a str) -> Option<Self> {
        let parts: Vec<&str> = name.strip_suffix(".dat")?.split('_').collect();
        let [day, period, location] = parts[..] else { return None };
        let numbered = |part: &str, letter: char| {
            part.strip_prefix(letter).and_then(|number| number.parse::<usize>().ok())
        };
        numbered(day, 'd')?;
        numbered(period, 'p')?;
        let location = numbered(location, 'l')?;
        (1..=LOCATIONS_M.len()).contains(&location).then_some(Self { day, period, location })
    }
}

fn read_file(
    builder: &mut Builder,
    archive: &mut Archive,
    by: EnvironmentBy,
    file: &FileName<'_>,
    name: &str,
) -> Result<(), SurveyError> {
    let environment = if by == EnvironmentBy::All { "all" } else { file.day };
    if !builder.meet(environment) {
        builder.leave_out();
        return Ok(());
    }
    builder.begin_set(1);
    let (path, input) = archive.file(name)?;
    let refuse = |reason: String| SurveyError::format(&path, reason);
    let events = IntelReader::new(input, false).map_err(|e| refuse(e.to_string()))?;
    let Some(recording) = record(&path, events, &mut builder.report)? else {
        builder.drop_row(NO_FRAMES);
        return Ok(());
    };
    let access_point = builder.access_points.intern("router");
    let [x_m, y_m] = LOCATIONS_M[file.location - 1];
    let point = format!("l{:02}", file.location);
    let readings = recording.mean_rssi_dbm().map(|dbm| (access_point, dbm));
    let row = Row {
        environment,
        id: name.trim_end_matches(".dat").to_owned(),
        point: Some(&point),
        position: Position::new(x_m, y_m, 0),
        device: "Intel 5300",
        set: file.period,
        time_ms: None,
        readings: readings.into_iter().collect(),
        csi: Some(SampleCsi { access_point, recording: recording.into() }),
        rest: &[name],
    };
    builder.add(row).map_err(refuse)
}

fn provenance() -> Provenance {
    Provenance {
        citation:
            "R. Reyes, I. Ho, C. Mak, CSI_IPS 2020-21, Expert Systems with Applications, doi \
                   10.1016/j.eswa.2024.125802"
                .into(),
        licence: "MIT".into(),
        note: "coordinates are not published: read off the drawing of the set-up, 20 cm a cell"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_day_period_and_location() {
        let expected = FileName { day: "d17", period: "p03", location: 8 };
        assert_eq!(FileName::parse("d17_p03_l08.dat"), Some(expected));
        for name in ["d17_p03_l09.dat", "d17_p03.dat", "files.csv", "dx_p03_l01.dat"] {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
    }
}
