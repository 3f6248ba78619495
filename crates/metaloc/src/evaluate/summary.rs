//! Tables: means over environments, then over seeds; pooled figures beside them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ErrorStatistics, Paired, Row, paired};

/// One method's figures over all environments and seeds of a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SummaryRow {
    /// Split of environments.
    pub split: String,
    /// `apart` or `together`.
    pub floors: String,
    /// Surveyed points (a floor).
    pub support_points: usize,
    /// Method.
    pub method: String,
    /// What the method lacks in an environment, if it can't run in all: then figures are NaN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// Share located at the right point, likewise averaged; with channel state information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Least and greatest of it among the seeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_range: Option<(f64, f64)>,
    /// Mean time of adaptation (ms), of learning methods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapt_ms: Option<f64>,
    /// Mean error: over test scans, then environments, then seeds (m).
    pub mean_m: f64,
    /// Smallest and largest mean over environments among the seeds (m).
    pub seed_range_m: (f64, f64),
    /// Median over environments' medians, likewise averaged (m).
    pub median_m: f64,
    /// 90th percentile, likewise averaged (m).
    pub p90_m: f64,
    /// Share below 5 m, likewise averaged.
    pub p_below_5m: f64,
    /// Floor accuracy, likewise averaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_accuracy: Option<f64>,
    /// Mean error of all scans of all environments and seeds pooled (m).
    pub pooled_mean_m: f64,
    /// Number of errors pooled.
    pub pooled_n: usize,
    /// Mean of the regret of the chosen start (m), of methods with several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regret_m: Option<f64>,
    /// The method less the protocol's reference method, if it has one: `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paired: Option<Paired>,
}

/// What methods are compared with, where a protocol has it.
pub const REFERENCE: &str = "auto";

/// One summary row a split, kind of floors, support size and method, in the order of `rows`.
#[must_use]
pub fn summarize(rows: &[Row]) -> Vec<SummaryRow> {
    // Stable: methods keep the order in which the protocol names them.
    let mut order: Vec<&Row> = rows.iter().collect();
    let method = |row: &Row| rows.iter().position(|first| first.method == row.method);
    let group = |row: &Row| (row.split.clone(), row.floors.clone(), row.support_points);
    order.sort_by_cached_key(|row| (group(row), method(row)));
    let same = |a: &&Row, b: &&Row| group(a) == group(b) && a.method == b.method;
    let reference = |of: &Row| -> Vec<&Row> {
        let like = |row: &&Row| row.method == REFERENCE && group(row) == group(of);
        rows.iter().filter(like).collect()
    };
    order.chunk_by(same).map(|rows| summary(rows, &reference(rows[0]))).collect()
}

/// Of a method that can't run in all environments: a mean over the others compares with nothing.
fn without_figures(first: &Row, needs: &str) -> SummaryRow {
    SummaryRow {
        split: first.split.clone(),
        floors: first.floors.clone(),
        support_points: first.support_points,
        method: first.method.clone(),
        needs: Some(needs.to_owned()),
        accuracy: None,
        accuracy_range: None,
        adapt_ms: None,
        mean_m: f64::NAN,
        seed_range_m: (f64::NAN, f64::NAN),
        median_m: f64::NAN,
        p90_m: f64::NAN,
        p_below_5m: f64::NAN,
        floor_accuracy: None,
        pooled_mean_m: f64::NAN,
        pooled_n: 0,
        regret_m: None,
        paired: None,
    }
}

fn summary(group: &[&Row], reference: &[&Row]) -> SummaryRow {
    if let Some(needs) = group.iter().find_map(|row| row.needs.as_deref()) {
        return without_figures(group[0], needs);
    }
    let mut by_seed: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
    for row in group {
        by_seed.entry(row.seed).or_default().push(row);
    }
    let over_environments = |rows: &[&Row], pick: &dyn Fn(&Row) -> f64| {
        rows.iter().map(|row| pick(row)).sum::<f64>() / rows.len() as f64
    };
    let mean = |pick: &dyn Fn(&Row) -> f64| {
        by_seed.values().map(|rows| over_environments(rows, pick)).sum::<f64>()
            / by_seed.len() as f64
    };
    let seed_means: Vec<f64> =
        by_seed.values().map(|rows| over_environments(rows, &|r| r.errors.mean_m)).collect();
    let range = |values: &[f64]| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let hits = |row: &Row| row.accuracy.unwrap_or(0.0);
    let seed_hits: Vec<f64> = by_seed.values().map(|rows| over_environments(rows, &hits)).collect();
    let errors: Vec<f64> = group.iter().flat_map(|r| r.errors_m.iter().copied()).collect();
    let pooled = ErrorStatistics::of(&errors);
    let first = group[0];
    SummaryRow {
        split: first.split.clone(),
        floors: first.floors.clone(),
        support_points: first.support_points,
        method: first.method.clone(),
        needs: None,
        accuracy: first.accuracy.map(|_| mean(&hits)),
        accuracy_range: first.accuracy.map(|_| range(&seed_hits)),
        adapt_ms: first.adapt_ms.map(|_| mean(&|r| r.adapt_ms.unwrap_or(0.0))),
        mean_m: mean(&|r| r.errors.mean_m),
        seed_range_m: range(&seed_means),
        median_m: mean(&|r| r.errors.median_m),
        p90_m: mean(&|r| r.errors.p90_m),
        p_below_5m: mean(&|r| r.errors.p_below_5m),
        floor_accuracy: first.floor_accuracy.map(|_| mean(&|r| r.floor_accuracy.unwrap_or(0.0))),
        pooled_mean_m: pooled.map_or(f64::NAN, |s| s.mean_m),
        pooled_n: errors.len(),
        regret_m: first.regret_m.map(|_| mean(&|r| r.regret_m.unwrap_or(0.0))),
        paired: paired(group, reference).filter(|_| first.method != REFERENCE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_cannot_run_everywhere_has_no_figures() {
        let row = |method: &str, environment: &str| Row {
            method: method.into(),
            environment: environment.into(),
            errors: ErrorStatistics::of(&[2.0]).unwrap_or_default(),
            errors_m: vec![2.0],
            ..Row::default()
        };
        let lacking = Row { needs: Some("history".into()), ..row("a", "y") };
        let summary = summarize(&[row("a", "x"), row("b", "x"), lacking, row("b", "y")]);
        assert_eq!(summary[0].needs.as_deref(), Some("history"));
        assert!(summary[0].mean_m.is_nan() && summary[0].pooled_n == 0);
        assert_eq!((summary[1].mean_m, summary[1].pooled_n), (2.0, 2));
    }
}
