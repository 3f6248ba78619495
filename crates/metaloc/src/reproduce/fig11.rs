//! Fig. 11: errors over adaptation steps in two ray-traced places, from starts trained on four others, with and
//! without rooms by path loss beside them.

use std::path::Path;

use super::curves::{least_m, lines, over, settled};
use super::output::{Reproduction, Sheet};
use super::runner::Runner;
use super::variants::{number_of, plain, variant};
use super::{Claim, Target};
use crate::error::Error;
use crate::evaluate::{EvaluationObserver, Figure, Protocol, Row};
use crate::report::{CurvePlot, Series};
use crate::simulate::Scenario;
use crate::simulate::campaign::ray_traced_six;
use crate::survey::Survey;

const PROTOCOL: &str = include_str!("../../../../experiments/fig11.toml");
const PATH_LOSS: &str = include_str!("../../../../scenarios/path-loss-twelve.toml");
/// Histories by the protocol's names, and as a curve's variant.
const HISTORIES: [(&str, &str); 2] =
    [("ray-traced", "traced"), ("ray-traced and path loss", "traced + path loss")];
const PLACES: [&str; 2] = ["s3", "s4"];
/// Adaptation steps, in a full and in a quick run.
const STEPS: [u32; 9] = [0, 1, 2, 5, 10, 20, 50, 100, 200];
const QUICK: [u32; 5] = [0, 5, 20, 50, 100];
const QUICK_ITERATIONS: i64 = 300;
/// Steps within which the paper's curves converge.
const CONVERGED: f64 = 50.0;

fn protocol(is_quick: bool) -> Result<Protocol, Error> {
    let mut protocol = Protocol::parse(PROTOCOL, "", Path::new("fig11.toml"))?;
    let steps: &[u32] = if is_quick { &QUICK } else { &STEPS };
    let of = |name: &'static str| {
        steps.iter().map(move |&n| variant((name, name), ("adaptation", "steps"), n))
    };
    protocol.methods.extend(["maml", "ri"].into_iter().flat_map(of));
    if is_quick {
        protocol.seeds.truncate(1);
        if let Some(training) = protocol.learning.get_mut("training").and_then(|t| t.as_table_mut())
        {
            training.insert("iterations".into(), QUICK_ITERATIONS.into());
        }
    }
    Ok(protocol)
}

fn path_loss() -> Result<Scenario, Error> {
    Scenario::parse(PATH_LOSS, Path::new("path-loss-twelve.toml (built in)"))
}

/// S1 to S6, and the rooms by path loss.
fn survey(observer: &mut dyn EvaluationObserver) -> Result<Survey, Error> {
    let mut survey = ray_traced_six()?.survey(observer)?;
    survey.add_environments(&path_loss()?.simulate())?;
    Ok(survey)
}

/// Root mean square errors over steps of a method in a place, from a history.
fn curve(label: &str, rows: &[Row], (method, place, history): (&str, &str, &str)) -> Series {
    let is_of = |row: &&Row| {
        plain(&row.method) == method && row.environment.starts_with(place) && row.split == history
    };
    let number = |row: &Row| number_of(&row.method);
    over(label, rows.iter().filter(is_of), number, Figure::RootMeanSquare)
}

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let title = "Errors over adaptation steps in ray-traced places";
    let mut result = Reproduction::new(Target::Fig11, title);
    let protocol = protocol(runner.settings.quick)?;
    let key = ray_traced_six()?.key()? + PATH_LOSS;
    let rows = runner.rows_on_survey(&protocol, ("fig11", &key), survey)?;
    let mut curves = Vec::new();
    for place in PLACES {
        for (history, short) in HISTORIES {
            curves.push(curve(&format!("{place}:{short}"), &rows, ("maml", place, history)));
        }
    }
    let random =
        PLACES.map(|place| curve(&format!("ri:{place}"), &rows, ("ri", place, HISTORIES[0].0)));
    result.claims = claims(&curves, &random);
    curves.extend(random);
    result.sheets.push(sheet(&curves));
    let plot = CurvePlot {
        title: "Ray-traced places S3 and S4".into(),
        x_label: "adaptation steps".into(),
        y_label: "root mean square error [m], 95 % interval".into(),
        series: curves,
    };
    let caption = "Root mean square errors over adaptation steps; starts trained on S1, S2, S5 and S6, with and \
                   without twelve rooms by path loss, and a random start.";
    result.draw("fig11", plot.to_svg()?, caption);
    Ok(result)
}

fn sheet(curves: &[Series]) -> Sheet {
    let columns = ["curve", "adaptation steps", "RMSE [m]", "95 % low [m]", "95 % high [m]"];
    Sheet {
        name: "fig11".into(),
        title: "Root mean square errors by adaptation steps".into(),
        columns: columns.map(String::from).into(),
        rows: lines(curves),
        is_shown: true,
    }
}

/// What the paper says of the four curves: place by place, without and with rooms by path loss.
fn claims(curves: &[Series], random: &[Series]) -> Vec<Claim> {
    let least = |series: &Series| least_m([series]);
    let words = |series: &Series| {
        format!("{} {:.2} m ({} steps)", series.label, least(series), settled(series))
    };
    let all = curves.iter().chain(random).map(words).collect::<Vec<_>>().join(", ");
    let pairs: Vec<(&Series, &Series)> =
        curves.chunks(2).filter_map(|pair| Some((pair.first()?, pair.get(1)?))).collect();
    let with_and_without: Vec<(f64, f64)> =
        pairs.iter().map(|(without, with)| (least(with), least(without))).collect();
    let traced_and_random: Vec<(f64, f64)> =
        pairs.iter().zip(random).map(|((traced, _), ri)| (least(traced), least(ri))).collect();
    let differences = |of: &[(f64, f64)]| {
        of.iter().map(|(a, b)| format!("{:+.2} m", a - b)).collect::<Vec<_>>().join(", ")
    };
    vec![
        Claim::new(
            "Fig. 11: all four curves converge within 50 steps",
            format!("least errors and the steps to within 0.1 m of them: {all}"),
            &curves.iter().map(|series| settled(series) <= CONVERGED).collect::<Vec<_>>(),
        ),
        Claim::new(
            "Fig. 11: with rooms by path loss beside the ray-traced places it converges more quickly",
            format!(
                "steps with them less steps without: {}",
                pairs
                    .iter()
                    .map(|(without, with)| format!("{:+}", settled(with) - settled(without)))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            &pairs
                .iter()
                .map(|(without, with)| settled(with) < settled(without))
                .collect::<Vec<_>>(),
        ),
        Claim::new(
            "Section IV-A: simulated data gives extra support",
            format!(
                "least error from traced places less that from a random start: {}; with rooms by path loss \
                 less without: {}",
                differences(&traced_and_random),
                differences(&with_and_without)
            ),
            &traced_and_random
                .iter()
                .chain(&with_and_without)
                .map(|(better, worse)| better < worse)
                .collect::<Vec<_>>(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_environments_of_the_protocol_are_simulated() {
        let rooms = path_loss().unwrap().environments.into_iter().map(|e| e.name);
        let campaign = ray_traced_six().unwrap();
        // One day each: the place's name and the day's.
        let places = campaign.days().map(|day| campaign.environment_name(day));
        let all: Vec<String> = rooms.chain(places).collect();
        for split in protocol(false).unwrap().splits {
            for name in split.historical.iter().chain(&split.new) {
                assert!(all.contains(name), "{name} is not among {all:?}");
            }
        }
    }
}
