//! Errors over a number that methods differ in: steps of training or of adaptation (Figs. 13 and 14).

use std::collections::BTreeMap;

use super::output::{Reproduction, Sheet};
use super::variants::{number_of, plain};
use super::{Claim, Dataset, Target};
use crate::error::Error;
use crate::evaluate::{Estimate, Figure, Row, estimate};
use crate::report::{CurvePlot, Series};

/// Errors this much above the least count as settled (m).
pub(super) const SLACK_M: f64 = 0.1;

/// A figure of some rows over a number that they differ in, with its interval; rows without a number are left out.
pub(super) fn over<'a>(
    label: &str,
    rows: impl Iterator<Item = &'a Row>,
    number: impl Fn(&Row) -> Option<f64>,
    figure: Figure,
) -> Series {
    let mut by_number: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(n) = number(row) {
            by_number.entry(n as u64).or_default().push(row);
        }
    }
    let mut series = Series::new(label, Vec::new());
    for (n, rows) in by_number {
        if let Some(Estimate { value, low, high }) = estimate(&rows, figure) {
            series.points.push((n as f64, value));
            series.ends.push((low, high));
            let samples = rows.iter().map(|row| row.errors_m.len()).sum();
            series.samples = series.samples.max(Some(samples));
        }
    }
    series
}

/// Mean error of each method over the number in its name, or `own` for a method without; algorithm by algorithm.
pub(super) fn curves(
    rows: &[Row],
    algorithms: &[&str],
    own: impl Fn(&Row) -> Option<f64>,
) -> Vec<Series> {
    let series = |algorithm: &&str| {
        let of_algorithm = rows.iter().filter(|row| plain(&row.method) == *algorithm);
        // Variants without a number differ in something else.
        let own = |row: &Row| if row.method == *algorithm { own(row) } else { None };
        let number = |row: &Row| number_of(&row.method).or_else(|| own(row));
        over(algorithm, of_algorithm, number, Figure::MeanError)
    };
    algorithms.iter().map(series).filter(|series| !series.points.is_empty()).collect()
}

/// A table's lines: label, number, value and interval of each point.
pub(super) fn lines(curves: &[Series]) -> Vec<Vec<String>> {
    let rows = curves.iter().flat_map(|series| {
        let line = |((x, y), (low, high)): (&(f64, f64), &(f64, f64))| {
            let numbers = [y, low, high].map(|m| format!("{m:.3}"));
            [series.label.clone(), x.to_string()].into_iter().chain(numbers).collect()
        };
        series.points.iter().zip(&series.ends).map(line)
    });
    rows.collect()
}

/// Least error of some curves (m).
pub(super) fn least_m<'a>(curves: impl IntoIterator<Item = &'a Series>) -> f64 {
    let points = curves.into_iter().flat_map(|series| &series.points);
    points.map(|point| point.1).fold(f64::INFINITY, f64::min)
}

/// The first x at which a curve is [`SLACK_M`] above `least_m` or less.
pub(super) fn reached(series: &Series, least_m: f64) -> Option<f64> {
    series.points.iter().find(|(_, y)| *y <= least_m + SLACK_M).map(|(x, _)| *x)
}

/// The first x at which a curve is near its own least; NaN without points.
pub(super) fn settled(series: &Series) -> f64 {
    reached(series, least_m([series])).unwrap_or(f64::NAN)
}

/// Adds the curves of a data set as a table, with the claims, and as a picture.
pub(super) fn show(
    result: &mut Reproduction,
    (dataset, x, caption): (Dataset, &str, &str),
    claims: Vec<Claim>,
    curves: Vec<Series>,
) -> Result<(), Error> {
    let place = dataset.name();
    let name = format!("{}-{place}", Target::name(result.target));
    result.sheets.push(Sheet {
        name: name.clone(),
        title: format!("Errors on {place} by {x}"),
        columns: ["method", x, "mean error [m]", "95 % low", "95 % high"].map(String::from).into(),
        rows: lines(&curves),
        is_shown: true,
    });
    result.claims.extend(claims);
    let plot = CurvePlot {
        title: format!("Errors on {place}"),
        x_label: x.into(),
        y_label: "mean localization error [m], 95 % interval".into(),
        series: curves,
    };
    result.draw(&name, plot.to_svg()?, &format!("Mean errors on {place} {caption}."));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::PlaceAnswers;

    #[test]
    fn a_variant_without_a_number_is_no_point_of_the_curve() {
        let row = |method: &str, error_m: f64| {
            let answers = PlaceAnswers { located: 1, sum_m: error_m, ..PlaceAnswers::default() };
            Row { method: method.into(), places: vec![answers], ..Row::default() }
        };
        let rows = [row("maml", 2.0), row("maml:5", 3.0), row("maml:released", 9.0)];
        let curves = curves(&rows, &["maml", "tl"], |_| Some(10.0));
        assert_eq!(curves.len(), 1);
        assert_eq!(curves[0].points, [(5.0, 3.0), (10.0, 2.0)]);
        assert_eq!(curves[0].ends, [(3.0, 3.0), (2.0, 2.0)]);
    }
}
