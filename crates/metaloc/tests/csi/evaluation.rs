//! Protocols on channel state information.

use std::ops::ControlFlow;

use metaloc::evaluate::{self, EvaluationObserver, Overrides, Protocol, Unwatched, summarize};
use metaloc::learning::CsiModel;

use super::synthetic::survey;

const PROTOCOL: &str = r#"
schema = 1
name = "room"
title = "a new day"
seeds = [1, 2]
[data]
kind = "csi"
format = "survey"
path = "room"
sets = ["b*"]
support_first = 4
test_after = 5
draws = 2
[[splits]]
name = "day3"
historical = ["*"]
new = ["day3"]
[support]
points = [4]
samples_per_point = 3
[learning]
network = { hidden = [32] }
maml = { inner_step_size = 0.2 }
training = { iterations = 20 }
adaptation = { steps = 30 }
[learning.csi]
window = { packets = 4 }
labels = "global"
ways = 4
[[methods]]
name = "1nn"
[[methods]]
name = "ridge"
[[methods]]
name = "hi-knn"
[[methods]]
name = "maml"
[[methods]]
name = "maml:0"
like = "maml"
learning.adaptation.steps = 0
[select]
draws = 1
[select.grid.hi-knn]
k = [1, 3]
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    survey(4).write(&folder.path().join("room")).unwrap();
    folder
}

fn protocol(text: &str) -> Result<Protocol, metaloc::Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room.toml");
    std::fs::write(&path, text).unwrap();
    Protocol::read(&path)
}

#[test]
fn methods_see_the_same_draws_and_no_later_set() {
    let (data, protocol) = (folder(), protocol(PROTOCOL).unwrap());
    let run = || evaluate::run(&protocol, data.path(), &Overrides::default(), &mut Unwatched);
    let rows = run().unwrap().rows;
    assert_eq!(rows.len(), 2 * 2 * 5);
    for row in &rows {
        // Four sets behind the first five, at four points.
        assert_eq!((row.errors.n + row.not_located, row.support_points), (16, 4));
        assert_eq!(row.draw.is_some(), row.accuracy.is_some());
    }
    let accuracy = |method: &str| {
        let summary = summarize(&rows);
        summary.iter().find(|row| row.method == method).unwrap().accuracy.unwrap()
    };
    assert!(accuracy("1nn") > 0.9 && accuracy("ridge") > 0.9 && accuracy("maml") > 0.9);
    assert!(accuracy("hi-knn") < accuracy("1nn") && accuracy("maml:0") < accuracy("maml"));
    let again = run().unwrap().rows;
    let numbers = |rows: &[evaluate::Row]| {
        rows.iter().map(|row| (row.accuracy, row.errors_m.clone())).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&rows), numbers(&again));
}

/// Methods of the paper's Table I; one antenna and one access point are too few for two of them.
const TABLE_ONE: &str = r#"
[[methods]]
name = "ilcl"
samples_per_point = 4
ilcl = { features = 5, added = 5, increments = 3 }
[[methods]]
name = "deepfi"
deepfi = { hidden = [20, 10], pretraining_epochs = 5, epochs = 200, step_size = 0.01 }
[[methods]]
name = "crisloc-like"
[[methods]]
name = "dafi-like"
[[methods]]
name = "fidora-like"
fidora = { steps = 300, step_size = 0.005 }
[[methods]]
name = "fila-like"
[[methods]]
name = "cifi"
learning.csi.window.quantity = "phase-difference"
"#;

