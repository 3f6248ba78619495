//! Running a protocol.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_meta::training::{Observer, Progress, TrainingState};
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::RssScan;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::methods::{self, Kind};
use super::{
    Case, DataSource, ErrorStatistics, Floors, MethodConfig, PlaceAnswers, Protocol, Row, Split,
    SurveyData,
};
use crate::auto::Judged;
use crate::error::Error;
use crate::learning::{
    AdaptationSettings, CsiLearning, CsiModel, Historical, LearningConfig, MetaModel, StartChoice,
    meta_train,
};
use crate::site::Site;
use crate::survey::{Environment, Provenance, Survey, SurveyFormat, is_one_of};

/// Watches an evaluation.
pub trait EvaluationObserver: Send {
    /// Called before each stage; `Break` stops the evaluation.
    fn stage(&mut self, done: usize, total: usize, what: &str) -> ControlFlow<()>;

    /// Called after each training step within a stage, which can take long; `Break` stops the evaluation.
    fn step(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Told of each start that a method learnt from channel state information.
    fn trained(&mut self, _method: &str, _model: &CsiModel) {}
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl EvaluationObserver for Unwatched {
    fn stage(&mut self, _: usize, _: usize, _: &str) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Training as a part of an evaluation: it can be stopped, and then there is no start.
pub(super) struct Stoppable<'a> {
    observer: &'a mut dyn EvaluationObserver,
    is_stopped: bool,
}

impl<'a> Stoppable<'a> {
    pub(super) fn new(observer: &'a mut dyn EvaluationObserver) -> Self {
        Self { observer, is_stopped: false }
    }

    /// What was trained, if it was not stopped.
    pub(super) fn whole<T>(&self, trained: T) -> Result<T, Error> {
        if self.is_stopped { Err(interrupted()) } else { Ok(trained) }
    }
}

impl Observer for Stoppable<'_> {
    fn iteration(&mut self, _: Progress, _: &TrainingState) -> ControlFlow<()> {
        let flow = self.observer.step();
        self.is_stopped |= flow.is_break();
        flow
    }
}

/// The error of an evaluation that its observer stopped.
pub(super) fn interrupted() -> Error {
    Error::usage("interrupted; no results were kept")
}

/// What the command line overrides in a protocol.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Historical environments instead of the splits'.
    pub historical: Option<Vec<String>>,
    /// New environments instead of the splits'.
    pub new: Option<Vec<String>>,
    /// Methods to choose settings of, which keep what was chosen for the others; all if left out.
    pub chosen: Option<Vec<String>>,
}

impl Overrides {
    /// The splits that are run: the protocol's, or the one that the overrides make.
    #[must_use]
    pub fn splits(&self, protocol: &Protocol) -> Vec<Split> {
        if self.historical.is_none() && self.new.is_none() {
            return protocol.splits.clone();
        }
        let first = &protocol.splits[0];
        vec![Split {
            name: "command-line".into(),
            historical: self.historical.clone().unwrap_or_else(|| first.historical.clone()),
            new: self.new.clone().unwrap_or_else(|| first.new.clone()),
        }]
    }
}

/// What an evaluation gave.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// One row a method, environment and seed.
    pub rows: Vec<Row>,
    /// Where the data comes from.
    pub provenance: Provenance,
}

/// Runs a protocol on the data under `data_folder`.
///
/// # Errors
/// Missing data, an unknown environment, or what a method reports.
pub fn run(
    protocol: &Protocol,
    data_folder: &Path,
    overrides: &Overrides,
    observer: &mut dyn EvaluationObserver,
) -> Result<Evaluation, Error> {
    match &protocol.data {
        DataSource::Toy(toy) => {
            let rows = super::toy::run(protocol, toy, overrides, observer)?;
            Ok(Evaluation { rows, provenance: Provenance::default() })
        }
        DataSource::Csi(data) => super::csi::run(protocol, data, data_folder, overrides, observer),
        DataSource::Survey(data) => {
            let splits = overrides.splits(protocol);
            let place = (data.format, data.format.place(data_folder, &data.path));
            let survey = load_splits(place, data.environment_by.as_deref(), &splits)?;
            run_on_survey(protocol, data, &survey, &splits, observer)
        }
    }
}

/// Loads the survey of a protocol under `data_folder`, as far as its splits name environments.
///
/// # Errors
/// Missing data, an unknown environment; a toy example, which has none.
pub(crate) fn load(protocol: &Protocol, data_folder: &Path) -> Result<Survey, Error> {
    let (format, path, environment_by) = match &protocol.data {
        DataSource::Survey(data) => (data.format, &data.path, &data.environment_by),
        DataSource::Csi(data) => (data.format, &data.path, &data.environment_by),
        DataSource::Toy(_) => return Err(Error::usage("a toy example has no survey")),
    };
    let place = (format, format.place(data_folder, path));
    load_splits(place, environment_by.as_deref(), &protocol.splits)
}

