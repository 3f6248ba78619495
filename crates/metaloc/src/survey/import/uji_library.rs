//! UJI library, long-term: G. M. Mendoza-Silva et al., Data 3(1), 2018, doi 10.5281/zenodo.1066041.
//!
//! One zip file (or folder) a month, `NN.zip`; in it, for each training or test file `dddNN`, four
//! tables without header: `rss` (one column an access point, dBm, 100 = not heard), `crd` (x, y in
//! metres, floor 3 or 5), `tms` (yyyymmddHHMMSSmmm, local time), `ids`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use metaloc_radio::geometry::Position;
use metaloc_radio::signal::AccessPointId;

use super::builder::{Builder, Row, digest};
use super::{EnvironmentBy, ImportOptions, wanted};
use crate::survey::table::{check_rss, csv_error};
use crate::survey::{Provenance, SurveyError};

const NOT_HEARD: f32 = 100.0;
/// The floors of the library; month 01 holds six rows on a floor 0 that does not exist.
const FLOORS: [i32; 2] = [3, 5];

/// A month's files.
enum Month {
    Zip(PathBuf, zip::ZipArchive<File>),
    Folder(PathBuf),
}

pub(super) fn read(paths: &[PathBuf], options: &ImportOptions) -> Result<Builder, SurveyError> {
    let provenance = Provenance {
        citation: "G. M. Mendoza-Silva et al., Long-Term WiFi Fingerprinting Dataset for Research \
                   on Robust Indoor Positioning, Data 3(1):3, 2018, doi 10.5281/zenodo.1066041"
            .into(),
        licence: "CC BY 4.0".into(),
        note: "UJI library, long-term".into(),
    };
    let mut builder = Builder::new("uji-library", provenance, options);
    let by = options.environment_by.unwrap_or(EnvironmentBy::Month);
    for (month, path) in months(paths)? {
        if by == EnvironmentBy::Month && !wanted(options, &month) {
            builder.met.push(month);
            continue;
        }
        read_month(&mut builder, by, &month, &path)?;
    }
    Ok(builder)
}

/// The months under the given paths, ascending.
fn months(paths: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, SurveyError> {
    let mut months = Vec::new();
    for path in paths {
        if let Some(month) = month_name(path) {
            if !path.exists() {
                return Err(SurveyError::file(path, std::io::ErrorKind::NotFound.into()));
            }
            months.push((month, path.clone()));
            continue;
        }
        let entries = std::fs::read_dir(path).map_err(|e| SurveyError::file(path, e))?;
        for entry in entries {
            let entry = entry.map_err(|e| SurveyError::file(path, e))?.path();
            if let Some(month) = month_name(&entry) {
                months.push((month, entry));
            }
        }
    }
    if months.is_empty() {
        return Err(SurveyError::NoData {
            path: paths.first().cloned().unwrap_or_default(),
            reason: "no month (01.zip or folder 01, ...) is here; the data set is at \
                     doi 10.5281/zenodo.1066041"
                .into(),
        });
    }
    months.sort_unstable();
    Ok(months)
}

/// The month that a path stands for: `07.zip` or a folder `07`.
fn month_name(path: &Path) -> Option<String> {
    let zipped = path.extension().is_some_and(|extension| extension == "zip");
    let stem = if zipped { path.file_stem()? } else { path.file_name()? }.to_str()?;
    let is_month = stem.len() == 2 && stem.bytes().all(|byte| byte.is_ascii_digit());
    (is_month && (zipped || path.is_dir())).then(|| stem.to_owned())
}

impl Month {
    fn open(path: &Path) -> Result<Self, SurveyError> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let file = File::open(path).map_err(|e| SurveyError::file(path, e))?;
        let archive = zip::ZipArchive::new(file).map_err(|e| {
            SurveyError::format(path, format!("not a whole zip file ({e}); fetch it again"))
        })?;
        Ok(Self::Zip(path.to_owned(), archive))
    }

    /// Names without kind and ending, such as `trn01`, ascending.
    fn stems(&self) -> Result<Vec<String>, SurveyError> {
        let names: Vec<String> = match self {
            Self::Zip(_, archive) => {
                archive.file_names().filter_map(|n| Some(n.ok()?.into_owned())).collect()
            }
            Self::Folder(path) => {
                let entries = std::fs::read_dir(path).map_err(|e| SurveyError::file(path, e))?;
                entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect()
            }
        };
        let mut stems: Vec<String> = names
            .iter()
            .filter_map(|name| name.strip_suffix("rss.csv"))
            .map(|stem| stem.rsplit('/').next().unwrap_or(stem).to_owned())
            .collect();
        stems.sort_unstable();
        Ok(stems)
    }

    fn table(&mut self, name: &str) -> Result<(PathBuf, Box<dyn Read + '_>), SurveyError> {
        match self {
            Self::Zip(path, archive) => {
                let shown = path.join(name);
                let file = archive.by_name(name).map_err(|e| {
                    SurveyError::format(&shown, format!("missing or damaged in the zip file: {e}"))
                })?;
                Ok((shown, Box::new(file)))
            }
            Self::Folder(path) => {
                let path = path.join(name);
                let file = File::open(&path).map_err(|e| SurveyError::file(&path, e))?;
                Ok((path, Box::new(file)))
            }
        }
    }

    /// The rows of a small table, whole.
    fn rows(&mut self, name: &str) -> Result<(PathBuf, Vec<csv::StringRecord>), SurveyError> {
        let (path, reader) = self.table(name)?;
        let rows = table_reader(reader).into_records().collect::<Result<_, _>>();
        Ok((path.clone(), rows.map_err(|e| csv_error(&path, &e))?))
    }
}

