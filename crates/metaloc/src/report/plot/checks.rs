//! Checks of what is to be drawn.

use crate::report::ReportError;

/// Largest number that an axis shows.
const LARGEST: f64 = 1e12;

/// Refuses a number that isn't finite, or is too large for an axis.
pub(super) fn finite(what: &str, value: f64) -> Result<(), ReportError> {
    if value.abs() <= LARGEST {
        return Ok(());
    }
    Err(number(what, value, "a finite number of at most 1e12"))
}

/// Refuses a localization error that is negative or that [`finite`] refuses.
pub(super) fn error_m(what: &str, value: f64) -> Result<(), ReportError> {
    if (0.0..=LARGEST).contains(&value) {
        return Ok(());
    }
    Err(number(what, value, "a distance between 0 and 1e12 m"))
}

/// Refuses a point with a coordinate that [`finite`] refuses.
pub(super) fn point(what: &str, (x, y): (f64, f64)) -> Result<(), ReportError> {
    finite(what, x)?;
    finite(what, y)
}

pub(super) fn number(what: &str, value: f64, expected: &'static str) -> ReportError {
    ReportError::Number { what: what.to_owned(), value: value.to_string(), expected }
}