/// Loads the environments that the splits name; all of them for `*`.
pub(super) fn load_splits(
    (format, path): (SurveyFormat, PathBuf),
    environment_by: Option<&str>,
    splits: &[Split],
) -> Result<Survey, Error> {
    let all = splits.iter().flat_map(|split| split.historical.iter().chain(&split.new));
    let mut names: Vec<String> = all.cloned().collect();
    names.sort_unstable();
    names.dedup();
    let only = if names.iter().any(|name| name == "*") { None } else { Some(names.clone()) };
    let survey = format.load(&path, environment_by, only)?;
    let known = |name: &&String| *name != "*" && survey.environment(name).is_none();
    if let Some(unknown) = names.iter().find(known) {
        let have: Vec<&str> = survey.environments.iter().map(|e| e.name.as_str()).collect();
        return Err(Error::usage(format!(
            "{} has no environment `{unknown}`; it has {}",
            path.display(),
            have.join(", ")
        )));
    }
    Ok(survey)
}

/// The environments of a split, historical and new.
pub(super) fn environments<'a>(
    survey: &'a Survey,
    split: &Split,
) -> (Vec<&'a Environment>, Vec<&'a Environment>) {
    let named = |names: &[String]| {
        names.iter().filter_map(|name| survey.environment(name)).collect::<Vec<_>>()
    };
    let new = named(&split.new);
    let historical = if split.historical.iter().any(|name| name == "*") {
        survey.environments.iter().filter(|e| !split.new.contains(&e.name)).collect()
    } else {
        named(&split.historical)
    };
    (historical, new)
}

/// The sites of several environments, from samples of the named sets.
pub(super) fn sites(environments: &[&Environment], sets: &[String]) -> Vec<Site> {
    let keep = |sample: &crate::survey::Sample| is_one_of(&sample.set, sets);
    environments.iter().flat_map(|e| Site::of_environment(e, keep)).collect()
}

/// Runs a protocol on a survey in memory; `data` says which sets of samples are for what.
///
/// # Errors
/// As [`run`].
pub fn run_on_survey(
    protocol: &Protocol,
    data: &SurveyData,
    survey: &Survey,
    splits: &[Split],
    observer: &mut dyn EvaluationObserver,
) -> Result<Evaluation, Error> {
    let data_hash = survey.content_hash();
    let access_points = Arc::new(survey.access_points.clone());
    let total = splits.len() * protocol.seeds.len();
    let mut rows = Vec::new();
    for (done, (split, &seed)) in
        splits.iter().flat_map(|split| protocol.seeds.iter().map(move |s| (split, s))).enumerate()
    {
        let what = format!("split {}, seed {seed}", split.name);
        if observer.stage(done, total, &what).is_break() {
            return Err(interrupted());
        }
        let protocol = &protocol.for_split(split)?;
        let (old, new) = environments(survey, split);
        let historical = sites(&old, &data.historical_sets);
        let all = Historical {
            sites: &historical,
            validation_sites: &[],
            access_points: &access_points,
            data_hash: &data_hash,
        };
        let models = train_all(protocol, seed, |config, seed| {
            let mut training = Stoppable::new(observer);
            let model = meta_train(all, config, seed, None, &mut training)?;
            training.whole(model)
        })?;
        let cases = survey_cases(protocol, data, &new, &access_points, seed)?;
        let context =
            Context { protocol, split: &split.name, seed, data_hash: &data_hash, models: &models };
        rows.extend(context.evaluate(&cases, &historical)?);
    }
    Ok(Evaluation { rows, provenance: survey.provenance.clone() })
}

/// A case with how its results are labelled.
pub(super) struct LabelledCase {
    pub(super) case: Case,
    pub(super) floors: Floors,
    pub(super) points: usize,
}

