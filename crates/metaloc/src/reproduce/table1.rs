//! Table I with numbers: every method on every data set, where the paper could only list what each had
//! published on data of its own ("cannot be fairly compared due to the different datasets").
//!
//! Recordings of channel state information have strengths too: methods on RSS see a scan for each window
//! ([`super::window_strengths`]). Sets of scans alone have nothing for methods on channel state information.

use std::collections::{BTreeMap, BTreeSet};

use super::by_method::{bars, cell, mean_error, n_errors, needs, std_m};
use super::output::{Reproduction, Sheet};
use super::runner::{CSI, Runner};
use super::variants::as_it_is;
use super::{Claim, Dataset, Target, fig14, table3};
use crate::error::Error;
use crate::evaluate::{DataSource, Estimate, MethodConfig, Protocol, Row, Selection};

/// A line: the method's name in the table, and what it is called on channel state information and on RSS.
struct Line {
    name: &'static str,
    csi: Option<&'static str>,
    rss: Option<&'static str>,
}

const fn both(name: &'static str, csi: &'static str, rss: &'static str) -> Line {
    Line { name, csi: Some(csi), rss: Some(rss) }
}

const fn csi(name: &'static str, csi: &'static str) -> Line {
    Line { name, csi: Some(csi), rss: None }
}

const fn rss(name: &'static str, rss: &'static str) -> Line {
    Line { name, csi: None, rss: Some(rss) }
}

/// MetaLoc first, then the paper's Table I, then simple methods that nobody should leave out.
const LINES: [Line; 24] = [
    both("MetaLoc: MAML", "maml", "maml"),
    both("MetaLoc: MAML-TS", "maml-ts", "maml-ts"),
    both("MetaLoc: MAML-DG", "maml-dg", "maml-dg"),
    both("auto (ours, not the paper's)", "auto", "auto"),
    both("TL", "tl", "tl"),
    both("RI", "ri", "ri"),
    rss("RADAR [15]", "radar-support"),
    rss("Horus [16]", "horus-support"),
    rss("TransLoc-like [25]", "transloc-like"),
    rss("ViVi-like [26]", "vivi-like-support"),
    rss("AcMu-like [27]", "acmu-like"),
    rss("DFPS [28]", "dfps-support"),
    csi("FILA-like [29]", "fila-like"),
    csi("DeepFi [30]", "deepfi"),
    csi("CiFi [31]", "cifi"),
    csi("ConFi [32], as the paper runs it", "confi"),
    csi("CRISLoc-like [33]", "crisloc-like"),
    csi("Fidora-like [34]", "fidora-like"),
    csi("DAFI-like [35]", "dafi-like"),
    csi("ILCL [36]", "ilcl"),
    csi("KNN of images (the paper's)", "hi-knn"),
    csi("1NN of mean spectra", "1nn"),
    csi("kernel ridge regression", "krr"),
    rss("WKNN, old maps too", "wknn-both"),
];

/// The data sets that anybody can have; the paper's pictures are compared on if asked for.
const EVERYWHERE: [Dataset; 6] = [
    Dataset::Hall,
    Dataset::Lab,
    Dataset::PolyU,
    Dataset::Csu,
    Dataset::Uji,
    Dataset::UjiIndoorLoc,
];

/// MetaLoc's lines.
const OURS: std::ops::Range<usize> = 0..3;
/// What we recommend: the best of many candidates by historical environments, which the paper doesn't have.
const AUTO: usize = 3;
/// Those of the paper's Table I.
const TABLE_I: std::ops::Range<usize> = 8..20;
/// Behind numbers with settings that nobody chose for the data set.
const NOT_CHOSEN: &str = "*";

/// What a cell says.
enum Cell {
    Number { estimate: Estimate, std_m: f64, n: usize, is_chosen: bool },
    Needs(String),
}

impl Cell {
    fn words(&self) -> String {
        match self {
            Self::Number { estimate: Estimate { value, low, high }, is_chosen, .. } => {
                let mark = if *is_chosen { "" } else { NOT_CHOSEN };
                format!("{value:.2} ({low:.2}-{high:.2}){mark}")
            }
            Self::Needs(what) => format!("needs {what}"),
        }
    }

