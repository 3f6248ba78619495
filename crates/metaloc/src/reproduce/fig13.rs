//! Fig. 13: errors in the new environment over outer steps, for MAML, MAML-TS and MAML-DG.

use super::curves::{SLACK_M, curves, least_m, reached, show};
use super::output::Reproduction;
use super::runner::Runner;
use super::variants::{as_it_is, variant};
use super::{Claim, Target};
use crate::error::Error;
use crate::evaluate::MethodConfig;
use crate::report::Series;

const ALGORITHMS: [&str; 3] = ["maml", "maml-ts", "maml-dg"];
/// Outer steps, in a full and in a quick run.
const STEPS: [u32; 7] = [25, 50, 100, 250, 500, 1000, MOST];
const MOST: u32 = 2500;
const QUICK: [u32; 3] = [5, 10, 20];

fn methods(steps: &[u32]) -> Vec<MethodConfig> {
    // What the others are like.
    let base = std::iter::once(as_it_is("maml"));
    let with = |algorithm: &'static str| {
        steps.iter().map(move |&n| variant((algorithm, "maml"), ("training", "iterations"), n))
    };
    base.chain(ALGORITHMS.into_iter().flat_map(with)).collect()
}

/// What the paper says of the curves of a place, MAML, MAML-TS and MAML-DG in this order.
fn claims(name: &str, curves: &[Series]) -> Vec<Claim> {
    let least = least_m(curves);
    let first: Vec<Option<f64>> = curves.iter().map(|series| reached(series, least)).collect();
    let words: Vec<String> = curves
        .iter()
        .zip(&first)
        .map(|(s, at)| format!("{} {}", s.label, at.map_or("never".into(), |x| x.to_string())))
        .collect();
    let [maml, ts, dg] = [0, 1, 2].map(|i| first.get(i).copied().flatten());
    let last = |i: usize| {
        let point = curves.get(i).and_then(|series| series.points.last());
        point.copied().unwrap_or((f64::NAN, f64::NAN))
    };
    // Who never reaches it would need more than the last step.
    let sooner =
        |a: Option<f64>, share: f64| a.is_some_and(|a| a <= share * maml.unwrap_or(last(0).0));
    let rise = |i: usize| last(i).1 - least_m(curves.get(i));
    let least_of = |i: usize| least_m(curves.get(i));
    vec![
        Claim::new(
            format!("Fig. 13, {name}: MAML-DG and MAML-TS reach smaller errors than MAML"),
            format!(
                "least errors: maml {:.2} m, maml-ts {:.2} m, maml-dg {:.2} m",
                least_of(0),
                least_of(1),
                least_of(2)
            ),
            &[least_of(2) < least_of(0), least_of(1) < least_of(0)],
        ),
        Claim::new(
            format!(
                "Fig. 13, {name}: MAML-DG converges in a third of MAML's steps, MAML-TS in fewer too"
            ),
            format!("steps until within {SLACK_M} m of the least error: {}", words.join(", ")),
            &[sooner(dg, 1.0 / 3.0), sooner(ts, 0.99)],
        ),
        Claim::new(
            format!("Fig. 13, {name}: MAML-TS overfits with more steps, MAML-DG does not"),
            format!(
                "last error less the least: maml-ts {:+.2} m, maml-dg {:+.2} m (overfits: more than {SLACK_M} m)",
                rise(1),
                rise(2)
            ),
            &[rise(1) > SLACK_M, rise(2) <= SLACK_M],
        ),
    ]
}

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let mut result =
        Reproduction::new(Target::Fig13, "Errors in a new environment over outer steps");
    let most = f64::from(MOST) * runner.settings.training_share;
    // A curve has two points at least.
    let n = STEPS.into_iter().filter(|steps| f64::from(*steps) <= most).count().max(2);
    let steps: &[u32] = if runner.settings.quick { &QUICK } else { &STEPS[..n] };
    for dataset in runner.places_of_curves() {
        let name = dataset.name();
        let methods = methods(steps);
        let wanted: Vec<&str> = methods[1..].iter().map(|method| &method.name[..]).collect();
        let rows = runner.rows_of(dataset, &format!("fig13-{name}"), &methods, &wanted)?;
        let curves = curves(&rows, &ALGORITHMS, |row| row.outer_steps.map(|n| n as f64));
        let claims = claims(name, &curves);
        let words = (dataset, "outer steps", "after so many updates of the start");
        show(&mut result, words, claims, curves)?;
    }
    Ok(result)
}
