//! Wide tables: one column an access point, a number beyond all RSS where it was not heard.

use metaloc_radio::signal::AccessPointId;

use crate::survey::table::check_rss;

/// The publishers' number for an access point that was not heard.
const NOT_HEARD: f32 = 100.0;

/// The readings of a row, column i being access point i (dBm).
pub(super) fn wide_readings<'a>(
    cells: impl Iterator<Item = &'a str>,
) -> Result<Vec<(AccessPointId, f32)>, String> {
    let mut readings = Vec::new();
    for (column, cell) in cells.enumerate() {
        // Most cells; parsing them would take most of the time.
        if cell == "100" {
            continue;
        }
        let found = cell.trim().parse::<f32>().ok().filter(|dbm| !dbm.is_nan());
        let number = column + 1;
        let dbm = found.ok_or_else(|| {
            format!("column {number} is `{cell}`; an RSS in dBm, or 100 for not heard, is expected")
        })?;
        if dbm.total_cmp(&NOT_HEARD).is_ne() {
            check_rss(dbm).map_err(|reason| format!("column {number}: {reason}"))?;
            readings.push((AccessPointId(column as u32), dbm));
        }
    }
    Ok(readings)
}

/// A cell with a finite number.
pub(super) fn number(name: &str, cell: Option<&str>) -> Result<f64, String> {
    let cell = cell.unwrap_or("").trim();
    let value = cell.parse::<f64>().ok().filter(|value| value.is_finite());
    value.ok_or_else(|| format!("{name} is `{cell}`; a finite number is expected"))
}

/// A cell with a floor number, which some publishers write with decimals.
pub(super) fn floor(name: &str, cell: Option<&str>) -> Result<i32, String> {
    let value = number(name, cell)?;
    if value.fract().abs() > 0.0 || value.abs() > 1e6 {
        return Err(format!("{name} is {value}; a whole number is expected"));
    }
    Ok(value as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_rows_refuse_nonsense() {
        let read = |cells: &[&str]| wide_readings(cells.iter().copied());
        assert_eq!(read(&["100", "-40", "100.0"]).unwrap(), [(AccessPointId(1), -40.0)]);
        assert!(read(&["x"]).unwrap_err().contains("column 1 is `x`"));
        assert!(read(&["100", "NaN"]).unwrap_err().contains("column 2"));
        assert!(read(&["12"]).unwrap_err().contains("RSS is 12 dBm"));
        assert!(read(&["-121"]).is_err() && read(&["101"]).is_err() && read(&["inf"]).is_err());
    }

    #[test]
    fn floors_are_whole() {
        assert_eq!(floor("floor", Some("3.0")), Ok(3));
        assert!(floor("floor", Some("3.5")).is_err() && floor("floor", Some("1e9")).is_err());
    }
}