    fn value(&self) -> Option<f64> {
        match self {
            Self::Number { estimate, .. } => Some(estimate.value),
            Self::Needs(_) => None,
        }
    }
}

/// A method on recordings, with the input that it asks for.
fn on_recordings(runner: &Runner<'_>, name: &'static str) -> Vec<MethodConfig> {
    let quantity = match name {
        "deepfi" | "fila-like" | "crisloc-like" => "amplitude",
        "cifi" => "phase-difference",
        _ => return fig14::with_steps(runner, name),
    };
    let mut method = as_it_is(name);
    let window = toml::Table::from_iter([("quantity".to_owned(), quantity.into())]);
    let csi = toml::Table::from_iter([("window".to_owned(), window.into())]);
    method.learning.insert("csi".into(), csi.into());
    vec![method]
}

/// Whether settings of a method, or of the one that it is like, were chosen on historical environments.
fn has_chosen_settings(protocol: &Protocol, selection: &Selection, method: &str) -> bool {
    let of = |name: &str| selection.choices.iter().any(|choice| choice.method == name);
    let own = protocol.methods.iter().find(|own| own.name == method);
    of(method) || own.and_then(|own| own.like.as_deref()).is_some_and(of)
}

/// The cells of a data set, line by line.
fn cells(runner: &mut Runner<'_>, dataset: Dataset) -> Result<(Vec<Cell>, Vec<Row>), Error> {
    let name = table3::protocol_name(dataset);
    let on_csi = |line: &Line| dataset.has_csi().then_some(line.csi).flatten();
    let on_rss = |line: &Line| if on_csi(line).is_some() { None } else { line.rss };
    let mut rows = Vec::new();
    if dataset.has_csi() {
        let names = LINES.iter().filter_map(on_csi);
        let methods = names.flat_map(|name| on_recordings(runner, name)).collect();
        rows = runner.rows(dataset, &name, methods)?;
        rows.retain(|row| !fig14::is_variant(row));
    }
    let of_rss = LINES.iter().filter_map(on_rss).map(as_it_is).collect();
    let of_rss = runner.rows_on_strengths(dataset, &format!("{name}-rss"), of_rss)?;
    let no_strengths = of_rss.as_ref().err().cloned();
    let (of_rss, chosen_on_rss) = of_rss.unwrap_or_default();
    rows.extend(of_rss);
    let protocol = dataset.protocol()?;
    let is_chosen = |line: &Line, method: &str| {
        let on_csi = on_csi(line).is_some();
        let selection = if on_csi { &protocol.selection } else { &chosen_on_rss };
        let chooses = rows.iter().any(|row| row.method == method && row.chosen.is_some());
        chooses || has_chosen_settings(&protocol, selection, method)
    };
    let cell = |line: &Line| {
        let Some(method) = on_csi(line).or(on_rss(line)) else {
            return Cell::Needs(CSI.into());
        };
        match mean_error(&rows, method) {
            Some(estimate) => {
                let (std_m, n) = (std_m(&rows, method), n_errors(&rows, method));
                Cell::Number { estimate, std_m, n, is_chosen: is_chosen(line, method) }
            }
            None => {
                let needs = needs(&rows, method).or(no_strengths.clone());
                Cell::Needs(needs.unwrap_or("what is not here".into()))
            }
        }
    };
    let cells = LINES.iter().map(cell).collect();
    Ok((cells, rows))
}

