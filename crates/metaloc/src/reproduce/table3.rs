//! Table III and Fig. 12: all methods in the hall and the lab on a new day, and their distributions of errors.

use super::by_method::{bars, cell, ends, mean_error, mean_m, n_errors, names, needs, of, std_m};
use super::output::{Reproduction, Sheet};
use super::runner::Runner;
use super::{Claim, Dataset, Target, fig14};
use crate::error::Error;
use crate::evaluate::{MethodConfig, Row};
use crate::report::{CdfPlot, Curve};
use crate::simulate::campaign::PaperPlace;

/// The paper's rows: method, mean and deviation (m) in the hall and in the lab.
const PAPER: [(&str, [f64; 2], [f64; 2]); 8] = [
    ("maml", [2.11, 1.17], [3.10, 1.43]),
    ("maml-dg", [2.07, 1.11], [3.04, 1.39]),
    ("maml-ts", [2.09, 1.18], [3.09, 1.35]),
    ("tl", [2.27, 1.27], [3.97, 1.99]),
    ("ri", [2.59, 1.29], [4.19, 1.95]),
    ("hi-knn", [2.73, 1.35], [3.35, 1.42]),
    ("confi", [2.89, 0.48], [3.53, 0.47]),
    ("ilcl", [3.61, 2.06], [3.48, 1.62]),
];
/// Two methods this close are close, in verdicts (m).
const CLOSE_M: f64 = 0.3;
/// Ours, beside the paper's.
const BESIDE: [&str; 2] = ["1nn", "krr"];
/// KNN with as few images as the others, where the paper's has ten.
const KNN_WITH_FEW: &str = "hi-knn:3";

/// The protocol's name, which other figures with the same methods share: rows are kept for all.
pub(super) fn protocol_name(dataset: Dataset) -> String {
    format!("table3-{}", dataset.name())
}

/// Rows of each place, all methods.
fn rows(runner: &mut Runner<'_>) -> Result<Vec<(Dataset, Vec<Row>)>, Error> {
    let places = runner.places();
    let of = |dataset: Dataset| {
        let few = dataset.place().map(|_| KNN_WITH_FEW);
        let names = PAPER.iter().map(|(name, ..)| *name).chain(few).chain(BESIDE);
        let methods: Vec<MethodConfig> =
            names.flat_map(|name| fig14::with_steps(runner, name)).collect();
        let mut rows = runner.rows(dataset, &protocol_name(dataset), methods)?;
        rows.retain(|row| !fig14::is_variant(row));
        Ok((dataset, rows))
    };
    places.into_iter().map(of).collect()
}

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let title = "Localization errors in a new environment, three samples at each point";
    let mut result = Reproduction::new(Target::Table3, title);
    for (dataset, rows) in rows(runner)? {
        let name = dataset.name();
        let confi_images = runner.historical_images(dataset)?;
        let plot = bars(format!("A new environment: {name}"), &rows)?;
        let caption = format!("Mean errors on {name} (Table III).");
        result.draw(&format!("table3-{name}"), plot, &caption);
        result.sheets.push(sheet(dataset, confi_images, &rows));
        if let Some(place) = dataset.place() {
            result.claims.extend(claims((dataset.name(), place), confi_images, &rows));
        }
    }
    Ok(result)
}

/// Images of a point in all historical days, in words: real sets have as many as were recorded.
fn words(images: Option<usize>) -> String {
    images.map_or_else(|| "all".into(), |n| n.to_string())
}

/// The paper's mean and deviation (m) in the place that a data set is of.
fn paper_numbers(dataset: Dataset, method: &str) -> Option<[f64; 2]> {
    let (_, hall, lab) = PAPER.iter().find(|(name, ..)| *name == method)?;
    match dataset.place()? {
        PaperPlace::Hall => Some(*hall),
        PaperPlace::Lab => Some(*lab),
    }
}

