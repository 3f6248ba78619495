//! Does training in simulated environments help in real ones? The question of the paper's Fig. 11.
//!
//! `METALOC_DATA=DATA cargo run --release -p metaloc --example simulated_to_real -- FOLDER` learns from real,
//! simulated and both kinds of history, tests on real surveys, prints the tables of docs/simulator.md and
//! draws its bars into the folder, which must exist. A second argument is the number of iterations. It takes
//! 13 minutes of processor time.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use metaloc::Error;
use metaloc::evaluate::{
    DataSource, EvaluationObserver, Floors, MethodConfig, Protocol, Row, Split, SurveyData,
    run_on_survey,
};
use metaloc::report::{Bar, BarPlot, svg_to_png};
use metaloc::survey::{Survey, SurveyFormat, is_one_of};

const SEEDS: [u64; 3] = [1, 2, 3];
/// Updates of the meta-parameters, for every history alike; the protocols' tables have 3000.
const ITERATIONS: i64 = 1000;
/// Steps of the curve over adaptation.
const STEPS: [i64; 5] = [0, 1, 5, 20, 50];
/// The simulated surveys.
const SIMULATED: [&str; 2] = ["ray-traced-six", "path-loss-twelve"];
const REAL: &str = "real";
/// What is learnt from: its name, whether real, and which simulated surveys.
const HISTORIES: [(&str, bool, &[&str]); 5] = [
    (REAL, true, &[]),
    ("ray-traced", false, &[SIMULATED[0]]),
    ("path-loss", false, &[SIMULATED[1]]),
    ("ray-traced + path-loss", false, &SIMULATED),
    ("real + simulated", true, &SIMULATED),
];
/// The protocols, and the names of their pictures.
const FILES: [(&str, &str); 2] = [
    ("experiments/uji-ageing.toml", "simulated-to-real.png"),
    ("experiments/ujiindoorloc-transfer.toml", "simulated-to-real-floors.png"),
];

type Failure = Box<dyn std::error::Error>;

/// Says how far it is.
struct Progress(Instant);

impl EvaluationObserver for Progress {
    fn stage(&mut self, done: usize, total: usize, what: &str) -> ControlFlow<()> {
        eprintln!("{:.0} s: {what} ({done} of {total} done)", self.0.elapsed().as_secs_f64());
        ControlFlow::Continue(())
    }
}

/// A protocol on real data, with the simulated environments beside the real ones.
struct Study {
    protocol: Protocol,
    data: SurveyData,
    survey: Survey,
    /// Environments of the real data.
    real: Vec<String>,
    simulated: BTreeMap<&'static str, Vec<String>>,
}

fn load_simulated() -> Result<Vec<(&'static str, Survey)>, Error> {
    let load = |name: &'static str| {
        let path = PathBuf::from(format!("scenarios/{name}.toml"));
        Ok((name, SurveyFormat::Scenario.load(&path, None, None)?))
    };
    SIMULATED.into_iter().map(load).collect()
}