/// The data sets to compare on, and the real ones that are not there.
fn datasets(runner: &Runner<'_>) -> Result<(Vec<Dataset>, Vec<Dataset>), Error> {
    if let Some(dataset) = runner.settings.dataset {
        return Ok((vec![dataset], Vec::new()));
    }
    let folder = &runner.settings.data_folder;
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    // Quick: one simulated place of two.
    let is_run = |dataset: &Dataset| !(runner.settings.quick && *dataset == Dataset::Hall);
    for dataset in EVERYWHERE.into_iter().filter(is_run) {
        let place = match dataset.protocol()?.data {
            DataSource::Survey(data) => data.format.place(folder, &data.path),
            DataSource::Csi(data) => data.format.place(folder, &data.path),
            DataSource::Toy(_) => continue,
        };
        let is_there = dataset.is_simulated() || place.exists();
        if is_there { &mut there } else { &mut missing }.push(dataset);
    }
    Ok((there, missing))
}

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let title = "Table I with numbers: every method on every data set";
    let mut result = Reproduction::new(Target::Table1, title);
    let (datasets, missing) = datasets(runner)?;
    let mut columns = Vec::new();
    for dataset in datasets {
        let (cells, rows) = cells(runner, dataset)?;
        let name = dataset.name();
        let caption = format!(
            "Mean errors of every method that can run on {name}. Blue, sky and purple: MetaLoc; orange: nearest \
             neighbours and maps of strengths; green: networks trained conventionally, maps with history; yellow: \
             channels compared or regressed."
        );
        result.draw(
            &format!("table1-{name}"),
            bars(format!("Methods on {name}"), &rows)?,
            &caption,
        );
        result.claims.extend(claim(dataset, &cells, &taken(&rows)));
        columns.push((dataset, cells));
    }
    result.sheets.push(overview(&columns, &missing));
    result.sheets.push(details(&columns));
    Ok(result)
}

/// One line a method, one column a data set.
fn overview(columns: &[(Dataset, Vec<Cell>)], missing: &[Dataset]) -> Sheet {
    let names = columns.iter().map(|(dataset, _)| format!("{} [m]", dataset.name()));
    let absent = missing.iter().map(|dataset| format!("{} [m]", dataset.name()));
    let line = |(index, line): (usize, &Line)| {
        let cells = columns.iter().map(|(_, cells)| cells[index].words());
        let absent = missing.iter().map(|_| "needs the data set, not found".to_owned());
        std::iter::once(line.name.to_owned()).chain(cells).chain(absent).collect()
    };
    Sheet {
        name: "table1".into(),
        title: format!(
            "Mean errors with 95 % intervals, over environments, places in them and seeds. {NOT_CHOSEN}: settings are \
             the paper's, the publication's or defaults; of other methods some were chosen on historical environments"
        ),
        columns: std::iter::once("method".to_owned()).chain(names).chain(absent).collect(),
        rows: LINES.iter().enumerate().map(line).collect(),
        is_shown: true,
    }
}

/// One row a method and data set.
fn details(columns: &[(Dataset, Vec<Cell>)]) -> Sheet {
    let row = |(dataset, index): (&(Dataset, Vec<Cell>), usize)| {
        let line = &LINES[index];
        let numbers = match &dataset.1[index] {
            Cell::Number { estimate: Estimate { value, low, high }, std_m, n, is_chosen } => {
                let numbers = [*value, *low, *high, *std_m].map(cell).into_iter();
                let settings = if *is_chosen { "chosen" } else { "fixed" };
                let rest = [n.to_string(), settings.into(), String::new()];
                numbers.chain(rest).collect::<Vec<_>>()
            }
            Cell::Needs(what) => {
                (0..6).map(|_| String::new()).chain([format!("needs {what}")]).collect()
            }
        };
        let on_csi = dataset.0.has_csi() && line.csi.is_some();
        let method = if on_csi { line.csi } else { line.rss.or(line.csi) };
        let input = if on_csi || line.rss.is_none() { "CSI" } else { "RSS" };
        let names = [line.name, method.unwrap_or_default(), input, dataset.0.name()];
        names.map(str::to_owned).into_iter().chain(numbers).collect()
    };
    let columns_of = [
        "method",
        "name in protocols",
        "input",
        "data set",
        "mean error [m]",
        "95 % low [m]",
        "95 % high [m]",
        "std [m]",
        "samples",
        "settings",
        "needs",
    ];
    Sheet {
        name: "table1-details".into(),
        title: "Every method on every data set".into(),
        columns: columns_of.map(String::from).into(),
        rows: columns.iter().flat_map(|c| (0..LINES.len()).map(move |i| row((c, i)))).collect(),
        is_shown: false,
    }
}

