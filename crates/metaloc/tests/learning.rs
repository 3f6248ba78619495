//! The whole line on simulated buildings: what is learnt helps in a building never seen.

use std::path::Path;

use metaloc::evaluate::{DataSource, Evaluation, Protocol, Unwatched, run_on_survey, summarize};
use metaloc::simulate::Scenario;

/// The offices' protocol with other methods and fewer iterations.
fn evaluate(methods: &str) -> Evaluation {
    let text = include_str!("../../../experiments/offices.toml");
    let head = text.split("[[methods]]").next().expect("a head before the methods");
    let head = head.replace("iterations = 1500", "iterations = 400");
    let protocol: Protocol = toml::from_str(&format!("{head}{methods}")).expect("a protocol");
    let offices = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/offices.toml");
    let survey = Scenario::read(&offices).expect("the offices' scenario").simulate();
    let DataSource::Survey(data) = &protocol.data else { panic!("a survey protocol") };
    run_on_survey(&protocol, data, &survey, &protocol.splits, &mut Unwatched).expect("results")
}

const LEARNING: &str = "[[methods]]\nname = \"ri\"\n[[methods]]\nname = \"tl\"\n[[methods]]\n\
                        name = \"maml\"\n[[methods]]\nname = \"knn-support\"\nk = 5\n";

#[test]
fn maml_beats_a_random_start_and_plain_knn() {
    let summary = summarize(&evaluate(LEARNING).rows);
    let mean = |name: &str| summary.iter().find(|row| row.method == name).map(|row| row.mean_m);
    let (maml, ri, knn) = (mean("maml"), mean("ri"), mean("knn-support"));
    assert!(maml < ri.map(|ri| 0.7 * ri), "maml {maml:?} ri {ri:?}");
    assert!(maml < knn.map(|knn| 0.85 * knn), "maml {maml:?} knn {knn:?}");
}

/// What was judged best on the old buildings is good in the new one, and better than plain KNN.
#[test]
fn auto_chooses_what_is_good_elsewhere() {
    let methods = "[[methods]]\nname = \"auto\"\n[[methods]]\nname = \"maml\"\n\
                   [[methods]]\nname = \"knn-support\"\nk = 5\n";
    let summary = summarize(&evaluate(methods).rows);
    let mean = |name: &str| {
        summary.iter().find(|row| row.method == name).map_or(f64::NAN, |row| row.mean_m)
    };
    let (auto, maml, knn) = (mean("auto"), mean("maml"), mean("knn-support"));
    assert!(auto < 1.05 * maml && auto < 0.8 * knn, "auto {auto} maml {maml} knn {knn}");
}

#[test]
fn the_same_rows_at_any_number_of_threads() {
    let rows = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let mut rows = pool.install(|| evaluate(LEARNING)).rows;
        for row in &mut rows {
            // Times are kept apart from results.
            (row.train_s, row.adapt_ms, row.locate_us) = (None, None, 0.0);
        }
        rows
    };
    assert_eq!(rows(1), rows(2));
}

/// Each similarity of the paper's section I-A can be chosen, and none is a guess.
#[test]
fn every_signal_distance_locates() {
    let method = |distance: &str| {
        format!(
            "[[methods]]\nname = \"wknn-support:{distance}\"\nk = 3\n\
             learning = {{ fingerprint = {{ distance = \"{distance}\" }} }}\n"
        )
    };
    let names = ["euclidean", "cosine", "tanimoto", "temporally-weighted"];
    let summary = summarize(&evaluate(&names.map(method).join("")).rows);
    assert_eq!(summary.len(), 4);
    for row in summary {
        assert!(row.mean_m < 5.0, "{}: {} m", row.method, row.mean_m);
    }
}
