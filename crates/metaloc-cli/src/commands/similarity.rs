//! `metaloc similarity`.

use anyhow::bail;
use metaloc::learning::LearningConfig;
use metaloc::nearness::{self, Nearness, SurveySize};
use metaloc::radio::preprocess::GainControl;
use metaloc::survey::Survey;

use super::sites::{csi_sites, sites};
use crate::args::Similarity;
use crate::output::{Output, table};

pub(crate) fn run(args: &Similarity, quiet: bool) -> anyhow::Result<()> {
    let mut config = match &args.config {
        Some(path) => LearningConfig::read(path)?,
        None => LearningConfig::automatic(),
    };
    config.check()?;
    let survey = Survey::read(&args.survey)?;
    let mut names = vec![args.environment.clone()];
    if args.historical.is_empty() {
        names.extend(survey.environments.iter().map(|environment| environment.name.clone()));
    } else {
        names.extend(args.historical.iter().cloned());
    }
    let mut met = std::collections::BTreeSet::new();
    names.retain(|name| met.insert(name.clone()));
    if names.len() < 2 {
        bail!("{}: no other environment to compare with", args.survey.display());
    }
    let known = survey.environment(&args.environment);
    let has_rss = known.is_none_or(|e| e.samples.iter().any(|s| !s.scan.is_empty()));
    let has_csi = known.is_some_and(|e| e.samples.iter().any(|s| s.csi.is_some()));
    if has_csi && (!has_rss || config.algorithm.name() == "auto") {
        config.csi.get_or_insert_with(Default::default);
    }
    let size = SurveySize { points: args.points, samples_per_point: args.support };
    let nearness = if let Some(csi) = &mut config.csi {
        // Places are compared, not the receiver's gain.
        csi.window.gain_control = GainControl::Packet;
        let sites = csi_sites(&survey, &names, &args.sets, &csi.window, quiet)?;
        let places = nearness::csi_places(&sites, size, args.seed)?;
        nearness::nearness(&places, "1nn", args.seed)?
    } else {
        let sites = names
            .iter()
            .map(|name| sites(&survey, std::slice::from_ref(name), &args.sets))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let environments: Vec<(&str, &[_])> =
            names.iter().zip(&sites).map(|(name, sites)| (name.as_str(), &sites[..])).collect();
        let places = nearness::rss_places(&environments, size, args.seed)?;
        nearness::nearness(&places, "power-weighted KNN", args.seed)?
    };
    let output = Output::new(&args.json);
    output.say(text(&nearness, size))?;
    output.rows(&[nearness])
}

fn text(nearness: &Nearness, size: SurveySize) -> String {
    let metres = |value: Option<f64>| value.map_or("-".to_owned(), |m| format!("{m:.2}"));
    let rows: Vec<Vec<String>> = nearness
        .historical
        .iter()
        .map(|near| {
            vec![
                near.environment.clone(),
                format!("{:.3}", near.mmd),
                format!("{:.3}", near.p),
                near.nearest_other.map_or("-".to_owned(), |mmd| format!("{mmd:.3}")),
                metres(near.error_m),
            ]
        })
        .collect();
    let headers = ["historical", "MMD to it", "p", "its nearest other", "error there m"];
    let mut text = format!(
        "{} beside what was surveyed before, the nearest first\n\n{}\n\n",
        nearness.environment,
        table(&headers, &rows)
    );
    if let (Some(expected), Some((low, high))) = (nearness.expected_m, nearness.expected_range_m) {
        text += &format!(
            "expected error without any history: {expected:.2} m ({low:.2} to {high:.2} m in the \
             historical environments,\n{} on {} points with {} samples each)\n",
            nearness.method, size.points, size.samples_per_point
        );
    }
    text += match nearness.is_unlike_history {
        true => {
            "warning: it is farther from all of them than any of them is from the rest. What was \
             learned there is\nlikely to hurt: let `train` choose (`auto`), or take a method without \
             history, and survey more points"
        }
        false => {
            "it is no farther from them than they are from each other: what was learned there should \
             carry over"
        }
    };
    text
}