fn survey_cases(
    protocol: &Protocol,
    data: &SurveyData,
    new: &[&Environment],
    access_points: &Arc<metaloc_radio::signal::AccessPoints>,
    seed: u64,
) -> Result<Vec<LabelledCase>, Error> {
    let mut cases = Vec::new();
    for (&floors, &points) in
        data.floors.iter().flat_map(|f| protocol.support.points.iter().map(move |p| (f, p)))
    {
        for (index, environment) in new.iter().enumerate() {
            let full = sites(&[environment], &data.support_sets);
            let queries = queries(environment, &data.test_sets);
            let groups: Vec<(String, Vec<Site>)> = match floors {
                Floors::Together => vec![(environment.name.clone(), full)],
                Floors::Apart => full.into_iter().map(|s| (s.label(), vec![s])).collect(),
            };
            for (label, full) in groups {
                let on_these = |at: &Position| full.iter().any(|site| site.floor == at.floor);
                let queries: Vec<_> =
                    queries.iter().filter(|(_, at)| on_these(at)).cloned().collect();
                if queries.is_empty() || full.is_empty() {
                    return Err(Error::usage(format!(
                        "environment {label} has no samples in the sets {} or {}",
                        data.support_sets.join(", "),
                        data.test_sets.join(", ")
                    )));
                }
                let mut rng = support_stream(seed, index, points, full[0].floor);
                let size = (points, protocol.support.samples_per_point);
                let case = Case::draw(&label, &full, queries, size, access_points, &mut rng)?;
                cases.push(LabelledCase { case, floors, points });
            }
        }
    }
    Ok(cases)
}

/// The stream that draws a new environment's support: the same for every method, another for each
/// environment, floor and size.
#[must_use]
fn support_stream(seed: u64, environment: usize, points: usize, floor: i32) -> ChaCha8Rng {
    let draw = ((points as u64) << 32) | u64::from(floor.unsigned_abs());
    stream(seed, Purpose::Support, environment as u64, draw)
}

fn queries(environment: &Environment, sets: &[String]) -> Vec<(RssScan, Position)> {
    let tested = environment.samples.iter().filter(|s| is_one_of(&s.set, sets));
    tested.map(|sample| (sample.scan.clone(), *environment.position(sample))).collect()
}

/// A trained start with the time that it took.
pub(super) struct Trained {
    pub(super) model: MetaModel,
    pub(super) train_s: f64,
}

/// Trains each distinct configuration of the protocol's learning methods once.
pub(super) fn train_all(
    protocol: &Protocol,
    seed: u64,
    mut train: impl FnMut(&LearningConfig, u64) -> Result<MetaModel, Error>,
) -> Result<BTreeMap<String, Trained>, Error> {
    let mut models = BTreeMap::new();
    for method in &protocol.methods {
        let Kind::Learn(algorithm) = Kind::of(&method.name)? else { continue };
        let config = LearningConfig { algorithm, ..protocol.learning_of(method)? };
        if let Entry::Vacant(vacant) = models.entry(training_key(&config)) {
            let begin = Instant::now();
            let mut config = config;
            // Judged with the support that there will be.
            config.auto.points.clone_from(&protocol.support.points);
            let model = train(&config, seed)?;
            vacant.insert(Trained { model, train_s: begin.elapsed().as_secs_f64() });
        }
    }
    Ok(models)
}

/// Names what decides a trained start; adapting and locating don't.
pub(super) fn training_key(config: &LearningConfig) -> String {
    let (adaptation, start) = (AdaptationSettings::default(), StartChoice::default());
    let mut config = LearningConfig { adaptation, start, ..config.clone() };
    if let Some(csi) = &mut config.csi {
        let defaults = CsiLearning::default();
        (csi.top_k, csi.candidates, csi.similarity) =
            (defaults.top_k, defaults.candidates, defaults.similarity);
        (csi.packets, csi.weights) = (defaults.packets, defaults.weights);
    }
    format!("{config:?}")
}

/// What all cases of one split and seed share.
pub(super) struct Context<'a> {
    pub(super) protocol: &'a Protocol,
    pub(super) split: &'a str,
    pub(super) seed: u64,
    pub(super) data_hash: &'a str,
    pub(super) models: &'a BTreeMap<String, Trained>,
}