/// What `auto` took, most often first, with the number of splits and seeds.
fn taken(rows: &[Row]) -> String {
    let trainings: BTreeSet<(&str, u64, &str)> = rows
        .iter()
        .filter(|row| row.method == LINES[AUTO].csi.unwrap_or_default())
        .filter_map(|row| Some((&*row.split, row.seed, row.chosen.as_deref()?)))
        .collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, _, name) in trainings {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    counts.iter().map(|(name, n)| format!("{name} ({n})")).collect::<Vec<_>>().join(", ")
}

/// MetaLoc against the methods of Table I that run on a data set; `taken` tells what `auto` took.
///
/// Nothing is claimed where there are none of either.
fn claim(dataset: Dataset, cells: &[Cell], taken: &str) -> Option<Claim> {
    let least = |lines: Vec<usize>| {
        let known = lines.into_iter().filter_map(|at| Some((cells[at].value()?, LINES[at].name)));
        known.min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let (ours, others) = (least(OURS.collect())?, least(TABLE_I.collect())?);
    let beside = least((AUTO + 1..TABLE_I.start).chain(TABLE_I.end..LINES.len()).collect());
    let auto = least(vec![AUTO]);
    let words = |(m, name): (f64, &str)| format!("{name} {m:.2} m");
    let mut measured = vec![words(ours), format!("the best of Table I: {}", words(others))];
    measured.extend(beside.map(|found| format!("the best of the rest: {}", words(found))));
    let took = if taken.is_empty() { String::new() } else { format!(", which took {taken}") };
    measured.extend(auto.map(|found| words(found) + &took));
    Some(Claim::new(
        format!(
            "Sections I and IV, {}: MetaLoc is more accurate than the methods of Table I",
            dataset.name()
        ),
        measured.join("; "),
        &[ours.0 < others.0],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> Cell {
        let estimate = Estimate { value, low: value, high: value };
        Cell::Number { estimate, std_m: 0.0, n: 1, is_chosen: true }
    }

    #[test]
    fn the_ranges_name_what_they_say() {
        assert!(OURS.map(|at| LINES[at].name).all(|name| name.starts_with("MetaLoc")));
        assert!(LINES[AUTO].name.starts_with("auto") && !OURS.contains(&AUTO));
        let of_table: Vec<&str> = TABLE_I.map(|at| LINES[at].name).collect();
        assert!(of_table.iter().all(|name| name.contains('[')), "{of_table:?}");
        assert!(of_table[0].contains("[25]") && of_table[of_table.len() - 1].contains("[36]"));
    }

    #[test]
    fn what_auto_took_counts_by_training() {
        let row = |seed, draw, chosen: &str| Row {
            method: "auto".into(),
            chosen: Some(chosen.into()),
            draw: Some(draw),
            seed,
            ..Row::default()
        };
        let rows = [row(1, 0, "b"), row(1, 1, "b"), row(2, 0, "a"), row(3, 0, "a")];
        assert_eq!(taken(&rows), "a (2), b (1)");
    }

    #[test]
    fn the_best_of_each_kind_is_compared() {
        let of = |at: usize| match at {
            1 => number(2.0),
            8 => number(1.5),
            _ => Cell::Needs("more".into()),
        };
        let cells = |of: &dyn Fn(usize) -> Cell| (0..LINES.len()).map(of).collect::<Vec<_>>();
        let lost = claim(Dataset::Lab, &cells(&of), "").unwrap();
        assert_eq!(lost.verdict.words(), "does not hold here");
        assert!(lost.measured.contains("MAML-TS 2.00 m") && lost.measured.ends_with("[25] 1.50 m"));
        let better = |at: usize| match at {
            1 => number(1.4),
            AUTO => number(1.0),
            _ => of(at),
        };
        let won = claim(Dataset::Lab, &cells(&better), "x (1)").unwrap();
        assert_eq!(won.verdict.words(), "holds");
        assert!(won.measured.ends_with("1.00 m, which took x (1)"), "{}", won.measured);
        // Without an opponent there is nothing to say.
        let alone = |at: usize| if at == 2 { number(2.0) } else { Cell::Needs("more".into()) };
        assert!(claim(Dataset::Lab, &cells(&alone), "").is_none());
    }
}