fn sheet(dataset: Dataset, confi_images: Option<usize>, rows: &[Row]) -> Sheet {
    let has_paper = dataset.place().is_some();
    let line = |method: &String| {
        let needs = needs(rows, method);
        let first = rows.iter().find(|row| row.method == *method && needs.is_none());
        let [low, high] = ends(mean_error(rows, method));
        let mean = match needs {
            Some(needs) => format!("needs {needs}"),
            None => cell(mean_m(rows, method)),
        };
        let mut cells = vec![method.clone(), mean, low, high, cell(std_m(rows, method))];
        if has_paper {
            let paper = paper_numbers(dataset, method);
            let numbers = paper.map(|numbers| numbers.map(cell));
            cells.extend(numbers.unwrap_or_default());
        }
        let images = |row: &Row| match method.as_str() {
            "confi" => format!("{} x {}, of history", words(confi_images), row.support_points),
            _ => format!("{} x {}", row.samples_per_point, row.support_points),
        };
        let steps = first.and_then(|row| row.outer_steps);
        cells.extend([
            first.map_or_else(String::new, images),
            steps.map_or_else(String::new, |n| n.to_string()),
            n_errors(rows, method).to_string(),
        ]);
        cells
    };
    let (samples, errors) =
        if dataset.has_csi() { ("images", "windows") } else { ("scans", "scans located") };
    let measured = ["method", "mean error [m]", "95 % low", "95 % high", "std [m]"];
    let paper = ["paper: mean [m]", "paper: std [m]"].into_iter().filter(|_| has_paper);
    let columns = measured.into_iter().chain(paper).chain([samples, "training steps", errors]);
    Sheet {
        name: format!("table3-{}", dataset.name()),
        title: format!("Errors on {}", dataset.name()),
        columns: columns.map(String::from).collect(),
        rows: names(rows).iter().map(line).collect(),
        is_shown: true,
    }
}

fn claims(
    (name, place): (&str, PaperPlace),
    confi_images: Option<usize>,
    rows: &[Row],
) -> Vec<Claim> {
    let at = |method: &str| mean_m(rows, method);
    let said = |methods: &[&str]| {
        methods.iter().map(|m| format!("{m} {:.2} m", at(m))).collect::<Vec<_>>().join(", ")
    };
    let ours = ["maml-dg", "maml-ts", "maml"];
    let before = |a: &[&str], b: &str| a.iter().map(|m| at(m) < at(b)).collect::<Vec<_>>();
    let mut order = before(&ours, "tl");
    order.push(at("tl") < at("ri"));
    let gap = at("tl") - at("maml");
    let tl = if place == PaperPlace::Hall {
        ("TL is close behind MetaLoc in the hall (0.16 m)", (0.0..CLOSE_M).contains(&gap))
    } else {
        ("TL falls behind in the lab (0.87 m): negative transfer", gap >= CLOSE_M)
    };
    vec![
        Claim::new(
            format!("Table III, {name}: MAML-DG, MAML-TS and MAML before TL before RI"),
            said(&["maml-dg", "maml-ts", "maml", "tl", "ri"]),
            &order,
        ),
        Claim::new(
            format!("Table III, {name}: three images beat KNN with ten"),
            format!(
                "{}; KNN had {} images",
                said(&["maml-dg", "maml-ts", "maml", "hi-knn"]),
                of(rows, "hi-knn").next().map_or(0, |row| row.samples_per_point)
            ),
            &before(&ours, "hi-knn"),
        ),
        Claim::new(
            format!("Table III, {name}: three images beat ConFi with 260 and ILCL with three"),
            format!(
                "{}; ConFi had {} images",
                said(&["maml-dg", "maml-ts", "maml", "confi", "ilcl"]),
                words(confi_images)
            ),
            &[before(&ours, "confi"), before(&ours, "ilcl")].concat(),
        ),
        Claim::new(
            format!("Table III, {name}: MAML-DG has the lowest mean error of its methods"),
            format!("{}; beside the paper's: {}", said(&PAPER.map(|p| p.0)), said(&["1nn", "krr"])),
            // One statement: second best is not the best in part.
            &[PAPER.iter().all(|(m, ..)| at(m).is_nan() || at("maml-dg") <= at(m))],
        ),
        Claim::new(
            format!("Table III, {name}: {}", tl.0),
            format!("TL less MAML: {gap:+.2} m (close: from 0 to {CLOSE_M} m)"),
            &[tl.1],
        ),
    ]
}

