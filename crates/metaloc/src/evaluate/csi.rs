//! Evaluation on surveys with channel state information: which surveyed point, and how far off.
//!
//! A new environment's sets are its time: the first so many are the survey, of which a case draws
//! points and windows; windows of later sets are located. No set is on both sides.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_radio::preprocess::CsiConfig;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::csi_answers::{Answers, Query, queries};
use super::csi_methods::{CsiCase, compare};
use super::csi_training::{self, Trained, Wanted};
use super::csi_windows::{self, NewSite, Windows, cut};
use super::methods::Kind;
use super::run::{environments, hash, interrupted, load_splits, training_key};
use super::{
    ErrorStatistics, Evaluation, EvaluationObserver, MethodConfig, Overrides, Protocol, Row, Split,
    Unwatched,
};
use crate::auto::{Judged, choose_csi};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::learning::{
    Algorithm, CsiLearning, CsiModel, CsiSiteModel, LearningConfig, draw_csi_support,
};
use crate::locate::{CsiLocator, csi_locator};
use crate::survey::{Environment, Survey, SurveyFormat, is_one_of};

/// A survey with channel state information, and how its time is divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsiData {
    /// Format on disk.
    pub format: SurveyFormat,
    /// Folder or file under the data folder.
    pub path: PathBuf,
    /// What makes an environment; the format's default if left out.
    #[serde(default)]
    pub environment_by: Option<String>,
    /// Sets that are used at all, such as `ref-*`.
    pub sets: Vec<String>,
    /// A new environment's support is drawn from so many of its sets, the first by name.
    pub support_first: usize,
    /// So many of its sets, the first by name, are not located; at least `support_first`.
    pub test_after: usize,
    /// Draws of points and windows in each new environment.
    pub draws: usize,
    /// At most so many windows a point are located, the first; all if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_windows: Option<usize>,
}

impl CsiData {
    /// Checks the division of time.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.support_first == 0 || self.test_after < self.support_first || self.draws == 0 {
            return Err(Error::usage(
                "`data.support_first` and `data.draws` must be at least 1, `data.test_after` at \
                 least `support_first`: what is located lies behind the survey",
            ));
        }
        Ok(())
    }

    /// An environment's sets in order, those of them that are used.
    pub(crate) fn sets_of(&self, environment: &Environment) -> Vec<String> {
        let sets = environment.samples.iter().map(|sample| sample.set.to_string());
        let mut sets: Vec<String> = sets.filter(|set| is_one_of(set, &self.sets)).collect();
        sets.sort_unstable();
        sets.dedup();
        sets
    }

    /// A new environment's windows, those surveyed and those located.
    pub(crate) fn cut_new(
        &self,
        survey: &Survey,
        environment: &Environment,
        config: &CsiConfig,
    ) -> Result<NewSite, Error> {
        let sets = self.sets_of(environment);
        let until = |n: usize| n.min(sets.len());
        let surveyed = &sets[..until(self.support_first)];
        let located = &sets[until(self.test_after)..];
        let mut later = cut(survey, environment, located, config)?;
        for point in &mut later.points {
            point.windows.truncate(self.test_windows.unwrap_or(usize::MAX));
        }
        Ok(NewSite { survey: cut(survey, environment, surveyed, config)?, later })
    }
}

/// Runs a protocol on a survey under `data_folder`.
pub(super) fn run(
    protocol: &Protocol,
    data: &CsiData,
    data_folder: &Path,
    overrides: &Overrides,
    observer: &mut dyn EvaluationObserver,
) -> Result<Evaluation, Error> {
    let splits = overrides.splits(protocol);
    let place = (data.format, data.format.place(data_folder, &data.path));
    let survey = load_splits(place, data.environment_by.as_deref(), &splits)?;
    run_on_csi_survey(protocol, data, &survey, &splits, observer)
}

/// Runs a protocol on a survey in memory.
///
/// # Errors
/// As [`super::run()`].
pub fn run_on_csi_survey(
    protocol: &Protocol,
    data: &CsiData,
    survey: &Survey,
    splits: &[Split],
    observer: &mut dyn EvaluationObserver,
) -> Result<Evaluation, Error> {
    let data_hash = survey.content_hash();
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
        let (historical, new) = environments(survey, split);
        let chosen = BTreeMap::new();
        let runner = Runner { protocol, data, survey, data_hash: &data_hash, chosen };
        let (of_split, models) = runner.rows(split, (&historical, &new), seed, observer)?;
        rows.extend(of_split);
        models.iter().for_each(|(method, model)| observer.trained(method, model));
    }
    Ok(Evaluation { rows, provenance: survey.provenance.clone() })
}

