//! `metaloc evaluate`.

use metaloc::evaluate::{
    self, Choice, DataSource, Overrides, Paired, Protocol, REFERENCE, Row, SummaryRow,
};

use crate::args::Evaluate;
use crate::interrupt;
use crate::output::{Output, markdown, table};
use crate::progress::EvaluationProgress;

pub(crate) fn run(args: &Evaluate, quiet: bool) -> anyhow::Result<()> {
    let protocol = Protocol::read(&args.protocol)?;
    let (historical, new) = (args.historical.clone(), args.new.clone());
    let overrides = Overrides { historical, new, chosen: args.methods.clone() };
    let output = Output::new(&args.json);
    let interrupt = interrupt::watch()?;
    if args.select {
        let mut progress = EvaluationProgress::new(&interrupt, quiet);
        let (selection, tried) =
            evaluate::select(&protocol, &args.data, &overrides, &mut progress)?;
        drop(progress);
        let path = Protocol::selected_path(&args.protocol);
        metaloc::model_file::write_beside(&path, selection.to_toml()?.as_bytes())?;
        output.say(choices(&tried, &selection.choices))?;
        output.say(format!("\nchosen settings written to {}", path.display()))?;
        return output.rows(&tried);
    }
    let mut progress = EvaluationProgress::new(&interrupt, quiet);
    let evaluation = evaluate::run(&protocol, &args.data, &overrides, &mut progress)?;
    drop(progress);
    let summary = evaluate::summarize(&evaluation.rows);
    output.say(format!("{}: {}\n", protocol.name, protocol.title))?;
    if args.rows {
        output.say(row_table(&evaluation.rows))?;
    }
    output.say(summary_text((&evaluation.rows, &summary), table))?;
    output.say(footer(&protocol, &evaluation))?;
    if let Some(path) = &args.markdown {
        let footer = footer(&protocol, &evaluation);
        let text = format!("{}\n{footer}\n", summary_text((&evaluation.rows, &summary), markdown));
        metaloc::model_file::write_beside(path, text.as_bytes())?;
    }
    output.rows(&evaluation.rows)
}

type Table = fn(&[&str], &[Vec<String>]) -> String;

/// One table a split, kind of floors and support size.
pub(crate) fn summary_text((rows, summary): (&[Row], &[SummaryRow]), table: Table) -> String {
    let mut text = String::new();
    let groups = summary.chunk_by(|a, b| {
        (&a.split, &a.floors, a.support_points) == (&b.split, &b.floors, b.support_points)
    });
    for group in groups {
        text += &match group.iter().any(|row| row.accuracy.is_some()) {
            true => accuracy_text(group, table),
            false => error_text(group, table),
        };
        text += &regret_text(group);
    }
    text += &mean_over_splits(rows, summary, table);
    text.trim_end().to_owned()
}

/// The table of methods that answer with coordinates.
fn error_text(group: &[SummaryRow], table: Table) -> String {
    let first = &group[0];
    let best = group.iter().map(|row| row.mean_m).fold(f64::INFINITY, f64::min);
    let with_floors = group.iter().any(|row| row.floor_accuracy.is_some());
    let with_reference = has_reference(group);
    let mut headers =
        vec!["method", "mean m", "seeds' range", "median m", "p90 m", "P(<5 m)", "pooled m", "n"];
    if with_floors {
        headers.push("floor right");
    }
    if with_reference {
        headers.push(LESS_REFERENCE);
    }
    let rows: Vec<Vec<String>> = group
        .iter()
        .map(|row| {
            if let Some(cells) = needs_cells(row, headers.len()) {
                return cells;
            }
            let mark = if row.mean_m <= best { " *" } else { "" };
            let (low, high) = row.seed_range_m;
            let mut cells = vec![
                format!("{}{mark}", row.method),
                format!("{:.2}", row.mean_m),
                format!("{low:.2}..{high:.2}"),
                format!("{:.2}", row.median_m),
                format!("{:.2}", row.p90_m),
                format!("{:.3}", row.p_below_5m),
                format!("{:.2}", row.pooled_mean_m),
                row.pooled_n.to_string(),
            ];
            cells.extend(row.floor_accuracy.map(|share| format!("{:.1} %", 100.0 * share)));
            cells.extend(with_reference.then(|| less_reference(row.paired.as_ref(), 2)));
            cells
        })
        .collect();
    let points = first.support_points;
    format!(
        "split {}, floors {}, {points} points a floor (* best)\n\n{}\n\n",
        first.split,
        first.floors,
        table(&headers, &rows)
    )
}

/// The line of a method that can't run here: what it needs, in place of figures.
fn needs_cells(row: &SummaryRow, columns: usize) -> Option<Vec<String>> {
    let needs = row.needs.as_ref()?;
    let mut cells = vec![row.method.clone(), format!("needs {needs}")];
    cells.resize(columns, String::new());
    Some(cells)
}

/// How much worse the chosen starts were than the best ones, where methods have several.
fn regret_text(group: &[SummaryRow]) -> String {
    let of = |row: &SummaryRow| Some(format!("{} {:.3} m", row.method, row.regret_m?));
    let all: Vec<String> = group.iter().filter_map(of).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!("regret of the chosen start against the best one: {}\n\n", all.join(", ")),
    }
}

/// Heading of the differences.
const LESS_REFERENCE: &str = "less `auto` (95 %)";

fn has_reference(group: &[SummaryRow]) -> bool {
    group.iter().any(|row| row.paired.is_some())
}

/// A difference with its interval.
fn less_reference(paired: Option<&Paired>, digits: usize) -> String {
    paired.map_or(String::new(), |paired| {
        let (low, high) = paired.interval;
        format!("{:+.digits$} ({low:+.digits$}..{high:+.digits$})", paired.difference)
    })
}