pub(super) fn fig12(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let mut result = Reproduction::new(
        Target::Fig12,
        "Distribution of errors of all methods in a new environment",
    );
    for (dataset, rows) in rows(runner)? {
        let name = dataset.name();
        let mut curves: Vec<Curve> = Vec::new();
        for method in names(&rows) {
            let errors_m: Vec<f64> =
                of(&rows, &method).flat_map(|row| row.errors_m.clone()).collect();
            if !errors_m.is_empty() {
                curves.push(Curve { label: method, errors_m });
            }
        }
        result.sheets.push(quantiles(name, &curves));
        let plot = CdfPlot {
            title: format!("Errors on {name}"),
            x_label: "localization error [m]".into(),
            curves,
            x_max: Some(10.0),
        };
        let caption = format!("Share of samples of {name} located within a distance.");
        result.draw(&format!("fig12-{name}"), plot.to_svg()?, &caption);
        let spread = |method: &str| std_m(&rows, method);
        let least =
            names(&rows).into_iter().map(|m| (spread(&m), m)).filter(|(s, _)| s.is_finite());
        let least = least.min_by(|a, b| a.0.total_cmp(&b.0));
        if let (Some((std, method)), true) = (least, dataset.place().is_some()) {
            result.claims.push(Claim::new(
                format!("Fig. 12, {name}: MetaLoc's errors spread less than TL's and RI's"),
                format!(
                    "standard deviations: maml-dg {:.2}, maml {:.2}, tl {:.2}, ri {:.2} m; the least has {method}, \
                     {std:.2} m",
                    spread("maml-dg"),
                    spread("maml"),
                    spread("tl"),
                    spread("ri"),
                ),
                &[spread("maml-dg") < spread("tl"), spread("maml-dg") < spread("ri")],
            ));
            result.claims.push(least_error(name, &rows));
            result.claims.push(Claim::new(
                format!("Table III, {name}: ConFi's errors spread least"),
                format!("confi {:.2} m; the least has {method}, {std:.2} m", spread("confi")),
                &[method == "confi"],
            ));
        }
    }
    Ok(result)
}

/// Where each of the paper's methods' errors begin.
fn least_error(name: &str, rows: &[Row]) -> Claim {
    let least = |method: &str| {
        let errors = of(rows, method).flat_map(|row| row.errors_m.iter().copied());
        errors.min_by(f64::total_cmp)
    };
    let known = PAPER.iter().filter_map(|(method, ..)| Some((*method, least(method)?)));
    let all: Vec<(&str, f64)> = known.collect();
    let said: Vec<String> = all.iter().map(|(method, m)| format!("{method} {m:.2} m")).collect();
    let said = said.join(", ");
    let own = least("confi");
    let is_above = |(method, m)| method == "confi" || own.is_some_and(|own| own > m);
    Claim::new(
        format!("Fig. 12, {name}: ConFi's least error (1.8 m) is above that of any other method"),
        format!("least errors: {said}"),
        &[all.into_iter().all(is_above)],
    )
}

/// Errors by method at each percent.
fn quantiles(place: &str, curves: &[Curve]) -> Sheet {
    let sorted: Vec<Vec<f64>> = curves
        .iter()
        .map(|curve| {
            let mut errors = curve.errors_m.clone();
            errors.sort_unstable_by(f64::total_cmp);
            errors
        })
        .collect();
    let at = |errors: &[f64], percent: usize| errors[(errors.len() - 1) * percent / 100];
    let row = |percent: usize| {
        let values = sorted.iter().map(|errors| format!("{:.3}", at(errors, percent)));
        std::iter::once(percent.to_string()).chain(values).collect()
    };
    let labels = curves.iter().map(|curve| format!("{} [m]", curve.label));
    Sheet {
        name: format!("fig12-{place}"),
        title: format!("Percentiles of the errors on {place}"),
        columns: std::iter::once("percent".to_owned()).chain(labels).collect(),
        rows: (0..=100).map(row).collect(),
        is_shown: false,
    }
}