/// Each variant's accuracy and mean error (m) over the split's historical environments, each held
/// out in turn.
pub(super) fn held_out_scores(
    protocol: &Protocol,
    data: &CsiData,
    survey: &Survey,
    split: &Split,
    data_hash: &str,
) -> Result<Vec<(f64, f64)>, Error> {
    let (historical, _) = environments(survey, split);
    let draws = protocol.select.draws.max(1);
    let data = CsiData { draws, ..data.clone() };
    let mut sums = vec![(0.0, 0.0, 0usize); protocol.methods.len()];
    for held_out in &historical {
        let others: Vec<_> =
            historical.iter().filter(|e| e.name != held_out.name).copied().collect();
        let chosen = BTreeMap::new();
        let runner = Runner { protocol, data: &data, survey, data_hash, chosen };
        let (rows, _) =
            runner.rows(split, (&others, &[held_out]), protocol.seeds[0], &mut Unwatched)?;
        for (i, row) in rows.iter().enumerate() {
            let sum = &mut sums[i % protocol.methods.len()];
            sum.0 += row.accuracy.unwrap_or(0.0);
            sum.1 += row.score_m();
            sum.2 += 1;
        }
    }
    Ok(sums.into_iter().map(|(hits, m, n)| (hits / n as f64, m / n as f64)).collect())
}

/// One split's evaluation.
struct Runner<'a> {
    protocol: &'a Protocol,
    data: &'a CsiData,
    survey: &'a Survey,
    data_hash: &'a str,
    /// What methods of algorithm `auto` chose.
    chosen: BTreeMap<String, Chosen>,
}

/// What `auto` chose.
struct Chosen {
    config: LearningConfig,
    /// Name of the candidate; none if nothing could be judged.
    name: Option<String>,
    /// Time that it took (s).
    choosing_s: f64,
}

/// A draw in a new environment.
#[derive(Clone, Copy)]
pub(crate) struct CsiDraw {
    pub(crate) environment: usize,
    pub(crate) index: u64,
    pub(crate) points: usize,
    pub(crate) seed: u64,
}

impl CsiDraw {
    /// The draw's random numbers for one purpose.
    fn stream(self, purpose: Purpose) -> ChaCha8Rng {
        let draw = self.index << 32 | self.points as u64;
        stream(self.seed, purpose, self.environment as u64, draw)
    }

    /// The support drawn from what was surveyed.
    pub(crate) fn support(self, surveyed: &CsiSite, samples: usize) -> Result<CsiSite, Error> {
        let points = self.points.min(surveyed.points.len());
        draw_csi_support(surveyed, points, samples, &mut self.stream(Purpose::Support))
    }
}

/// Each learning method's start.
type Starts = Vec<(String, CsiModel)>;

