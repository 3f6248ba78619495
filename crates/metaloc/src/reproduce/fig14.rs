//! Fig. 14: errors on the new day over adaptation steps.

use super::output::Reproduction;
use super::runner::Runner;
use super::variants::variant;
use super::{Claim, Dataset, Target, fig13};
use crate::error::Error;
use crate::evaluate::{MethodConfig, Row};
use crate::report::{CurvePlot, Series};

const ALGORITHMS: [&str; 5] = ["maml", "maml-dg", "maml-ts", "tl", "ri"];
/// Adaptation steps, in a full and in a quick run.
const STEPS: [u32; 8] = [0, 1, 2, 5, 10, 20, 50, 100];
const QUICK: [u32; 4] = [0, 2, 5, 10];

fn methods(runner: &Runner<'_>, steps: &[u32]) -> Vec<MethodConfig> {
    // A quick run leaves out the start for each environment, which takes the longest.
    let kept = ALGORITHMS.iter().filter(|name| !(runner.settings.quick && **name == "maml-ts"));
    let of = |algorithm: &&'static str| {
        let own = variant(algorithm, algorithm, "");
        let with = |n: &u32| {
            let settings = format!("adaptation.steps = {n}");
            variant(&format!("{}:{n}", own.name), &own.name, &settings)
        };
        std::iter::once(own.clone()).chain(steps.iter().map(with)).collect::<Vec<_>>()
    };
    kept.flat_map(of).collect()
}

/// The first number of steps whose error is within 0.1 m of the curve's least.
fn settled(series: &Series) -> f64 {
    let least = series.points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    series.points.iter().find(|p| p.1 <= least + 0.1).map_or(f64::NAN, |p| p.0)
}

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let mut result = Reproduction::new(Target::Fig14, "Errors on a new day over adaptation steps");
    let steps: &[u32] = if runner.settings.quick { &QUICK } else { &STEPS };
    let places = match (runner.settings.quick, runner.settings.dataset) {
        (true, None) => vec![Dataset::Lab],
        _ => runner.places(),
    };
    for dataset in places {
        let name = dataset.name();
        let methods = methods(runner, steps);
        let rows = runner.rows(dataset, &format!("fig14-{name}"), methods)?;
        let own = |row: &Row| row.adaptation_steps.map(|n| n as f64);
        let curves = fig13::curves(&rows, &ALGORITHMS, own);
        result.sheets.push(fig13::sheet(
            &format!("fig14-{name}"),
            &format!("Errors in the {name} by adaptation steps"),
            "adaptation steps",
            &curves,
        ));
        let of = |name: &str| curves.iter().find(|s| s.label == name);
        let least = |name: &str| {
            let points = of(name).map_or(&[][..], |s| &s.points);
            points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min)
        };
        let steps_of = |name: &str| of(name).map_or(f64::NAN, settled);
        let words: Vec<String> = curves
            .iter()
            .map(|s| format!("{} {:.2} m ({} steps)", s.label, least(&s.label), settled(s)))
            .collect();
        result.claims.push(Claim::new(
            format!(
                "Fig. 14, {name}: MetaLoc needs a few steps and beats TL and RI; MAML-DG needs fewer than MAML"
            ),
            format!("least errors and the steps to within 0.1 m of them: {}", words.join(", ")),
            &[
                least("maml-dg") < least("tl"),
                least("maml-dg") < least("ri"),
                steps_of("maml-dg") < steps_of("maml"),
                steps_of("maml-dg") <= 10.0,
            ],
        ));
        let plot = CurvePlot {
            title: format!("Errors in the {name}"),
            x_label: "adaptation steps".into(),
            y_label: "mean localization error [m]".into(),
            series: curves,
        };
        let caption =
            format!("Mean errors in the {name} after so many gradient steps on the new day.");
        result.draw(&format!("fig14-{name}"), plot.to_svg()?, &caption);
    }
    Ok(result)
}
