//! Fig. 9: how often errors are small with few reference points, in the log-distance toy example.

use std::path::Path;

use super::output::{Reproduction, Sheet};
use super::runner::Runner;
use super::{Claim, Target};
use crate::error::Error;
use crate::evaluate::{DataSource, Estimate, Figure, Protocol, Row, estimate};
use crate::report::{CdfPlot, Curve, CurvePlot, Series};

const TOY: &str = include_str!("../../../../experiments/toy-log-distance.toml");
const CHOSEN: &str = include_str!("../../../../experiments/toy-log-distance.selected.toml");
/// The methods drawn: the paper's, and WKNN that has the adaptation samples too.
const METHODS: [&str; 4] = ["knn-support", "wknn-support", "wknn-support:fair", "maml"];
/// What the paper reads off at 10 reference points.
const PAPER: [(&str, f64); 3] = [("maml", 0.89), ("wknn-support", 0.65), ("knn-support", 0.51)];
/// In a quick run: numbers of reference points, test layouts, iterations.
const QUICK: ([usize; 3], usize, i64) = ([10, 30, 54], 10, 400);

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let mut protocol = Protocol::parse(TOY, CHOSEN, Path::new("toy-log-distance.toml"))?;
    protocol.name = "fig9".into();
    protocol.methods.retain(|method| METHODS.contains(&method.name.as_str()));
    if runner.settings.quick {
        make_quick(&mut protocol);
    }
    let rows = runner.toy_rows(&protocol)?;
    let mut result = Reproduction::new(
        Target::Fig9,
        "Errors with few reference points (log-distance path loss, 24 access points, 20 x 15 m)",
    );
    let points = &protocol.support.points;
    let (few, many) = (points[0], points[points.len() - 1]);
    for at in [few, many] {
        let curves = METHODS.iter().map(|method| Curve {
            label: (*method).to_owned(),
            errors_m: rows_of(&rows, method, at).flat_map(|r| r.errors_m.clone()).collect(),
        });
        let plot = CdfPlot {
            title: format!("{at} reference points"),
            x_label: "localization error [m]".into(),
            curves: curves.collect(),
            x_max: Some(15.0),
        };
        let caption = format!(
            "Share of test samples located within a distance, {at} reference points; `fair` has the 94 adaptation \
             samples as further reference points."
        );
        result.draw(&format!("fig9-cdf-{at}"), plot.to_svg()?, &caption);
    }
    let series = METHODS.iter().map(|method| {
        let known = points.iter().filter_map(|&at| Some((at, share(&rows, method, at)?)));
        let mut series = Series::new(*method, Vec::new());
        for (at, Estimate { value, low, high }) in known {
            series.points.push((at as f64, value));
            series.ends.push((low, high));
        }
        series
    });
    let plot = CurvePlot {
        title: "Errors below 5 m".into(),
        x_label: "reference points".into(),
        y_label: "P(error < 5 m), 95 % interval".into(),
        series: series.collect(),
    };
    result.draw("fig9-points", plot.to_svg()?, "Share of errors below 5 m by reference points.");
    result.sheets.push(sheet(&rows, points));
    result.claims = claims(&rows, few, many);
    Ok(result)
}

fn make_quick(protocol: &mut Protocol) {
    let (points, test_layouts, iterations) = QUICK;
    protocol.seeds.truncate(1);
    protocol.support.points = points.to_vec();
    if let DataSource::Toy(toy) = &mut protocol.data {
        toy.test_layouts = test_layouts;
    }
    if let Some(training) = protocol.learning.get_mut("training").and_then(|t| t.as_table_mut()) {
        training.insert("iterations".into(), iterations.into());
    }
}

fn rows_of<'a>(rows: &'a [Row], method: &'a str, points: usize) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| row.method == method && row.support_points == points)
}

/// Share of errors below 5 m, with its interval over layouts and seeds.
fn share(rows: &[Row], method: &str, points: usize) -> Option<Estimate> {
    estimate(&rows_of(rows, method, points).collect::<Vec<_>>(), Figure::Below5m)
}

/// The share alone; NaN without rows.
fn below(rows: &[Row], method: &str, points: usize) -> f64 {
    share(rows, method, points).map_or(f64::NAN, |estimate| estimate.value)
}

fn sheet(rows: &[Row], points: &[usize]) -> Sheet {
    let cells = |estimate: Option<Estimate>| match estimate {
        Some(Estimate { value, low, high }) => [value, low, high].map(|x| format!("{x:.3}")),
        None => Default::default(),
    };
    let line = |method: &&str, at: usize| {
        let of: Vec<&Row> = rows_of(rows, method, at).collect();
        let n: usize = of.iter().map(|row| row.errors_m.len()).sum();
        let [mean, share] = [Figure::MeanError, Figure::Below5m].map(|f| cells(estimate(&of, f)));
        let names = [(*method).to_owned(), at.to_string()];
        names.into_iter().chain(mean).chain(share).chain([n.to_string()]).collect()
    };
    let columns = [
        "method",
        "reference points",
        "mean error [m]",
        "95 % low [m]",
        "95 % high [m]",
        "P(error < 5 m)",
        "95 % low",
        "95 % high",
        "samples",
    ];
    Sheet {
        name: "fig9".into(),
        title: "Errors by method and reference points".into(),
        columns: columns.map(String::from).into(),
        rows: METHODS.iter().flat_map(|m| points.iter().map(move |&at| line(m, at))).collect(),
        is_shown: true,
    }
}

fn claims(rows: &[Row], few: usize, many: usize) -> Vec<Claim> {
    let at = |method, points| below(rows, method, points);
    let [maml, wknn, knn] = ["maml", "wknn-support", "knn-support"].map(|m| at(m, few));
    let paper = PAPER.map(|(method, share)| format!("{method} {share}")).join(", ");
    let fair = at("wknn-support:fair", few);
    let last: Vec<f64> = ["maml", "wknn-support", "knn-support"].map(|m| at(m, many)).into();
    let spread = last.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        - last.iter().copied().fold(f64::INFINITY, f64::min);
    vec![
        Claim::new(
            format!("Fig. 9: with {few} reference points P(error < 5 m) is {paper}"),
            format!(
                "maml {maml:.3}, wknn-support {wknn:.3}, knn-support {knn:.3}; the order is the paper's if MetaLoc \
                 leads WKNN and WKNN leads KNN"
            ),
            &[maml > wknn, wknn > knn, maml >= 0.87],
        ),
        Claim::new(
            "Fig. 9: MetaLoc is ahead of WKNN; the paper's WKNN lacks MetaLoc's 94 more samples, here it has them",
            format!("WKNN with those samples too: {fair:.3} against {maml:.3}"),
            &[maml > fair],
        ),
        Claim::new(
            format!("Fig. 9: at R = {many} all methods are level"),
            format!("the largest difference of P(error < 5 m) is {spread:.3} (level: below 0.05)"),
            &[spread < 0.05],
        ),
    ]
}
