//! Fig. 14: errors on the new day over adaptation steps.

use super::curves::{SLACK_M, curves, least_m, reached, show};
use super::output::Reproduction;
use super::runner::Runner;
use super::variants::{as_it_is, variant};
use super::{Claim, Target};
use crate::error::Error;
use crate::evaluate::MethodConfig;
use crate::report::Series;

const ALGORITHMS: [&str; 5] = ["maml", "maml-dg", "maml-ts", "tl", "ri"];
/// Adaptation steps, in a full and in a quick run.
const STEPS: [u32; 8] = [0, 1, 2, 5, 10, 20, 50, 100];
const QUICK: [u32; 4] = [0, 2, 5, 10];

fn methods(runner: &Runner<'_>, steps: &[u32]) -> Vec<MethodConfig> {
    // A quick run leaves out the start for each environment, which takes the longest.
    let kept = ALGORITHMS.iter().filter(|name| !(runner.settings.quick && **name == "maml-ts"));
    let of = |algorithm: &&'static str| {
        let with = |&n: &u32| variant((algorithm, algorithm), ("adaptation", "steps"), n);
        std::iter::once(as_it_is(algorithm)).chain(steps.iter().map(with)).collect::<Vec<_>>()
    };
    kept.flat_map(of).collect()
}

/// What the paper says of the curves of a place.
fn claims(name: &str, curves: &[Series]) -> Vec<Claim> {
    let of = |name: &str| curves.iter().find(|series| series.label == name);
    let least = |name: &str| least_m(of(name));
    let settled = |series: &Series| reached(series, least_m([series])).unwrap_or(f64::NAN);
    let steps_of = |name: &str| of(name).map_or(f64::NAN, settled);
    let words: Vec<String> = curves
        .iter()
        .map(|s| format!("{} {:.2} m ({} steps)", s.label, least(&s.label), settled(s)))
        .collect();
    vec![Claim::new(
        format!(
            "Fig. 14, {name}: MetaLoc needs a few steps and beats TL and RI; MAML-DG needs fewer than MAML"
        ),
        format!("least errors and the steps to within {SLACK_M} m of them: {}", words.join(", ")),
        &[
            least("maml-dg") < least("tl"),
            least("maml-dg") < least("ri"),
            steps_of("maml-dg") < steps_of("maml"),
            steps_of("maml-dg") <= 10.0,
        ],
    )]
}

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let mut result = Reproduction::new(Target::Fig14, "Errors on a new day over adaptation steps");
    let steps: &[u32] = if runner.settings.quick { &QUICK } else { &STEPS };
    for dataset in runner.places_of_curves() {
        let name = dataset.name();
        let methods = methods(runner, steps);
        let rows = runner.rows(dataset, &format!("fig14-{name}"), methods)?;
        let curves = curves(&rows, &ALGORITHMS, |row| row.adaptation_steps.map(|n| n as f64));
        let claims = claims(name, &curves);
        let words = (dataset, "adaptation steps", "after so many gradient steps on the new day");
        show(&mut result, words, claims, curves)?;
    }
    Ok(result)
}