impl Study {
    fn new(
        file: &str,
        folder: &Path,
        simulated: &[(&'static str, Survey)],
    ) -> Result<Self, Failure> {
        let mut protocol = Protocol::read(Path::new(file))?;
        protocol.seeds = SEEDS.to_vec();
        let DataSource::Survey(data) = &protocol.data else {
            return Err("a protocol on a survey is wanted".into());
        };
        let mut data = data.clone();
        data.floors = vec![Floors::Apart];
        let by = data.environment_by.as_deref();
        let mut survey = data.format.load(&data.format.place(folder, &data.path), by, None)?;
        let named = |split: &Split| [&split.historical[..], &split.new[..]].concat();
        let wanted: Vec<String> = protocol.splits.iter().flat_map(named).collect();
        survey.environments.retain(|e| wanted.iter().any(|w| w == "*" || *w == e.name));
        let real = survey.environments.iter().map(|e| e.name.clone()).collect();
        println!("data of {}: {}", protocol.name, survey.content_hash());
        let mut added = BTreeMap::new();
        for (name, more) in simulated {
            survey.add_environments(more)?;
            let names = more.environments.iter().map(|e| e.name.clone());
            added.insert(*name, names.collect());
        }
        if !data.historical_sets.iter().any(|set| set == "training") {
            data.historical_sets.push("training".into());
        }
        Ok(Self { protocol, data, survey, real, simulated: added })
    }

    /// Environments of a history, where `split` says which are new.
    fn environments(&self, split: &Split, (real, simulated): (bool, &[&str])) -> Vec<String> {
        let all = split.historical.iter().any(|name| name == "*");
        let is_old = |name: &&String| !split.new.contains(name) || !all;
        let own = if all { &self.real } else { &split.historical };
        let own = own.iter().filter(|name| real && is_old(name));
        own.chain(simulated.iter().flat_map(|name| &self.simulated[name])).cloned().collect()
    }

    /// The protocol's splits with some histories in place of theirs: `split-0:ray-traced`.
    fn splits(&self, of_history: impl Fn(&str) -> bool) -> Vec<Split> {
        let histories = || HISTORIES.iter().filter(|(name, ..)| of_history(name));
        let with = |split: &Split, &(name, real, simulated): &(&str, bool, &[&str])| Split {
            name: format!("{}:{name}", split.name),
            historical: self.environments(split, (real, simulated)),
            new: split.new.clone(),
        };
        let splits = self.protocol.splits.iter();
        splits.flat_map(|split| histories().map(move |history| with(split, history))).collect()
    }

    fn run(&self, methods: Vec<MethodConfig>, splits: &[Split]) -> Result<Vec<Row>, Error> {
        let protocol = Protocol { methods, ..self.protocol.clone() };
        let progress = &mut Progress(Instant::now());
        Ok(run_on_survey(&protocol, &self.data, &self.survey, splits, progress)?.rows)
    }

    /// Scans and environments of a history; the mean number over the protocol's splits.
    fn size(&self, history: &str) -> (usize, usize) {
        let splits = self.splits(|name| name == history);
        let of = |split: &Split| {
            let named = split.historical.iter().filter_map(|name| self.survey.environment(name));
            let samples = named.flat_map(|e| &e.samples);
            samples.filter(|s| is_one_of(&s.set, &self.data.historical_sets)).count()
        };
        let scans = splits.iter().map(of).sum::<usize>() / splits.len();
        (splits[0].historical.len(), scans)
    }
}

/// A method like another, with its scales from each task's own samples or with other steps.
fn variant(name: &str, like: &MethodConfig, own: bool, steps: Option<i64>) -> MethodConfig {
    let mut learning = toml::Table::new();
    if own {
        let fingerprint = [("scaling", "support"), ("frame_unit", "reference-points")];
        let fingerprint = fingerprint.map(|(key, value)| (key.to_owned(), value.into()));
        learning.insert("fingerprint".into(), toml::Table::from_iter(fingerprint).into());
    }
    if let Some(steps) = steps {
        let adaptation = toml::Table::from_iter([("steps".to_owned(), steps.into())]);
        learning.insert("adaptation".into(), adaptation.into());
    }
    MethodConfig { name: name.into(), like: Some(like.name.clone()), learning, ..like.clone() }
}

/// What learns nothing from history, and what does.
fn methods(protocol: &Protocol) -> Result<[Vec<MethodConfig>; 2], Failure> {
    let known = |name: &str| {
        let method = protocol.methods.iter().find(|m| m.name == name);
        method.cloned().ok_or_else(|| format!("no method `{name}`"))
    };
    let mut plain = Vec::new();
    for name in ["knn-support", "wknn-support", "pwknn-support", "ri", "ri:200"] {
        plain.push(known(name)?);
    }
    plain.push(variant("ri:own", &known("ri")?, true, None));
    plain.push(variant("ri:own-200", &known("ri:200")?, true, None));
    let (tl, maml) = (known("tl")?, known("maml")?);
    let mut learnt = vec![tl.clone(), maml.clone()];
    learnt.push(variant("tl:own", &tl, true, None));
    learnt.push(variant("maml:own", &maml, true, None));
    for (prefix, own) in [("", false), ("own-", true)] {
        for steps in STEPS {
            learnt.push(variant(&format!("maml:{prefix}{steps}"), &maml, own, Some(steps)));
        }
    }
    Ok([plain, learnt])
}

/// Mean errors by column (a protocol and a number of points), history and method.
#[derive(Default)]
struct Results(BTreeMap<(String, String, String), Cell>);

/// A mean over environments and splits, then seeds.
#[derive(Default)]
struct Cell {
    by_seed: BTreeMap<u64, (f64, f64)>,
    n: usize,
}

impl Cell {
    fn seeds(&self) -> Vec<f64> {
        self.by_seed.values().map(|(sum, n)| sum / n).collect()
    }

    fn mean(&self) -> f64 {
        self.seeds().iter().sum::<f64>() / self.by_seed.len() as f64
    }

    fn range(&self) -> (f64, f64) {
        let seeds = self.seeds();
        let least = seeds.iter().copied().fold(f64::INFINITY, f64::min);
        (least, seeds.iter().copied().fold(0.0, f64::max))
    }
}

impl Results {
    fn add(&mut self, rows: &[Row]) {
        for row in rows {
            let history = row.split.rsplit(':').next().unwrap_or_default();
            let column = format!("{}, {} points", row.protocol, row.support_points);
            let cell = self.0.entry((column, history.to_owned(), row.method.clone())).or_default();
            let (sum, n) = cell.by_seed.entry(row.seed).or_default();
            (*sum, *n) = (*sum + row.errors.mean_m, *n + 1.0);
            cell.n += row.errors_m.len();
        }
    }

    fn columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = self.0.keys().map(|(column, ..)| column.clone()).collect();
        columns.dedup();
        columns
    }

    fn cell(&self, column: &str, history: &str, method: &str) -> Option<&Cell> {
        self.0.get(&(column.to_owned(), history.to_owned(), method.to_owned()))
    }

    /// A table row: what is learnt from, the method and a number a column.
    fn line(&self, label: &str, history: &str, method: &str) {
        let mut line = format!("| {label} | {method} |");
        for column in self.columns() {
            let Some(cell) = self.cell(&column, history, method) else { continue };
            let (least, most) = cell.range();
            line += &format!(" {:.2} ({least:.2}..{most:.2}) |", cell.mean());
        }
        println!("{line}");
    }

    fn print(&self, plain: &[MethodConfig], learnt: &[MethodConfig]) {
        println!("\n| history | method | {} |", self.columns().join(" | "));
        println!("|---|---|{}", "---|".repeat(self.columns().len()));
        plain.iter().for_each(|method| self.line("none", REAL, &method.name));
        for (history, ..) in HISTORIES {
            let is_main =
                |m: &&MethodConfig| m.learning.get("adaptation").is_none() || m.like.is_none();
            let main = learnt.iter().filter(is_main);
            main.for_each(|method| self.line(history, history, &method.name));
        }
        for column in self.columns() {
            let steps = STEPS.map(|steps| steps.to_string());
            println!("\nmaml after so many steps, {column}\n");
            println!("| history | scales | {} |", steps.join(" | "));
            println!("|---|---|{}", "---|".repeat(STEPS.len()));
            for (history, ..) in HISTORIES {
                for (prefix, scales) in [("", "historical"), ("own-", "own")] {
                    let mean = |steps: i64| {
                        let cell = self.cell(&column, history, &format!("maml:{prefix}{steps}"));
                        cell.map_or(String::new(), |cell| format!("{:.2}", cell.mean()))
                    };
                    println!("| {history} | {scales} | {} |", STEPS.map(mean).join(" | "));
                }
            }
        }
    }

    /// Bars of one column, the learnt with scales of their own.
    fn bars(&self, column: &str) -> BarPlot {
        let bar = |label: String, history: &str, method: &str| {
            let cell = self.cell(column, history, method)?;
            Some(Bar { label, mean_m: cell.mean(), range_m: Some(cell.range()), n: Some(cell.n) })
        };
        let mut bars = vec![
            bar("pwknn-support".into(), REAL, "pwknn-support"),
            bar("ri: 200 steps".into(), REAL, "ri:own-200"),
        ];
        for (history, ..) in HISTORIES {
            bars.push(bar(format!("maml: {history}"), history, "maml:own"));
        }
        BarPlot {
            title: format!("Learnt from what, tested on {column}"),
            x_label: "mean localization error [m], range of three seeds; scales of their own"
                .into(),
            bars: bars.into_iter().flatten().collect(),
        }
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let out =
        PathBuf::from(arguments.next().ok_or("usage: simulated_to_real FOLDER [ITERATIONS]")?);
    let iterations = arguments.next().map_or(Ok(ITERATIONS), |n| n.parse())?;
    let data = PathBuf::from(std::env::var("METALOC_DATA")?);
    let simulated = load_simulated()?;
    for (name, survey) in &simulated {
        println!("data of {name}: {}", survey.content_hash());
    }
    let mut results = Results::default();
    let mut names = Default::default();
    println!("{iterations} iterations");
    for (file, picture) in FILES {
        let mut study = Study::new(file, &data, &simulated)?;
        let training = toml::Table::from_iter([("iterations".to_owned(), iterations.into())]);
        study.protocol.learning.insert("training".into(), training.into());
        for (history, ..) in HISTORIES {
            let (environments, scans) = study.size(history);
            println!("{history}: {environments} environments, {scans} scans");
        }
        let [plain, learnt] = methods(&study.protocol)?;
        let of_history = study.splits(|name| name == REAL);
        results.add(&study.run(plain.clone(), &of_history)?);
        results.add(&study.run(learnt.clone(), &study.splits(|_| true))?);
        let (protocol, points) = (&study.protocol.name, study.protocol.support.points[0]);
        let plot = results.bars(&format!("{protocol}, {points} points"));
        std::fs::write(out.join(picture), svg_to_png(&plot.to_svg()?, 1.5)?)?;
        names = [plain, learnt];
    }
    let [plain, learnt] = &names;
    results.print(plain, learnt);
    Ok(())
}
