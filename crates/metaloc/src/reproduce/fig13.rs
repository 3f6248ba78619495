//! Fig. 13: errors on the new day over outer steps, for MAML, MAML-TS and MAML-DG.

use super::output::{Reproduction, Sheet};
use super::runner::Runner;
use super::variants::{number_of, plain, variant};
use super::{Claim, Dataset, Target};
use crate::error::Error;
use crate::evaluate::{MethodConfig, Row};
use crate::report::{CurvePlot, Series};

const ALGORITHMS: [&str; 3] = ["maml", "maml-ts", "maml-dg"];
/// Outer steps, in a full and in a quick run.
const STEPS: [u32; 7] = [25, 50, 100, 250, 500, 1000, 2500];
const QUICK: [u32; 3] = [5, 10, 20];

fn methods(steps: &[u32]) -> Vec<MethodConfig> {
    // What the others are like.
    let base = std::iter::once(variant("maml", "maml", ""));
    let with = |algorithm: &'static str| {
        steps.iter().map(move |n| {
            let settings = format!("training.iterations = {n}");
            variant(&format!("{algorithm}:{n}"), "maml", &settings)
        })
    };
    base.chain(ALGORITHMS.into_iter().flat_map(with)).collect()
}

/// Mean error of each method over the number in its name, or `own` for a method without; algorithm by algorithm.
pub(super) fn curves(
    rows: &[Row],
    algorithms: &[&str],
    own: impl Fn(&Row) -> Option<f64>,
) -> Vec<Series> {
    let series = |algorithm: &&str| {
        let mut sums: std::collections::BTreeMap<u64, (f64, f64)> = Default::default();
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

/// The curves as a table.
pub(super) fn sheet(name: &str, title: &str, x: &str, curves: &[Series]) -> Sheet {
    let rows = curves.iter().flat_map(|series| {
        let line =
            |(x, y): &(f64, f64)| vec![series.label.clone(), x.to_string(), format!("{y:.3}")];
        series.points.iter().map(line)
    });
    Sheet {
        name: name.to_owned(),
        title: title.to_owned(),
        columns: ["method", x, "mean error [m]"].map(String::from).into(),
        rows: rows.collect(),
        is_shown: true,
    }
}

/// The first x at which a curve is within `slack_m` of the least value of all curves.
fn reached(series: &Series, least_m: f64, slack_m: f64) -> Option<f64> {
    series.points.iter().find(|(_, y)| *y <= least_m + slack_m).map(|(x, _)| *x)
}

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let mut result = Reproduction::new(Target::Fig13, "Errors on a new day over outer steps");
    let steps: &[u32] = if runner.settings.quick { &QUICK } else { &STEPS };
    let places = match (runner.settings.quick, runner.settings.dataset) {
        (true, None) => vec![Dataset::Lab],
        _ => runner.places(),
    };
    for dataset in places {
        let name = dataset.name();
        let rows = runner.rows(dataset, &format!("fig13-{name}"), methods(steps))?;
        let curves = curves(&rows, &ALGORITHMS, |row| row.outer_steps.map(|n| n as f64));
        result.sheets.push(sheet(
            &format!("fig13-{name}"),
            &format!("Errors in the {name} by outer steps"),
            "outer steps",
            &curves,
        ));
        let least =
            curves.iter().flat_map(|s| &s.points).map(|p| p.1).fold(f64::INFINITY, f64::min);
        let first: Vec<Option<f64>> = curves.iter().map(|s| reached(s, least, 0.1)).collect();
        let words: Vec<String> = curves
            .iter()
            .zip(&first)
            .map(|(s, at)| format!("{} {}", s.label, at.map_or("never".into(), |x| x.to_string())))
            .collect();
        let [maml, ts, dg] = [0, 1, 2].map(|i| first.get(i).copied().flatten());
        let sooner = |a: Option<f64>, b: Option<f64>, share: f64| match (a, b) {
            (Some(a), Some(b)) => a <= share * b,
            (Some(_), None) => true,
            _ => false,
        };
        let measured = format!("steps until within 0.1 m of the least error: {}", words.join(", "));
        result.claims.push(Claim::new(
            format!("Fig. 13, {name}: MAML-DG converges in a third of MAML's steps, MAML-TS in fewer too"),
            measured,
            &[sooner(dg, maml, 1.0 / 3.0), sooner(ts, maml, 0.99)],
        ));
        let end = |i: usize| curves.get(i).and_then(|s| s.points.last()).map_or(f64::NAN, |p| p.1);
        let low = |i: usize| {
            let of = curves.get(i).map_or(&[][..], |s| &s.points);
            of.iter().map(|p| p.1).fold(f64::INFINITY, f64::min)
        };
        result.claims.push(Claim::new(
            format!("Fig. 13, {name}: MAML-TS overfits with more steps, MAML-DG does not"),
            format!(
                "last error less the least: maml-ts {:+.2} m, maml-dg {:+.2} m (overfits: more than 0.1 m)",
                end(1) - low(1),
                end(2) - low(2)
            ),
            &[end(1) - low(1) > 0.1, end(2) - low(2) <= 0.1],
        ));
        let plot = CurvePlot {
            title: format!("Errors in the {name}"),
            x_label: "outer steps".into(),
            y_label: "mean localization error [m]".into(),
            series: curves,
        };
        let caption = format!("Mean errors in the {name} after so many updates of the start.");
        result.draw(&format!("fig13-{name}"), plot.to_svg()?, &caption);
    }
    Ok(result)
}