impl Runner<'_> {
    /// One row a draw and method, and each learning method's start.
    fn rows(
        mut self,
        split: &Split,
        (historical, new): (&[&Environment], &[&Environment]),
        seed: u64,
        observer: &mut dyn EvaluationObserver,
    ) -> Result<(Vec<Row>, Starts), Error> {
        self.choose(historical, seed)?;
        let mut windows: HashMap<String, Result<Windows, String>> = HashMap::new();
        for method in &self.protocol.methods {
            let config = self.config(method)?;
            if let Entry::Vacant(vacant) = windows.entry(self.windows_key(method)?) {
                let settings = csi_settings(&config)?;
                let cut = Windows::cut((self.data, self.survey), settings, (historical, new));
                vacant.insert(Error::needs_apart(cut)?);
            }
        }
        let mut wanted = Vec::new();
        for method in &self.protocol.methods {
            let Kind::Learn(_) = Kind::of(&method.name)? else { continue };
            let Ok(cut) = &windows[&self.windows_key(method)?] else { continue };
            let (config, sites) = (self.config(method)?, &cut.historical[..]);
            let choosing_s = self.chosen.get(&method.name).map_or(0.0, |chosen| chosen.choosing_s);
            wanted.push(Wanted { config, sites, choosing_s });
        }
        let models = csi_training::train(wanted, (seed, self.data_hash), observer)?;
        let mut draws = Vec::new();
        for &points in &self.protocol.support.points {
            for environment in 0..new.len() {
                for index in 0..self.data.draws as u64 {
                    draws.push(CsiDraw { environment, index, points, seed });
                }
            }
        }
        let methods = &self.protocol.methods;
        let pairs = draws.iter().flat_map(|d| methods.iter().map(move |method| (*d, method)));
        // One after the other: adaptation is timed, and takes all threads itself.
        let prepared = pairs.map(|(draw, method)| match &windows[&self.windows_key(method)?] {
            Ok(cut) => self.prepare(draw, method, cut, &models),
            Err(needs) => Ok(Prepared::lacking(draw, method, new[draw.environment], needs)),
        });
        let prepared = prepared.collect::<Result<Vec<Prepared<'_>>, Error>>()?;
        let rows = prepared.par_iter().map(|prepared| self.row(split, prepared)).collect();
        let mut starts = Vec::new();
        for method in methods {
            let config = self.config(method)?;
            if let Some(trained) = models.get(&training_key(&config)) {
                let model = with_settings(&trained.model, csi_settings(&config)?);
                starts.push((method.name.clone(), model));
            }
        }
        Ok((rows, starts))
    }

    /// Lets methods of algorithm `auto` choose on the historical environments.
    fn choose(&mut self, historical: &[&Environment], seed: u64) -> Result<(), Error> {
        for method in &self.protocol.methods {
            if Kind::of(&method.name)? != Kind::Learn(Algorithm::Auto) {
                continue;
            }
            let begin = Instant::now();
            let mut base = self.protocol.learning_of(method)?;
            base.auto.points.clone_from(&self.protocol.support.points);
            let sites = |config: &CsiConfig| {
                let cut = |e: &&Environment| cut(self.survey, e, &self.data.sets, config);
                historical.iter().map(cut).collect()
            };
            let choice = choose_csi(&sites, &base, seed)?;
            let choosing_s = begin.elapsed().as_secs_f64();
            let (config, name) = (choice.config, Judged::taken(&choice.table));
            self.chosen.insert(method.name.clone(), Chosen { config, name, choosing_s });
        }
        Ok(())
    }

    fn config(&self, method: &MethodConfig) -> Result<LearningConfig, Error> {
        if let Some(chosen) = self.chosen.get(&method.name) {
            return Ok(chosen.config.clone());
        }
        let config = self.protocol.learning_of(method)?;
        Ok(match Kind::of(&method.name)? {
            Kind::Learn(algorithm) => LearningConfig { algorithm, ..config },
            _ => config,
        })
    }

    /// Names the way in which a method's windows are cut, and whether it reads their levels.
    fn windows_key(&self, method: &MethodConfig) -> Result<String, Error> {
        let config = self.config(method)?;
        let settings = csi_settings(&config)?;
        Ok(format!("{:?} {}", settings.window, csi_windows::reads_levels(settings)))
    }

    fn samples_per_point(&self, method: &MethodConfig) -> usize {
        method.samples_per_point.unwrap_or(self.protocol.support.samples_per_point)
    }

    /// Makes a method's locator for a draw.
    fn prepare<'m>(
        &self,
        draw: CsiDraw,
        method: &'m MethodConfig,
        cut: &Windows,
        models: &BTreeMap<String, Trained>,
    ) -> Result<Prepared<'m>, Error> {
        let config = self.config(method)?;
        let settings = csi_settings(&config)?;
        let site = &cut.new[draw.environment];
        let samples = self.samples_per_point(method);
        let support = draw.support(&site.survey, samples)?;
        let queries = queries(&site.later, &support);
        let kind = Kind::of(&method.name)?;
        let mut outer_steps_and_s = None;
        let mut begin = Instant::now();
        let mut others: Vec<Box<dyn CsiLocator>> = Vec::new();
        let locator = match kind {
            Kind::Learn(_) => {
                let trained = &models[&training_key(&config)];
                outer_steps_and_s = Some((trained.model.record.iterations, trained.train_s));
                let mut model = with_settings(&trained.model, settings);
                model.config.start = config.start;
                for alone in model.each_start() {
                    let support = support.clone();
                    let adapted = CsiSiteModel::adapt(&alone, support, config.adaptation())?;
                    others.push(csi_locator(adapted)?);
                }
                begin = Instant::now();
                let adapted = CsiSiteModel::adapt(&model, support.clone(), config.adaptation())?;
                csi_locator(adapted)
            }
            _ => {
                let rng = draw.stream(Purpose::Locator);
                let (historical, range) = (&cut.historical[..], cut.range.as_ref());
                let support = &support;
                compare(kind, method, CsiCase { settings, support, historical, range, rng })
            }
        };
        let locator = Error::needs_apart(locator)?;
        let adapt_ms = begin.elapsed().as_secs_f64() * 1e3;
        Ok(Prepared {
            draw,
            method,
            support,
            queries,
            locator,
            others,
            outer_steps_and_s,
            adaptation_steps: outer_steps_and_s.map(|_| config.adaptation().steps),
            adapt_ms: (outer_steps_and_s.is_some() || kind.takes_time()).then_some(adapt_ms),
            config_hash: hash(&(method, &config))?,
        })
    }

    fn row(&self, split: &Split, prepared: &Prepared<'_>) -> Row {
        let Prepared { draw, method, support, queries, locator, .. } = prepared;
        let answers = match locator {
            Ok(locator) => Answers::of(&**locator, queries, support),
            Err(_) => Answers::default(),
        };
        let accuracy = answers.hits as f64 / queries.len().max(1) as f64;
        let mean_m = |of: &Answers| of.errors_m.iter().sum::<f64>() / of.errors_m.len() as f64;
        let of_starts = prepared.others.iter();
        let of_starts = of_starts.map(|other| mean_m(&Answers::of(&**other, queries, support)));
        let best_m = of_starts.reduce(f64::min);
        Row {
            protocol: self.protocol.name.clone(),
            split: split.name.clone(),
            method: method.name.clone(),
            environment: support.environment.clone(),
            floors: "together".into(),
            seed: draw.seed,
            draw: (self.data.draws > 1).then_some(draw.index),
            needs: locator.as_ref().err().cloned(),
            not_located: queries.len() - answers.errors_m.len(),
            support_points: draw.points,
            // What there was: a short survey may have fewer than were asked for.
            samples_per_point: support.points.iter().map(|p| p.windows.len()).max().unwrap_or(0),
            errors: ErrorStatistics::of(&answers.errors_m).unwrap_or_default(),
            accuracy: locator.is_ok().then_some(accuracy),
            floor_accuracy: None,
            chosen: self.chosen.get(&method.name).and_then(|chosen| chosen.name.clone()),
            outer_steps: prepared.outer_steps_and_s.map(|(steps, _)| steps),
            adaptation_steps: prepared.adaptation_steps,
            train_s: prepared.outer_steps_and_s.map(|(_, s)| s),
            adapt_ms: prepared.adapt_ms,
            regret_m: best_m.map(|best| mean_m(&answers) - best),
            locate_us: answers.locate_us,
            config_hash: prepared.config_hash.clone(),
            data_hash: self.data_hash.to_owned(),
            errors_m: answers.errors_m,
            places: answers.places,
        }
    }
}

