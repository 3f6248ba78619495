//! Rows by method: means, deviations, intervals and bars of them.

use crate::error::Error;
use crate::evaluate::{Estimate, Figure, Row, estimate};
use crate::report::{Bar, BarPlot};

/// Rows that have numbers, of one method.
///
/// None of a method that lacks something in one environment or more: its mean over the others is no mean over all.
pub(super) fn of<'a>(rows: &'a [Row], method: &'a str) -> impl Iterator<Item = &'a Row> {
    let runs = needs(rows, method).is_none();
    rows.iter().filter(move |row| runs && row.method == method && !row.errors_m.is_empty())
}

/// Names of the methods in the rows, each once, in their order.
pub(super) fn names(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for row in rows {
        if !names.contains(&row.method) {
            names.push(row.method.clone());
        }
    }
    names
}

/// Mean error of a method (m), over environments and seeds, with its interval.
pub(super) fn mean_error(rows: &[Row], method: &str) -> Option<Estimate> {
    estimate(&of(rows, method).collect::<Vec<_>>(), Figure::MeanError)
}

/// Mean error of a method (m); NaN without.
pub(super) fn mean_m(rows: &[Row], method: &str) -> f64 {
    mean_error(rows, method).map_or(f64::NAN, |estimate| estimate.value)
}

/// Deviation of a method's errors (m), a mean over rows; NaN without.
pub(super) fn std_m(rows: &[Row], method: &str) -> f64 {
    let (sum, n) =
        of(rows, method).fold((0.0, 0_usize), |(sum, n), row| (sum + row.errors.std_m, n + 1));
    sum / n as f64
}

/// What a method lacks in one environment or more.
pub(super) fn needs(rows: &[Row], method: &str) -> Option<String> {
    rows.iter().filter(|row| row.method == method).find_map(|row| row.needs.clone())
}

/// Number of errors of a method.
pub(super) fn n_errors(rows: &[Row], method: &str) -> usize {
    of(rows, method).map(|row| row.errors_m.len()).sum()
}

/// A cell with a number, empty without.
pub(super) fn cell(number: f64) -> String {
    if number.is_finite() { format!("{number:.2}") } else { String::new() }
}

/// Cells with the ends of an interval.
pub(super) fn ends(estimate: Option<Estimate>) -> [String; 2] {
    estimate.map_or_else(Default::default, |e| [cell(e.low), cell(e.high)])
}

/// Bars of the methods that have numbers.
pub(super) fn bars(title: String, rows: &[Row]) -> Result<String, Error> {
    let bar = |method: String| {
        let Estimate { value, low, high } = mean_error(rows, &method)?;
        let n = Some(n_errors(rows, &method));
        Some(Bar { label: method, mean_m: value, range_m: Some((low, high)), n })
    };
    let plot = BarPlot {
        title,
        x_label: "mean localization error [m]; whiskers: 95 % interval".into(),
        bars: names(rows).into_iter().filter_map(bar).collect(),
    };
    Ok(plot.to_svg()?)
}
