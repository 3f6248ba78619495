//! What the authors' released code does differently from the paper, and what that changes.
//!
//! Three switches: the similarity of images that candidates are chosen by, the weights of the centroid, and
//! MAML-DG's inner start with the tasks that never change. Everything else is Table III's. Other data sets than the
//! paper's places have the last alone: nothing is chosen by images there.

use super::by_method::{bars, cell, ends, mean_error, mean_m, n_errors};
use super::output::{Reproduction, Sheet};
use super::runner::Runner;
use super::variants::as_it_is;
use super::{Claim, Dataset, Target, fig14, table3};
use crate::error::Error;
use crate::evaluate::{MethodConfig, Row};

const MAML: &str = "maml";
const SIMILARITY: &str = "maml:released-similarity";
const WEIGHTS: &str = "maml:released-weights";
const BOTH: &str = "maml:released";
const DG: &str = "maml-dg";
const DG_RELEASED: &str = "maml-dg:released";

/// What each differs in, and from which.
const SWITCHES: [(&str, &str, &str); 4] = [
    (SIMILARITY, MAML, "candidates by the sum of min/max over unlike bins instead of Eq. (2)"),
    (WEIGHTS, MAML, "centroid weighted by class numbers instead of probabilities"),
    (BOTH, MAML, "both of them"),
    (
        DG_RELEASED,
        DG,
        "MAML-DG starts the second environment's tasks from theta, and the first's are always the same",
    ),
];

/// Variants of one of Table III's methods that take its training.
pub(super) fn variants(name: &str) -> Vec<MethodConfig> {
    if name != MAML {
        return Vec::new();
    }
    let released = || toml::Value::from("as-released");
    let variant = |name: &str, keys: &[&str]| {
        let settings = keys.iter().map(|key| ((*key).to_owned(), released()));
        let csi = toml::Table::from_iter(settings);
        MethodConfig {
            name: name.to_owned(),
            like: Some(MAML.to_owned()),
            learning: toml::Table::from_iter([("csi".to_owned(), csi.into())]),
            ..MethodConfig::default()
        }
    };
    vec![
        variant(SIMILARITY, &["similarity"]),
        variant(WEIGHTS, &["weights"]),
        variant(BOTH, &["similarity", "weights"]),
    ]
}

/// MAML-DG as released: a training of its own.
fn dg() -> MethodConfig {
    let reading = toml::Table::from_iter([("reading".to_owned(), "as-released".into())]);
    let variants = toml::Table::from_iter([("maml-dg".to_owned(), toml::Value::from(reading))]);
    MethodConfig {
        name: DG_RELEASED.to_owned(),
        like: Some(DG.to_owned()),
        learning: toml::Table::from_iter([("variants".to_owned(), variants.into())]),
        ..MethodConfig::default()
    }
}

/// The switches that change something on a data set: images are compared in the paper's places alone.
fn switches(dataset: Dataset) -> &'static [(&'static str, &'static str, &'static str)] {
    if dataset.place().is_some() { &SWITCHES } else { &SWITCHES[SWITCHES.len() - 1..] }
}

/// Rows of the methods and of the methods as released, in a data set.
fn rows(runner: &mut Runner<'_>, dataset: Dataset) -> Result<Vec<Row>, Error> {
    let paper = [MAML, DG].iter().flat_map(|name| fig14::with_steps(runner, name)).collect();
    let mut rows = runner.rows(dataset, &table3::protocol_name(dataset), paper)?;
    let name = format!("released-{}", dataset.name());
    // MAML-DG may be like MAML.
    let methods = [as_it_is(MAML), as_it_is(DG), dg()];
    rows.extend(runner.rows_of(dataset, &name, &methods, &[DG_RELEASED])?);
    let compared = switches(dataset).iter().flat_map(|(name, like, _)| [*name, *like]);
    let compared: Vec<&str> = compared.collect();
    rows.retain(|row| compared.contains(&&*row.method));
    Ok(rows)
}

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let title = "What the released code does differently, and what that changes";
    let mut result = Reproduction::new(Target::Released, title);
    for dataset in runner.places() {
        let rows = rows(runner, dataset)?;
        let name = dataset.name();
        let caption = format!("Mean errors on {name}, by the paper and as released.");
        let plot = bars(format!("The paper and the released code on {name}"), &rows)?;
        result.draw(&format!("released-{name}"), plot, &caption);
        result.sheets.push(sheet(dataset, &rows));
        result.claims.push(claim(dataset, &rows));
    }
    Ok(result)
}

fn sheet(dataset: Dataset, rows: &[Row]) -> Sheet {
    let line = |&(name, like, what): &(&str, &str, &str)| {
        let [low, high] = ends(mean_error(rows, name));
        let (error_m, paper_m) = (mean_m(rows, name), mean_m(rows, like));
        let numbers = [cell(paper_m), cell(error_m), low, high, cell(error_m - paper_m)];
        let n = n_errors(rows, name).to_string();
        [name.to_owned(), what.to_owned()].into_iter().chain(numbers).chain([n]).collect()
    };
    let columns = [
        "method",
        "as released",
        "by the paper [m]",
        "as released [m]",
        "95 % low [m]",
        "95 % high [m]",
        "difference [m]",
        "samples",
    ];
    Sheet {
        name: format!("released-{}", dataset.name()),
        title: format!("By the paper and as released, {}", dataset.name()),
        columns: columns.map(String::from).into(),
        rows: switches(dataset).iter().map(line).collect(),
        is_shown: true,
    }
}

/// Differences this small change nothing that the paper says (m).
const LITTLE_M: f64 = 0.1;

fn claim(dataset: Dataset, rows: &[Row]) -> Claim {
    let change = |&(name, like, _): &(&str, &str, &str)| mean_m(rows, name) - mean_m(rows, like);
    let switches = switches(dataset).iter();
    let words = switches.clone().map(|switch| format!("{} {:+.2} m", switch.0, change(switch)));
    Claim::new(
        format!(
            "The released code is what the paper describes, {}: nothing changes by more than {LITTLE_M} m",
            dataset.name()
        ),
        words.collect::<Vec<_>>().join(", "),
        &switches.map(|switch| change(switch).abs() <= LITTLE_M).collect::<Vec<_>>(),
    )
}
