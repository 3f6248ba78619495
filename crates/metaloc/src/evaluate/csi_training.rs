//! The trained starts of an evaluation on recordings, each made once.
//!
//! Methods that adapt or locate differently share a start. Methods that differ in the number of iterations lie on one
//! way: the longest is trained, and the others' parameters are taken down in passing. That is the same as training
//! them alone, since without validation nothing in training looks at the number.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

use metaloc_meta::training::{Observer, Progress, TrainingState};

use super::EvaluationObserver;
use super::run::{Stoppable, training_key};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::learning::{CsiHistorical, CsiModel, LearningConfig, csi_train};

/// A start that a method asks for.
pub(super) struct Wanted<'a> {
    pub(super) config: LearningConfig,
    /// The historical sites, with windows cut as `config` says.
    pub(super) sites: &'a [CsiSite],
    /// Time that choosing the configuration took (s).
    pub(super) choosing_s: f64,
}

/// A trained start with the time that it took.
pub(super) struct Trained {
    pub(super) model: CsiModel,
    pub(super) train_s: f64,
}

/// The starts that are wanted, by what decides them ([`training_key`]).
pub(super) fn train(
    wanted: Vec<Wanted<'_>>,
    (seed, data_hash): (u64, &str),
    observer: &mut dyn EvaluationObserver,
) -> Result<BTreeMap<String, Trained>, Error> {
    let mut ways: BTreeMap<String, BTreeMap<u64, Wanted<'_>>> = BTreeMap::new();
    for wanted in wanted {
        let mut any_length = wanted.config.clone();
        any_length.training.iterations = 1;
        let way = ways.entry(training_key(&any_length)).or_default();
        way.entry(wanted.config.training.iterations).or_insert(wanted);
    }
    let mut all = BTreeMap::new();
    for mut way in ways.into_values() {
        while let Some((_, Wanted { config, sites, choosing_s })) = way.pop_last() {
            let mut passing = Passing::new(observer, way.keys().copied());
            let historical = CsiHistorical { sites, validation_sites: &[], data_hash };
            let begin = Instant::now();
            let model = csi_train(historical, &config, seed, None, &mut passing)?;
            let (model, train_s) = (passing.whole(model)?, begin.elapsed().as_secs_f64());
            // What was not passed, since this one is not trained or converged before, is trained by itself.
            way.retain(|_, shorter| {
                let passed = passing.at(&model, &shorter.config);
                let is_passed = passed.is_some();
                if let Some(Trained { model, train_s }) = passed {
                    let train_s = shorter.choosing_s + train_s;
                    all.insert(training_key(&shorter.config), Trained { model, train_s });
                }
                !is_passed
            });
            let train_s = choosing_s + train_s;
            all.insert(training_key(&config), Trained { model, train_s });
        }
    }
    Ok(all)
}

/// Takes parameters down at some numbers of iterations.
struct Passing<'a> {
    training: Stoppable<'a>,
    stops: BTreeMap<u64, Stop>,
    /// Runs before this one, where several follow each other (MAML-TS); begin of this one, and the last step.
    run: (usize, Instant, Instant),
}

/// What was taken down after a number of iterations.
#[derive(Default)]
struct Stop {
    /// Of each run.
    parameters: Vec<Vec<f32>>,
    /// Time that all runs took until here (s).
    train_s: f64,
}

impl<'a> Passing<'a> {
    fn new(observer: &'a mut dyn EvaluationObserver, stops: impl Iterator<Item = u64>) -> Self {
        let stops = stops.map(|iterations| (iterations, Stop::default())).collect();
        let now = Instant::now();
        Self { training: Stoppable::new(observer), stops, run: (0, now, now) }
    }

    /// What was trained, if it was not stopped.
    fn whole<T>(&self, trained: T) -> Result<T, Error> {
        self.training.whole(trained)
    }

    /// The start of `config`, which was passed on the way to `last`; none if it was not.
    fn at(&self, last: &CsiModel, config: &LearningConfig) -> Option<Trained> {
        let iterations = config.training.iterations;
        let Stop { parameters, train_s } = self.stops.get(&iterations)?;
        if parameters.len() != last.starts.len().max(1) || last.record.best_iteration.is_some() {
            return None;
        }
        let mut model = last.clone();
        model.config.training.iterations = iterations;
        model.record.iterations = iterations;
        model.parameters.clone_from(&parameters[0]);
        for (start, parameters) in model.starts.iter_mut().zip(parameters) {
            start.parameters.clone_from(parameters);
        }
        Some(Trained { model, train_s: *train_s })
    }
}

impl Observer for Passing<'_> {
    fn iteration(&mut self, progress: Progress, state: &TrainingState) -> ControlFlow<()> {
        let (runs, begin, last_step) = &mut self.run;
        if *runs != state.earlier.len() {
            (*runs, *begin) = (state.earlier.len(), *last_step);
        }
        *last_step = Instant::now();
        if let Some(stop) = self.stops.get_mut(&state.iteration) {
            stop.parameters.push(state.parameters.clone());
            stop.train_s += begin.elapsed().as_secs_f64();
        }
        self.training.iteration(progress, state)
    }
}
