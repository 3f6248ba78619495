//! UJI library, long-term: G. M. Mendoza-Silva et al., Data 3(1), 2018, doi 10.5281/zenodo.1066041.
//!
//! One zip file (or folder) a month, `NN.zip`; in it, for each training or test set `dddNN`, four
//! tables without header: `rss` (one column an access point, dBm, 100 = not heard), `crd` (x, y in
//! metres, floor 3 or 5), `tms` (yyyymmddHHMMSSmmm, local time), `ids`.
//!
//! Of the 78,288 rows of months 01 to 19, six stand on a floor 0 and are dropped. 98 repeat the RSS
//! and position of an earlier row of their file, but only three of these its time too: a quiet
//! receiver may well report the same twice, so only the three are dropped as identical.

use std::path::PathBuf;

use metaloc_radio::geometry::Position;

use super::builder::{Builder, Row};
use super::uji_month::{Month, months, table_reader};
use super::wide_row::{floor, number, wide_readings};
use super::{EnvironmentBy, ImportOptions};
use crate::survey::table::csv_error;
use crate::survey::{Provenance, SurveyError};

/// The floors of the library; month 01 holds six rows on a floor 0 that does not exist.
const FLOORS: [i32; 2] = [3, 5];
const UNKNOWN_FLOOR: &str = "unknown floor (the library's are 3 and 5)";

pub(super) fn read(
    paths: &[PathBuf],
    by: EnvironmentBy,
    options: &ImportOptions,
) -> Result<Builder, SurveyError> {
    let provenance = Provenance {
        citation: "G. M. Mendoza-Silva et al., Long-Term WiFi Fingerprinting Dataset for Research \
                   on Robust Indoor Positioning, Data 3(1):3, 2018, doi 10.5281/zenodo.1066041"
            .into(),
        licence: "CC BY 4.0".into(),
        note: "UJI library, long-term".into(),
    };
    let mut builder = Builder::new("uji-library", provenance, options);
    builder.expect_reason(UNKNOWN_FLOOR);
    for (month, path) in months(paths)? {
        // A month that was not asked for is not opened.
        if by == EnvironmentBy::Month && !builder.meet(&month) {
            continue;
        }
        let mut files = Month::open(&path)?;
        for set in files.sets()?.iter().filter(|set| options.wants_set(set)) {
            let tables = SetTables::read(&mut files, set)?;
            let context = Context { by, month: &month, set, device: device(&month, set) };
            read_set(&mut builder, &mut files, &tables, context)?;
        }
    }
    Ok(builder)
}

/// The small tables of a set.
struct SetTables {
    coordinates_path: PathBuf,
    coordinates: Vec<csv::StringRecord>,
    times_path: PathBuf,
    times: Vec<csv::StringRecord>,
    ids: Vec<csv::StringRecord>,
}

impl SetTables {
    fn read(files: &mut Month, set: &str) -> Result<Self, SurveyError> {
        let (coordinates_path, coordinates) = files.rows(&format!("{set}crd.csv"))?;
        let (times_path, times) = files.rows(&format!("{set}tms.csv"))?;
        let (ids_path, ids) = files.rows(&format!("{set}ids.csv"))?;
        for (path, rows) in [(&times_path, times.len()), (&ids_path, ids.len())] {
            check_rows(path, rows, coordinates.len())?;
        }
        Ok(Self { coordinates_path, coordinates, times_path, times, ids })
    }

    fn position(&self, row: usize) -> Result<Position, SurveyError> {
        let record = &self.coordinates[row];
        let read = || {
            let (x_m, y_m) = (number("x", record.get(0))?, number("y", record.get(1))?);
            Ok(Position::new(x_m, y_m, floor("floor", record.get(2))?))
        };
        read().map_err(|reason: String| {
            SurveyError::row(&self.coordinates_path, row as u64 + 1, reason)
        })
    }

    fn time_ms(&self, row: usize) -> Result<i64, SurveyError> {
        let cell = self.times[row].get(0).unwrap_or("");
        time_ms(cell).ok_or_else(|| {
            let reason = format!("the time is `{cell}`; yyyymmddHHMMSSmmm is expected");
            SurveyError::row(&self.times_path, row as u64 + 1, reason)
        })
    }
}

/// What the rows of a set have in common.
#[derive(Clone, Copy)]
struct Context<'a> {
    by: EnvironmentBy,
    month: &'a str,
    set: &'a str,
    device: &'static str,
}

impl Context<'_> {
    fn environment(&self, floor: i32) -> String {
        match self.by {
            EnvironmentBy::Floor => format!("f{floor}"),
            EnvironmentBy::Device => self.device.into(),
            EnvironmentBy::Set => format!("{}-{}", self.month, self.set),
            EnvironmentBy::All => "all".into(),
            _ => self.month.into(),
        }
    }
}

fn read_set(
    builder: &mut Builder,
    files: &mut Month,
    tables: &SetTables,
    context: Context<'_>,
) -> Result<(), SurveyError> {
    builder.begin_set(4);
    let (path, reader) = files.file(&format!("{}rss.csv", context.set))?;
    let mut records = table_reader(reader);
    let mut record = csv::StringRecord::new();
    let mut row = 0;
    while records.read_record(&mut record).map_err(|e| csv_error(&path, &e))? {
        let refuse = |reason: String| SurveyError::row(&path, row as u64 + 1, reason);
        if row == tables.coordinates.len() {
            check_rows(&path, row + 1, row)?;
        }
        let (position, time_ms) = (tables.position(row)?, tables.time_ms(row)?);
        builder.columns(record.len(), |column| format!("AP{column:03}")).map_err(refuse)?;
        let readings = wide_readings(record.iter()).map_err(refuse)?;
        if FLOORS.contains(&position.floor) {
            let added = Row {
                environment: &context.environment(position.floor),
                id: format!("{}-{}", tables.ids[row].get(0).unwrap_or(""), context.set),
                point: None,
                position,
                device: context.device,
                set: context.set,
                time_ms: Some(time_ms),
                readings,
                csi: None,
                rest: &[],
            };
            builder.add(added).map_err(refuse)?;
        } else {
            builder.drop_row(UNKNOWN_FLOOR);
        }
        row += 1;
    }
    check_rows(&path, row, tables.coordinates.len())
}

fn check_rows(path: &std::path::Path, found: usize, expected: usize) -> Result<(), SurveyError> {
    if found == expected {
        return Ok(());
    }
    let least = if found > expected { "at least " } else { "" };
    let reason = format!(
        "{least}{found} rows where the set's crd file has {expected}; fetch the data again"
    );
    Err(SurveyError::row(path, found.min(expected) as u64 + 1, reason))
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
fn device(month: &str, set: &str) -> &'static str {
    let second_phone = ["trn02", "tst06", "tst07", "tst08", "tst09", "tst10"];
    if month == "25" && second_phone.contains(&set) { "Galaxy A5 (2017)" } else { "Galaxy S3" }
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
    fn the_last_month_has_two_phones() {
        assert_eq!(device("25", "tst06"), "Galaxy A5 (2017)");
        assert_eq!(device("25", "tst05"), "Galaxy S3");
        assert_eq!(device("24", "tst06"), "Galaxy S3");
    }
}
