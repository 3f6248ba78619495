//! The outer loop: iterations of draw tasks, sum their gradients, step; until it converges.
//!
//! The paper's Algorithm 1 returns theta* "when it converges". The rule here: every
//! `validation.every` iterations the mean query loss after adaptation is measured on fixed tasks
//! of held-out historical environments; training has converged when it did not improve for
//! `validation.patience` measurements in a row, and the parameters of the best measurement are
//! returned. Without validation, training runs for the given number of iterations.

use std::borrow::Cow;
use std::ops::ControlFlow;

use metaloc_nn::{Optimizer, OptimizerDescription};
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::adapt::AdaptationConfig;
use crate::message::{LossReply, LossRequest, TaskNumber};
use crate::round::Round;
use crate::seed::{Purpose, stream};
use crate::site::Site;
use crate::trace::gradient_alignment;
use crate::{MetaAlgorithm, MetaError};

/// Settings of the outer loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Most iterations (updates of the meta-parameters).
    pub iterations: u64,
    /// Tasks M in one iteration.
    pub tasks_per_iteration: usize,
    /// The outer step; Adam with step size beta = 1e-3 by default, as in the authors' code.
    pub outer: OptimizerDescription,
    /// Validation and the convergence rule.
    pub validation: ValidationConfig,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            iterations: 1000,
            tasks_per_iteration: 4,
            outer: OptimizerDescription::adam(1e-3),
            validation: ValidationConfig::default(),
        }
    }
}

/// When and how training is validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidationConfig {
    /// Iterations between two measurements.
    pub every: u64,
    /// Fixed tasks in one measurement.
    pub tasks: usize,
    /// Measurements without improvement after which training has converged.
    pub patience: u32,
    /// Measure the alignment of the environments' gradients too
    /// ([`gradient_alignment`]); takes one more iteration's work
    /// for each environment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub alignment: bool,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self { every: 50, tasks: 20, patience: 10, alignment: false }
    }
}

impl TrainingConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`MetaError::Setting`] naming the setting, or the optimizer's own error.
    pub fn check(&self) -> Result<(), MetaError> {
        let at_least_one = |setting, value: u64| {
            if value > 0 {
                Ok(())
            } else {
                Err(MetaError::Setting { setting, found: 0.0, expected: "at least 1" })
            }
        };
        at_least_one("iterations", self.iterations)?;
        at_least_one("tasks_per_iteration", self.tasks_per_iteration as u64)?;
        at_least_one("validation.every", self.validation.every)?;
        at_least_one("validation.tasks", self.validation.tasks as u64)?;
        Ok(self.outer.check()?)
    }
}

/// Everything that a run needs to go on: the content of a checkpoint.
#[derive(Debug, Clone)]
pub struct TrainingState {
    /// Iterations done.
    pub iteration: u64,
    /// Current meta-parameters theta.
    pub parameters: Vec<f32>,
    /// The outer optimizer with its memory.
    pub optimizer: Optimizer<f32>,
    /// Best validated parameters so far.
    pub best: Option<Best>,
    /// Measurements since the best one.
    pub validations_since_best: u32,
    /// Results of the runs done before this one, where several follow each other (MAML-TS).
    pub earlier: Vec<Vec<f32>>,
}

/// The best validated parameters of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// Mean query loss on the validation tasks.
    pub validation_loss: f32,
    /// Iterations done when it was measured.
    pub iteration: u64,
    /// The parameters.
    pub parameters: Vec<f32>,
}

impl TrainingState {
    /// The state before the first iteration.
    ///
    /// # Errors
    /// If the optimizer's settings are illegal.
    pub fn start(parameters: Vec<f32>, outer: &OptimizerDescription) -> Result<Self, MetaError> {
        let optimizer = outer.start(parameters.len())?;
        let (best, validations_since_best, earlier) = (None, 0, Vec::new());
        Ok(Self { iteration: 0, parameters, optimizer, best, validations_since_best, earlier })
    }

    /// The parameters that training returns: the best validated ones, else the current ones.
    #[must_use]
    pub fn result(&self) -> &[f32] {
        self.best.as_ref().map_or(&self.parameters, |best| &best.parameters)
    }
}

/// Why training stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The convergence rule held.
    Converged,
    /// All iterations were done.
    IterationsDone,
    /// The observer asked to stop; the state can be resumed.
    Interrupted,
}

/// One iteration, as the observer sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Iterations done.
    pub iteration: u64,
    /// Mean task loss of this iteration.
    pub training_loss: f32,
    /// Mean query loss on the validation tasks, if it was measured after this iteration.
    pub validation_loss: Option<f32>,
    /// Mean distance between the meta-parameters and what they are adapted to on these tasks.
    pub adaptation_distance: Option<f64>,
    /// Alignment of the environments' gradients, if it was asked for.
    pub gradient_alignment: Option<f64>,
}

/// Watches training, from one of its threads; the only way in which it tells anyone anything.
pub trait Observer: Send {
    /// Called after each iteration; `Break` stops, leaving `state` to be resumed.
    fn iteration(&mut self, progress: Progress, state: &TrainingState) -> ControlFlow<()>;
}

/// An observer that watches in silence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn iteration(&mut self, _: Progress, _: &TrainingState) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// The data of a training run: the sites that hold it, and one seed for all draws.
#[derive(Clone, Copy)]
pub struct TrainingData<'a> {
    /// Historical environments.
    pub sites: &'a [&'a dyn Site],
    /// Held-out historical environments, with the adaptation that precedes each measurement.
    pub validation: Option<(&'a [&'a dyn Site], AdaptationConfig)>,
    /// The seed of all task draws, which the sites know too.
    pub seed: u64,
}

