//! Errors over a number that methods differ in: steps of training or of adaptation (Figs. 13 and 14).

use std::collections::BTreeMap;

use super::output::{Reproduction, Sheet};
use super::variants::{number_of, plain};
use super::{Claim, Dataset, Target};
use crate::error::Error;
use crate::evaluate::Row;
use crate::report::{CurvePlot, Series};

/// Errors this much above the least count as settled (m).
pub(super) const SLACK_M: f64 = 0.1;

/// Mean error of each method over the number in its name, or `own` for a method without; algorithm by algorithm.
pub(super) fn curves(
    rows: &[Row],
    algorithms: &[&str],
    own: impl Fn(&Row) -> Option<f64>,
) -> Vec<Series> {
    let series = |algorithm: &&str| {
        let mut sums: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        for row in rows.iter().filter(|row| plain(&row.method) == *algorithm) {
            let n = number_of(&row.method).or(own(row));
            if let (Some(n), false) = (n, row.errors_m.is_empty()) {
                let sum = sums.entry(n as u64).or_default();
                *sum = (sum.0 + row.errors.mean_m, sum.1 + 1.0);
            }
        }
        let points = sums.into_iter().map(|(n, (sum, count))| (n as f64, sum / count)).collect();
        Series { label: (*algorithm).to_owned(), points }
    };
    algorithms.iter().map(series).filter(|series| !series.points.is_empty()).collect()
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

/// Adds the curves of a data set as a table, with the claims, and as a picture.
pub(super) fn show(
    result: &mut Reproduction,
    (dataset, x, caption): (Dataset, &str, &str),
    claims: Vec<Claim>,
    curves: Vec<Series>,
) -> Result<(), Error> {
    let place = dataset.name();
    let name = format!("{}-{place}", Target::name(result.target));
    let rows = curves.iter().flat_map(|series| {
        let line =
            |(x, y): &(f64, f64)| vec![series.label.clone(), x.to_string(), format!("{y:.3}")];
        series.points.iter().map(line)
    });
    result.sheets.push(Sheet {
        name: name.clone(),
        title: format!("Errors in the {place} by {x}"),
        columns: ["method", x, "mean error [m]"].map(String::from).into(),
        rows: rows.collect(),
        is_shown: true,
    });
    result.claims.extend(claims);
    let plot = CurvePlot {
        title: format!("Errors in the {place}"),
        x_label: x.into(),
        y_label: "mean localization error [m]".into(),
        series: curves,
    };
    result.draw(&name, plot.to_svg()?, &format!("Mean errors in the {place} {caption}."));
    Ok(())
}
