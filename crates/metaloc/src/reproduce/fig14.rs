//! Fig. 14: errors in the new environment over adaptation steps.

use super::curves::{SLACK_M, curves, least_m, settled, show};
use super::output::Reproduction;
use super::runner::Runner;
use super::variants::{as_it_is, plain, variant};
use super::{Claim, Target, released, table3};
use crate::error::Error;
use crate::evaluate::{MethodConfig, Row};
use crate::report::Series;

pub(super) const ALGORITHMS: [&str; 5] = ["maml", "maml-dg", "maml-ts", "tl", "ri"];
/// Adaptation steps, in a full and in a quick run.
const STEPS: [u32; 8] = [0, 1, 2, 5, 10, 20, 50, 100];
const QUICK: [u32; 4] = [0, 2, 5, 10];
/// What "a few" steps means in verdicts.
const FEW: f64 = 10.0;

/// A method of Table III with what Fig. 14 and the released code ask of it: all take their rows from one
/// training.
pub(super) fn with_steps(runner: &Runner<'_>, name: &'static str) -> Vec<MethodConfig> {
    let steps: &[u32] = match runner.settings.quick {
        // Choosing among starts for each query takes the longest.
        true if name == "maml-ts" => &[],
        true => &QUICK,
        false => &STEPS,
    };
    let steps = steps.iter().filter(|_| ALGORITHMS.contains(&name));
    let variants = steps.map(|&n| variant((name, name), ("adaptation", "steps"), n));
    std::iter::once(as_it_is(name)).chain(variants).chain(released::variants(name)).collect()
}

/// Whether a row is of a variant that other figures alone ask for.
pub(super) fn is_variant(row: &Row) -> bool {
    ALGORITHMS.contains(&plain(&row.method)) && row.method.contains(':')
}

/// What the paper says of the curves of a place.
fn claims(name: &str, curves: &[Series]) -> Vec<Claim> {
    let of = |name: &str| curves.iter().find(|series| series.label == name);
    let least = |name: &str| least_m(of(name));
    let steps_of = |name: &str| of(name).map_or(f64::NAN, settled);
    let ours = ["maml", "maml-dg", "maml-ts"];
    let steps = ours.map(|m| format!("{m} {}", steps_of(m))).join(", ");
    let steps = format!("steps to within {SLACK_M} m of the least error: {steps}");
    let errors = ALGORITHMS.map(|m| format!("{m} {:.2} m", least(m))).join(", ");
    let ahead: Vec<bool> =
        ours.iter().flat_map(|m| ["tl", "ri"].map(|other| least(m) < least(other))).collect();
    let fewest = ["maml", "maml-ts"].map(|other| steps_of("maml-dg") < steps_of(other));
    vec![
        Claim::new(
            format!("Fig. 14, {name}: MetaLoc settles within {FEW} steps"),
            steps.clone(),
            &ours.map(|m| steps_of(m) <= FEW),
        ),
        Claim::new(
            format!("Fig. 14, {name}: MAML, MAML-DG and MAML-TS end before TL and RI"),
            format!("least errors: {errors}"),
            &ahead,
        ),
        Claim::new(
            format!("Fig. 14, {name}: MAML-DG needs fewer steps than MAML and MAML-TS"),
            steps,
            &fewest,
        ),
    ]
}

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let mut result =
        Reproduction::new(Target::Fig14, "Errors in a new environment over adaptation steps");
    for dataset in runner.places() {
        let name = dataset.name();
        let methods = ALGORITHMS.iter().flat_map(|name| with_steps(runner, name)).collect();
        let rows = runner.rows(dataset, &table3::protocol_name(dataset), methods)?;
        let curves = curves(&rows, &ALGORITHMS, |row| row.adaptation_steps.map(|n| n as f64));
        let claims = claims(name, &curves);
        let words = (dataset, "adaptation steps", "after so many gradient steps there");
        show(&mut result, words, claims, curves)?;
    }
    Ok(result)
}