/// Trains from `state` until the convergence rule holds, the iterations are done or the observer
/// asks to stop.
///
/// # Errors
/// An illegal setting, no site, a diverging loss, or what the sites report.
pub fn train<A: MetaAlgorithm>(
    algorithm: &A,
    data: TrainingData<'_>,
    config: &TrainingConfig,
    state: &mut TrainingState,
    observer: &mut dyn Observer,
) -> Result<Outcome, MetaError> {
    config.check()?;
    if data.sites.is_empty() {
        return Err(MetaError::TaskSource("no historical environment to learn from".into()));
    }
    // On a thread of the pool, so that no iteration waits for one to wake up.
    rayon::scope(|_| iterate(algorithm, data, config, state, observer))
}

/// The iterations of [`train`].
fn iterate<A: MetaAlgorithm>(
    algorithm: &A,
    data: TrainingData<'_>,
    config: &TrainingConfig,
    state: &mut TrainingState,
    observer: &mut dyn Observer,
) -> Result<Outcome, MetaError> {
    let mut round = Round::new(data.sites, config.tasks_per_iteration, data.seed);
    let mut gradient = vec![0.0; state.parameters.len()];
    while state.iteration < config.iterations {
        if state.validations_since_best >= config.validation.patience && state.best.is_some() {
            return Ok(Outcome::Converged);
        }
        round.iteration = state.iteration;
        let training_loss = algorithm.iterate(&mut round, &mut state.parameters, &mut gradient)?;
        if !training_loss.is_finite() {
            return Err(MetaError::Diverged {
                loss: training_loss,
                place: format!("iteration {}", state.iteration),
                inner_step_size: algorithm.inner_step_size(),
            });
        }
        state.optimizer.step(&mut state.parameters, &gradient)?;
        state.iteration += 1;
        let validation = validate(data, config, state)?;
        let gradient_alignment = match validation {
            Some(_) if config.validation.alignment => {
                gradient_alignment(&mut round, &state.parameters, state.iteration)?
            }
            _ => None,
        };
        let progress = Progress {
            iteration: state.iteration,
            training_loss,
            validation_loss: validation.map(|of| of.loss),
            adaptation_distance: validation.map(|of| of.distance),
            gradient_alignment,
        };
        if observer.iteration(progress, state).is_break() {
            return Ok(Outcome::Interrupted);
        }
    }
    Ok(Outcome::IterationsDone)
}

/// Measures the validation loss if it is due, and keeps the best parameters.
fn validate(
    data: TrainingData<'_>,
    config: &TrainingConfig,
    state: &mut TrainingState,
) -> Result<Option<LossReply>, MetaError> {
    let Some((sites, adaptation)) = data.validation else { return Ok(None) };
    if !state.iteration.is_multiple_of(config.validation.every)
        && state.iteration != config.iterations
    {
        return Ok(None);
    }
    let tasks = config.validation.tasks;
    let mean = mean_of_tasks(sites, &state.parameters, adaptation, (data.seed, tasks))?;
    let loss = mean.loss;
    if !loss.is_finite() {
        return Err(MetaError::Diverged {
            loss,
            place: format!("the validation after iteration {}", state.iteration),
            inner_step_size: adaptation.step_size,
        });
    }
    if state.best.as_ref().is_none_or(|best| loss < best.validation_loss) {
        let (iteration, parameters) = (state.iteration, state.parameters.clone());
        state.best = Some(Best { validation_loss: loss, iteration, parameters });
        state.validations_since_best = 0;
    } else {
        state.validations_since_best += 1;
    }
    Ok(Some(mean))
}

/// Mean query loss after adaptation, over `tasks` fixed tasks drawn with `seed`.
///
/// # Errors
/// What the sites report.
pub fn mean_query_loss(
    sites: &[&dyn Site],
    meta_parameters: &[f32],
    adaptation: AdaptationConfig,
    (seed, tasks): (u64, usize),
) -> Result<f32, MetaError> {
    Ok(mean_of_tasks(sites, meta_parameters, adaptation, (seed, tasks))?.loss)
}

/// Mean query loss and mean distance over the tasks of [`mean_query_loss`].
fn mean_of_tasks(
    sites: &[&dyn Site],
    meta_parameters: &[f32],
    adaptation: AdaptationConfig,
    (seed, tasks): (u64, usize),
) -> Result<LossReply, MetaError> {
    if sites.is_empty() {
        return Err(MetaError::TaskSource("no environment to validate on".into()));
    }
    let replies: Vec<Result<LossReply, MetaError>> = (0..tasks as u64)
        .into_par_iter()
        .map(|task| {
            let mut rng = stream(seed, Purpose::ValidationSites, 0, task);
            let site = sites[rng.random_range(0..sites.len())];
            let task = TaskNumber { iteration: 0, task };
            let meta_parameters = Cow::Borrowed(meta_parameters);
            site.query_loss(&LossRequest { task, meta_parameters, adaptation })
        })
        .collect();
    let mut mean = LossReply::default();
    for reply in replies {
        let LossReply { loss, distance } = reply?;
        mean.loss += loss;
        mean.distance += distance / tasks as f64;
    }
    mean.loss /= tasks as f32;
    Ok(mean)
}