impl Context<'_> {
    /// All methods on all cases; cases in parallel, rows in order.
    pub(super) fn evaluate(
        &self,
        cases: &[LabelledCase],
        historical: &[Site],
    ) -> Result<Vec<Row>, Error> {
        let pairs: Vec<(&LabelledCase, &MethodConfig)> = cases
            .iter()
            .flat_map(|case| self.protocol.methods.iter().map(move |method| (case, method)))
            .collect();
        pairs.par_iter().map(|(case, method)| self.row(case, method, historical)).collect()
    }

    /// A method's locator, with the start that it was adapted from.
    fn prepare(
        &self,
        case: &Case,
        method: &MethodConfig,
        config: &LearningConfig,
        historical: &[Site],
    ) -> Result<(methods::Prepared, Option<&Trained>), Error> {
        match Kind::of(&method.name)? {
            Kind::CompareCsi(_) => Err(Error::usage(format!(
                "method `{}` compares channel state information, the data is RSS",
                method.name
            ))),
            Kind::Compare { rule, map } => {
                let fingerprint = &config.fingerprint;
                let made = methods::compare((rule, map), method, fingerprint, case, historical)?;
                Ok((made, None))
            }
            Kind::Learn(_) => {
                let trained = self.models.get(&training_key(config)).ok_or_else(|| {
                    Error::usage(format!("no model was trained for `{}`", method.name))
                })?;
                Ok((methods::learn(&trained.model, config, case)?, Some(trained)))
            }
        }
    }

    fn row(
        &self,
        labelled: &LabelledCase,
        method: &MethodConfig,
        historical: &[Site],
    ) -> Result<Row, Error> {
        let case = &labelled.case;
        let mut config = self.protocol.learning_of(method)?;
        if let Kind::Learn(algorithm) = Kind::of(&method.name)? {
            config.algorithm = algorithm;
        }
        let config_hash = hash(&(method, &config))?;
        let prepared = self.prepare(case, method, &config, historical);
        let (prepared, trained) = match Error::needs_apart(prepared)? {
            Ok(prepared) => prepared,
            Err(needs) => {
                let empty = self.empty_row(labelled, &method.name);
                return Ok(Row { needs: Some(needs), config_hash, ..empty });
            }
        };
        let best_start_m = match trained {
            Some(trained) => best_start_m(&trained.model, &config, case)?,
            None => None,
        };
        let begin = Instant::now();
        let mut errors_m = Vec::with_capacity(case.queries.len());
        let (mut right_floor, mut places) = (0usize, Vec::new());
        for (scan, truth) in &case.queries {
            let estimate = prepared.locator.locate(scan).ok();
            let error_m = estimate.as_ref().map(|found| found.position.distance_m(truth));
            let place = [truth.x_m.to_bits(), truth.y_m.to_bits(), truth.floor as u64];
            PlaceAnswers::count(&mut places, place, error_m.map(|error| (error, false)));
            if let (Some(estimate), Some(error_m)) = (estimate, error_m) {
                errors_m.push(error_m);
                right_floor += usize::from(estimate.position.floor == truth.floor);
            }
        }
        let locate_us = begin.elapsed().as_secs_f64() * 1e6 / case.queries.len() as f64;
        let located = errors_m.len();
        let trained_steps = trained.map(|t| t.model.record.iterations);
        let mut row = Row {
            adapt_ms: prepared.adapt_ms,
            adaptation_steps: prepared.adaptation_steps,
            chosen: trained.and_then(|t| Judged::taken(&t.model.record.selection)),
            outer_steps: trained_steps,
            train_s: trained.map(|t| t.train_s),
            locate_us,
            not_located: case.queries.len() - located,
            config_hash,
            ..self.empty_row(labelled, &method.name)
        };
        if labelled.floors == Floors::Together {
            row.floor_accuracy = Some(right_floor as f64 / located.max(1) as f64);
        }
        row.errors = ErrorStatistics::of(&errors_m).unwrap_or_default();
        row.regret_m = best_start_m.map(|best| row.errors.mean_m - best);
        row.errors_m = errors_m;
        row.places = places;
        Ok(row)
    }

    fn empty_row(&self, labelled: &LabelledCase, method: &str) -> Row {
        Row {
            protocol: self.protocol.name.clone(),
            split: self.split.to_owned(),
            method: method.to_owned(),
            environment: labelled.case.environment.clone(),
            floors: labelled.floors.name().to_owned(),
            seed: self.seed,
            support_points: labelled.points,
            samples_per_point: self.protocol.support.samples_per_point,
            data_hash: self.data_hash.to_owned(),
            ..Row::default()
        }
    }
}

/// The least mean error that any start of a model gives (m); none for a model of one start.
fn best_start_m(
    model: &MetaModel,
    config: &LearningConfig,
    case: &Case,
) -> Result<Option<f64>, Error> {
    let mut best: Option<f64> = None;
    for alone in model.each_start() {
        let locator = methods::learn(&alone, config, case)?.locator;
        let located = case.queries.iter().filter_map(|(scan, truth)| {
            locator.locate(scan).ok().map(|found| found.position.distance_m(truth))
        });
        let errors: Vec<f64> = located.collect();
        let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
        best = Some(best.map_or(mean, |best| best.min(mean)));
    }
    Ok(best)
}

/// The first 16 hexadecimal digits of the SHA-256 of a configuration.
pub(crate) fn hash(configuration: &impl serde::Serialize) -> Result<String, Error> {
    let text = serde_json::to_string(configuration).map_err(|e| Error::usage(e.to_string()))?;
    let digest = Sha256::digest(text.as_bytes());
    Ok(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}