fn table_reader<R: Read>(reader: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(reader)
}

fn read_month(
    builder: &mut Builder,
    by: EnvironmentBy,
    month: &str,
    path: &Path,
) -> Result<(), SurveyError> {
    let mut files = Month::open(path)?;
    let stems = files.stems()?;
    if stems.is_empty() {
        let reason = "no file ending in rss.csv is in it".to_owned();
        return Err(SurveyError::NoData { path: path.to_owned(), reason });
    }
    for stem in stems {
        builder.begin_file();
        let (crd_path, coordinates) = files.rows(&format!("{stem}crd.csv"))?;
        let (tms_path, times) = files.rows(&format!("{stem}tms.csv"))?;
        let (_, ids) = files.rows(&format!("{stem}ids.csv"))?;
        let (path, reader) = files.table(&format!("{stem}rss.csv"))?;
        let device = device(month, &stem);
        let mut records = table_reader(reader);
        let mut record = csv::StringRecord::new();
        let mut n = 0;
        while records.read_record(&mut record).map_err(|e| csv_error(&path, &e))? {
            let (Some(at), Some(time), Some(id)) =
                (coordinates.get(n), times.get(n), ids.get(n))
            else {
                let reason = "more rows than its crd, tms or ids file; fetch the data again";
                return Err(SurveyError::row(&path, n as u64 + 1, reason));
            };
            n += 1;
            let row = n as u64;
            let position =
                position(at).map_err(|reason| SurveyError::row(&crd_path, row, reason))?;
            if !FLOORS.contains(&position.floor) {
                builder.drop_row("unknown floor (the library's are 3 and 5)");
                continue;
            }
            let everything = [&record, at, time].map(csv::StringRecord::as_slice);
            let refuse = |reason: String| SurveyError::row(&path, row, reason);
            let floor = format!("f{}", position.floor);
            let added = builder_row(builder, &record).and_then(|readings| {
                builder.add(Row {
                    environment: match by {
                        EnvironmentBy::Month => month,
                        EnvironmentBy::Floor => &floor,
                        EnvironmentBy::Device => device,
                        EnvironmentBy::Set => &stem,
                        EnvironmentBy::Building | EnvironmentBy::Named | EnvironmentBy::All => "all",
                    },
                    id: format!("{}-{stem}", id.get(0).unwrap_or("")),
                    point: None,
                    position,
                    device,
                    set: &stem,
                    time_ms: time_ms(time.get(0).unwrap_or("")),
                    readings,
                    everything: digest(everything.iter().map(|text| text.as_bytes())),
                })
            });
            added.map_err(refuse)?;
        }
        if n != coordinates.len() {
            let reason = format!("{n} rows, its crd file has {}: truncated?", coordinates.len());
            return Err(SurveyError::format(&path, reason));
        }
        if let Some(bad) = times.iter().position(|t| time_ms(t.get(0).unwrap_or("")).is_none()) {
            let reason = "the time is not of the form yyyymmddHHMMSSmmm";
            return Err(SurveyError::row(&tms_path, bad as u64 + 1, reason));
        }
    }
    Ok(())
}