/// Accuracies and errors averaged over splits, where there are several.
fn mean_over_splits(results: &[Row], summary: &[SummaryRow], table: Table) -> String {
    let splits: std::collections::BTreeSet<&str> =
        summary.iter().map(|row| row.split.as_str()).collect();
    if splits.len() < 2 || summary.iter().all(|row| row.accuracy.is_none()) {
        return String::new();
    }
    let mut methods: Vec<&str> = Vec::new();
    for row in summary {
        if !methods.contains(&row.method.as_str()) {
            methods.push(&row.method);
        }
    }
    let of = |method: &str| results.iter().filter(|row| row.method == method).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = methods
        .iter()
        .map(|method| {
            let own: Vec<_> = summary.iter().filter(|row| row.method == *method).collect();
            if let Some(cells) = own.iter().find_map(|row| needs_cells(row, 4)) {
                return cells;
            }
            let n = own.len() as f64;
            let mean = |pick: &dyn Fn(&SummaryRow) -> f64| {
                own.iter().map(|row| pick(row)).sum::<f64>() / n
            };
            vec![
                (*method).to_owned(),
                format!("{:.3}", mean(&|row| row.accuracy.unwrap_or(0.0))),
                format!("{:.3}", mean(&|row| row.mean_m)),
                match *method == REFERENCE {
                    true => String::new(),
                    false => {
                        less_reference(evaluate::paired(&of(method), &of(REFERENCE)).as_ref(), 3)
                    }
                },
            ]
        })
        .collect();
    let headers = ["method", "accuracy", "mean m", LESS_REFERENCE];
    let shown = if of(REFERENCE).is_empty() { 3 } else { 4 };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row[..shown].to_vec()).collect();
    format!("mean over the {} splits\n\n{}\n\n", splits.len(), table(&headers[..shown], &rows))
}

/// The table of methods that name a point.
fn accuracy_text(group: &[SummaryRow], table: Table) -> String {
    let best = group.iter().filter_map(|row| row.accuracy).fold(0.0, f64::max);
    let mut headers =
        vec!["method", "accuracy", "seeds' range", "mean m", "p90 m", "pooled m", "n", "adapt ms"];
    let with_reference = has_reference(group);
    if with_reference {
        headers.push(LESS_REFERENCE);
    }
    let rows: Vec<Vec<String>> = group
        .iter()
        .map(|row| {
            if let Some(cells) = needs_cells(row, headers.len()) {
                return cells;
            }
            let accuracy = row.accuracy.unwrap_or(0.0);
            let (low, high) = row.accuracy_range.unwrap_or((accuracy, accuracy));
            let mut cells = vec![
                format!("{}{}", row.method, if accuracy >= best { " *" } else { "" }),
                format!("{accuracy:.3}"),
                format!("{low:.3}..{high:.3}"),
                format!("{:.3}", row.mean_m),
                format!("{:.3}", row.p90_m),
                format!("{:.3}", row.pooled_mean_m),
                row.pooled_n.to_string(),
                row.adapt_ms.map_or(String::new(), |ms| format!("{ms:.1}")),
            ];
            cells.extend(with_reference.then(|| less_reference(row.paired.as_ref(), 3)));
            cells
        })
        .collect();
    format!(
        "split {}, {} points (* best)\n\n{}\n\n",
        group[0].split,
        group[0].support_points,
        table(&headers, &rows)
    )
}

fn row_table(rows: &[Row]) -> String {
    let headers = ["split", "environment", "points", "seed", "method", "n", "mean m", "median m"];
    let figure = |m: f64| format!("{m:.2}");
    let cells = rows.iter().map(|row| {
        vec![
            row.split.clone(),
            row.environment.clone(),
            row.support_points.to_string(),
            row.seed.to_string(),
            row.method.clone(),
            row.errors.n.to_string(),
            row.needs.as_ref().map_or(figure(row.errors.mean_m), |needs| format!("needs {needs}")),
            row.needs.as_ref().map_or(figure(row.errors.median_m), |_| String::new()),
        ]
    });
    format!("{}\n", table(&headers, &cells.collect::<Vec<_>>()))
}

fn footer(protocol: &Protocol, evaluation: &evaluate::Evaluation) -> String {
    let data_hash = evaluation.rows.first().map_or("", |row| row.data_hash.as_str());
    let seeds: Vec<String> = protocol.seeds.iter().map(u64::to_string).collect();
    let version = env!("CARGO_PKG_VERSION");
    let mut text =
        format!("\nmetaloc {version}; seeds {}; data hash {data_hash:.16}", seeds.join(", "));
    if let DataSource::Survey(_) | DataSource::Csi(_) = protocol.data {
        let of = &evaluation.provenance;
        text += &format!("\n\ndata: {}; licence: {}", of.citation, of.licence);
    }
    text
}

fn choices(tried: &[Choice], chosen: &[Choice]) -> String {
    let rows: Vec<Vec<String>> = tried
        .iter()
        .map(|candidate| {
            let mark = if chosen.contains(candidate) { "chosen" } else { "" };
            let settings: Vec<String> = candidate
                .settings
                .iter()
                .map(|(name, value)| format!("{name} = {value}"))
                .collect();
            vec![
                candidate.split.clone(),
                candidate.method.clone(),
                candidate.accuracy.map_or(String::new(), |share| format!("{share:.3}")),
                format!("{:.3}", candidate.mean_m),
                settings.join(", "),
                mark.to_owned(),
            ]
        })
        .collect();
    table(&["split", "method", "accuracy", "mean m", "settings", ""], &rows)
}