#[test]
fn methods_of_table_one_run_by_name_or_say_what_they_need() {
    let start = PROTOCOL.find("[[methods]]").unwrap();
    let (data, protocol) =
        (folder(), protocol(&format!("{}{TABLE_ONE}", &PROTOCOL[..start])).unwrap());
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let rows = pool.install(|| {
            evaluate::run(&protocol, data.path(), &Overrides::default(), &mut Unwatched)
        });
        rows.unwrap().rows
    };
    let rows = run(1);
    let summary = summarize(&rows);
    for row in &summary[..5] {
        assert!(row.accuracy.unwrap() > 0.8, "{}: {:?}", row.method, row.accuracy);
    }
    let needs: Vec<&str> = summary[5..].iter().filter_map(|row| row.needs.as_deref()).collect();
    assert_eq!(needs, ["three access points", "phase-coherent antennas"]);
    assert_eq!((rows[0].samples_per_point, rows[1].samples_per_point), (4, 3));
    let errors =
        |rows: &[evaluate::Row]| rows.iter().map(|row| row.errors_m.clone()).collect::<Vec<_>>();
    assert_eq!(errors(&rows), errors(&run(3)));
}

/// Keeps the starts of an evaluation's methods.
#[derive(Default)]
struct Starts(Vec<(String, CsiModel)>);

impl EvaluationObserver for Starts {
    fn stage(&mut self, _: usize, _: usize, _: &str) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn trained(&mut self, method: &str, model: &CsiModel) {
        self.0.push((method.to_owned(), model.clone()));
    }
}

/// Numbers of iterations on the way to another are those of a training of their own, with all that is known of it.
#[test]
fn starts_passed_on_the_way_are_as_if_trained_alone() {
    let start = PROTOCOL.find("[[methods]]").unwrap();
    let method = |algorithm: &str, iterations: usize| {
        format!(
            "[[methods]]\nname = \"{algorithm}:{iterations}\"\nlearning.training.iterations = {iterations}\n"
        )
    };
    let run = |methods: &str| {
        let protocol = protocol(&format!("{}{methods}", &PROTOCOL[..start])).unwrap();
        let mut starts = Starts::default();
        evaluate::run(&protocol, folder().path(), &Overrides::default(), &mut starts).unwrap();
        starts.0
    };
    for algorithm in ["maml", "maml-dg", "maml-ts", "tl", "ri"] {
        let [one, two, five] = [1, 2, 5].map(|iterations| method(algorithm, iterations));
        let together = run(&format!("{two}{five}{one}"));
        let alone = run(&two);
        let of_two: Vec<_> = together.iter().filter(|(name, _)| name.ends_with(":2")).collect();
        assert_eq!((of_two.len(), alone.len()), (2, 2));
        for ((name, model), (_, alone)) in of_two.into_iter().zip(&alone) {
            assert_eq!(model, alone, "{name}");
        }
        let parameters = |at: usize| &together[at].1.parameters;
        let learns = algorithm != "ri";
        assert_eq!(parameters(0) != parameters(1) && parameters(0) != parameters(2), learns);
    }
}

#[test]
fn settings_are_chosen_by_accuracy() {
    let (data, protocol) = (folder(), protocol(PROTOCOL).unwrap());
    let selected = evaluate::select(&protocol, data.path(), &Overrides::default(), &mut Unwatched);
    let (selection, tried) = selected.unwrap();
    let best = tried.iter().filter_map(|choice| choice.accuracy).fold(0.0, f64::max);
    assert_eq!(tried.len(), 2);
    assert_eq!(selection.choices[0].accuracy, Some(best));
}

#[test]
fn mistakes_are_named() {
    for (from, to, part) in [
        ("test_after = 5", "test_after = 3", "test_after"),
        ("kind = \"csi\"", "kind = \"magic\"", "magic"),
        ("name = \"ridge\"", "name = \"wknn-support\"", "compares RSS scans"),
        ("packets = 4", "packets = 5", "no window of 5 packets"),
        ("new = [\"day3\"]", "new = [\"day9\"]", "no environment `day9`"),
        ("[learning.csi]", "[learning.fingerprint]", "unknown field"),
    ] {
        let outcome = protocol(&PROTOCOL.replace(from, to)).and_then(|protocol| {
            evaluate::run(&protocol, folder().path(), &Overrides::default(), &mut Unwatched)
        });
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains(part), "{to}: {message}");
    }
}
