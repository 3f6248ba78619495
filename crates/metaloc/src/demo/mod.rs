//! The main job with nothing at hand: simulated surveys, the whole line, a report.
//!
//! The buildings are simulated; everything behind them is what real data would get: the same
//! survey type, the same protocol machinery, the same methods, the same model files.

mod report;

use std::ops::ControlFlow;
use std::path::Path;

use metaloc_meta::training::{Observer, Progress, TrainingState};
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::RssScan;

use crate::error::Error;
use crate::evaluate::{
    self, DataSource, Evaluation, EvaluationObserver, Protocol, SummaryRow, SurveyData,
};
use crate::learning::{Algorithm, Historical, MetaModel, SiteModel, draw_support, meta_train};
use crate::locate::{Estimate, site_locator};
use crate::simulate::Scenario;
use crate::site::Site;
use crate::survey::Survey;

/// What `metaloc demo` evaluates.
const PROTOCOL: &str = include_str!("../../assets/demo-protocol.toml");

/// What the demonstration gave.
pub struct Demo {
    /// The scenario that was simulated.
    pub scenario: Scenario,
    /// The simulated survey.
    pub survey: Survey,
    /// The protocol that was run.
    pub protocol: Protocol,
    /// All results.
    pub evaluation: Evaluation,
    /// The table.
    pub summary: Vec<SummaryRow>,
    /// The algorithm whose estimates are drawn.
    pub algorithm: Algorithm,
    /// The trained start.
    pub model: MetaModel,
    /// The model adapted to the new building.
    pub site: SiteModel,
    /// The new building's test scans, with the truth.
    pub scans: Vec<(RssScan, Position)>,
    /// Where the adapted model puts them.
    pub estimates: Vec<Option<Estimate>>,
    /// Training loss after each iteration.
    pub losses: Vec<f32>,
}

/// Runs the demonstration.
///
/// # Errors
/// If it is interrupted; nothing else can go wrong with the built-in scenario.
pub fn run(
    algorithm: Algorithm,
    seed: u64,
    observer: &mut dyn EvaluationObserver,
) -> Result<Demo, Error> {
    let scenario = Scenario { seed, ..Scenario::demo()? };
    let protocol = protocol(seed)?;
    let DataSource::Survey(data) = &protocol.data else {
        return Err(Error::usage("the built-in protocol is not one on a survey"));
    };
    let survey = scenario.simulate();
    let splits = &protocol.splits;
    let evaluation = evaluate::run_on_survey(&protocol, data, &survey, splits, observer)?;
    let summary = evaluate::summarize(&evaluation.rows);
    if observer.stage(1, 1, "drawing the report").is_break() {
        return Err(Error::usage("interrupted; nothing was written"));
    }
    let mut losses = Losses(Vec::new());
    let model = train(&protocol, data, &survey, algorithm, seed, &mut losses)?;
    let new = &survey.environments[survey.environments.len() - 1];
    let keep = |sets: &[String], set: &str| sets.iter().any(|name| name == set);
    let supports = Site::of_environment(new, |s| keep(&data.support_sets, &s.set))
        .iter()
        .map(|site| {
            let (points, samples) =
                (protocol.support.points[0], protocol.support.samples_per_point);
            let mut rng = evaluate::support_stream(seed, 0, points, site.floor);
            draw_support(site, points, samples, &mut rng)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let adaptation = model.config.adaptation();
    let site = SiteModel::adapt(&model, supports, &survey.access_points, adaptation)?;
    let tested = new.samples.iter().filter(|sample| keep(&data.test_sets, &sample.set));
    let scans: Vec<_> = tested.map(|s| (s.scan.clone(), *new.position(s))).collect();
    let locator = site_locator(site.clone())?;
    let estimates = scans.iter().map(|(scan, _)| locator.locate(scan).ok()).collect();
    let losses = losses.0;
    Ok(Demo {
        scenario,
        survey,
        protocol,
        evaluation,
        summary,
        algorithm,
        model,
        site,
        scans,
        estimates,
        losses,
    })
}

/// The built-in protocol, with one seed.
fn protocol(seed: u64) -> Result<Protocol, Error> {
    let path = Path::new("demo-protocol.toml (built in)");
    let refuse = |reason: String| Error::Config { path: path.to_owned(), reason };
    let protocol: Protocol = toml::from_str(PROTOCOL).map_err(|e| refuse(e.to_string()))?;
    Ok(Protocol { seeds: vec![seed], ..protocol })
}

/// The start that the evaluation trained too: the same data, settings and seed.
fn train(
    protocol: &Protocol,
    data: &SurveyData,
    survey: &Survey,
    algorithm: Algorithm,
    seed: u64,
    observer: &mut dyn Observer,
) -> Result<MetaModel, Error> {
    let keep = |set: &str| data.historical_sets.iter().any(|name| name == set);
    let historical: Vec<Site> = protocol.splits[0]
        .historical
        .iter()
        .filter_map(|name| survey.environment(name))
        .flat_map(|environment| Site::of_environment(environment, |s| keep(&s.set)))
        .collect();
    let method = protocol.methods.iter().find(|method| method.name == algorithm.name());
    let method = method.ok_or_else(|| {
        Error::usage(format!("the demonstration has no method `{}`", algorithm.name()))
    })?;
    let config = crate::learning::LearningConfig { algorithm, ..protocol.learning_of(method)? };
    let data = Historical {
        sites: &historical,
        validation_sites: &[],
        access_points: &survey.access_points,
        data_hash: &survey.content_hash(),
    };
    meta_train(data, &config, seed, None, observer)
}

/// Keeps the training loss of each iteration.
struct Losses(Vec<f32>);

impl Observer for Losses {
    fn iteration(&mut self, progress: Progress, _: &TrainingState) -> ControlFlow<()> {
        self.0.push(progress.training_loss);
        ControlFlow::Continue(())
    }
}