/// The readings of a row; column i is access point `AP` i + 1.
fn builder_row(
    builder: &mut Builder,
    record: &csv::StringRecord,
) -> Result<Vec<(AccessPointId, f32)>, String> {
    while builder.access_points.len() < record.len() {
        let next = builder.access_points.len() + 1;
        builder.access_points.intern(&format!("AP{next:03}"));
    }
    wide_readings(record.iter(), NOT_HEARD)
}

/// The readings of a wide row, column i being access point i.
pub(super) fn wide_readings<'a>(
    cells: impl Iterator<Item = &'a str>,
    not_heard: f32,
) -> Result<Vec<(AccessPointId, f32)>, String> {
    let mut readings = Vec::new();
    for (column, cell) in cells.enumerate() {
        let column_name = column + 1;
        let dbm: f32 = cell
            .parse()
            .map_err(|_| format!("column {column_name} is `{cell}`; an RSS in dBm is expected"))?;
        if dbm < not_heard {
            check_rss(dbm).map_err(|reason| format!("column {column_name}: {reason}"))?;
            readings.push((AccessPointId(column as u32), dbm));
        } else if dbm.is_nan() || dbm > not_heard {
            return Err(format!(
                "column {column_name} is {dbm}; an RSS in dBm, or {not_heard} for not heard, is \
                 expected"
            ));
        }
    }
    Ok(readings)
}

fn position(record: &csv::StringRecord) -> Result<Position, String> {
    let number = |i: usize| {
        let cell = record.get(i).unwrap_or("");
        let value = cell.parse::<f64>().ok().filter(|value| value.is_finite());
        value.ok_or_else(|| format!("`{cell}` is no coordinate; x, y (metres) and floor are expected"))
    };
    Ok(Position::new(number(0)?, number(1)?, number(2)? as i32))
}

/// `yyyymmddHHMMSSmmm` as milliseconds since 1970, local time taken as UTC. The publisher rounds up
/// to second 60 in places, so seconds are added rather than checked.
fn time_ms(text: &str) -> Option<i64> {
    if text.len() != 17 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize, to: usize| i8::try_from(part(from, to)?).ok();
    let (year, month, day) = (part(0, 4)?, small(4, 6)?, small(6, 8)?);
    let minute = jiff::civil::DateTime::new(year, month, day, small(8, 10)?, small(10, 12)?, 0, 0);
    let minute = minute.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(minute.as_millisecond() + i64::from(part(12, 14)?) * 1000 + i64::from(part(14, 17)?))
}

/// The receiver, as the publisher's change log says.
fn device(month: &str, stem: &str) -> &'static str {
    let second_phone = ["trn02", "tst06", "tst07", "tst08", "tst09", "tst10"];
    if month == "25" && second_phone.contains(&stem) {
        "Galaxy A5 (2017)"
    } else {
        "Galaxy S3"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds() {
        assert_eq!(time_ms("19700102000001002"), Some(86_401_002));
        assert_eq!(time_ms("20170619170349216"), Some(1_497_891_829_216));
        assert_eq!(time_ms("20160727123260000"), time_ms("20160727123300000"));
        assert_eq!(time_ms("20171319170349216"), None);
        assert_eq!(time_ms("2017"), None);
    }

    #[test]
    fn wide_rows_refuse_nonsense() {
        let read = |cells: &[&str]| wide_readings(cells.iter().copied(), 100.0);
        assert_eq!(read(&["100", "-40", "100"]).unwrap(), [(AccessPointId(1), -40.0)]);
        assert!(read(&["x"]).unwrap_err().contains("column 1 is `x`"));
        assert!(read(&["100", "NaN"]).unwrap_err().contains("column 2"));
        assert!(read(&["12"]).unwrap_err().contains("RSS is 12 dBm"));
        assert!(read(&["-121"]).is_err() && read(&["101"]).is_err());
    }
}