/// A method ready to locate in a new environment.
struct Prepared<'m> {
    draw: CsiDraw,
    method: &'m MethodConfig,
    support: CsiSite,
    queries: Vec<Query>,
    /// Or what the method needs.
    locator: Result<Box<dyn CsiLocator>, String>,
    /// The same from each start, where there are several.
    others: Vec<Box<dyn CsiLocator>>,
    /// Of the start: updates, and their time (s).
    outer_steps_and_s: Option<(u64, f64)>,
    /// Steps in the new environment.
    adaptation_steps: Option<usize>,
    /// Time that adapting or fitting took (ms).
    adapt_ms: Option<f64>,
    config_hash: String,
}

impl<'m> Prepared<'m> {
    /// A method that can't run: what it needs is not in the recordings.
    fn lacking(draw: CsiDraw, method: &'m MethodConfig, new: &Environment, needs: &str) -> Self {
        let support = CsiSite {
            environment: new.name.clone(),
            access_points: Vec::new(),
            kinds: Vec::new(),
            points: Vec::new(),
        };
        Self {
            draw,
            method,
            support,
            queries: Vec::new(),
            locator: Err(needs.to_owned()),
            others: Vec::new(),
            outer_steps_and_s: None,
            adaptation_steps: None,
            adapt_ms: None,
            config_hash: String::new(),
        }
    }
}

fn csi_settings(config: &LearningConfig) -> Result<&CsiLearning, Error> {
    config.csi.as_ref().ok_or_else(|| {
        Error::usage("the protocol's data is channel state information: it needs `[learning.csi]`")
    })
}

/// A trained model with the settings of locating that a method asks for.
fn with_settings(model: &CsiModel, settings: &CsiLearning) -> CsiModel {
    let mut model = model.clone();
    let own = &mut model.encoder.config;
    own.packets = settings.packets.clone();
    (own.top_k, own.candidates, own.similarity) =
        (settings.top_k, settings.candidates, settings.similarity);
    own.weights = settings.weights;
    model
}
