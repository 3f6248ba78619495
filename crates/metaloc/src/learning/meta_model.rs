//! Meta-training on sites, and what comes out of it.

use metaloc_meta::adapt::AdaptationConfig;
use metaloc_meta::baseline::TransferLearning;
use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::training::{Observer, Outcome, TrainingData, TrainingState, train};
use metaloc_meta::{Learner, NetworkLearner, TaskSource};
use metaloc_nn::NetworkDescription;
use metaloc_radio::signal::{AccessPointId, AccessPoints};
use serde::{Deserialize, Serialize};

use super::site_tasks::{EncodedTasks, SurveyedSites};
use super::{Algorithm, Encoder, LearningConfig, POSITION_OUTPUTS};
use crate::error::Error;
use crate::site::Site;

/// A trained start: meta-parameters with everything needed to use them.
#[derive(Debug, Clone, PartialEq)]
pub struct MetaModel<E = Encoder> {
    /// The configuration that it was trained with.
    pub config: LearningConfig,
    /// The network.
    pub network: NetworkDescription,
    /// From measurements to inputs.
    pub encoder: E,
    /// Meta-parameters theta*, flat.
    pub parameters: Vec<f32>,
    /// How it came about.
    pub record: TrainingRecord,
}

/// How a model came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// Seed of all draws.
    pub seed: u64,
    /// Historical environments.
    pub environments: Vec<String>,
    /// Environments that training was validated on.
    pub validation_environments: Vec<String>,
    /// Access points heard in them, by name.
    pub access_points: Vec<String>,
    /// Hash of the survey that they come from.
    pub data_hash: String,
    /// Iterations done.
    pub iterations: u64,
    /// Iteration of the parameters kept, where training was validated.
    pub best_iteration: Option<u64>,
    /// Validation loss of the parameters kept (frame units).
    pub validation_loss: Option<f32>,
    /// Why training stopped; `None` for a random start.
    pub outcome: Option<Outcome>,
}

impl<E> MetaModel<E> {
    /// The learner that the parameters belong to.
    ///
    /// # Errors
    /// If the network's description is not consistent.
    pub fn learner(&self) -> Result<NetworkLearner, Error> {
        learner(&self.network, &self.config)
    }
}

fn learner(network: &NetworkDescription, config: &LearningConfig) -> Result<NetworkLearner, Error> {
    let (loss, initializer) = (config.loss(), config.network.initializer);
    Ok(NetworkLearner { network: network.check()?, loss, initializer })
}

/// Historical data of a training run.
#[derive(Clone, Copy)]
pub struct Historical<'a> {
    /// Sites to learn from.
    pub sites: &'a [Site],
    /// Sites held out to decide when training has converged; may be empty.
    pub validation_sites: &'a [Site],
    /// The access points that their scans refer to.
    pub access_points: &'a AccessPoints,
    /// Hash of the survey.
    pub data_hash: &'a str,
}

/// Fits an encoder and trains on `historical` from the start, or on from `state`.
///
/// A random-initialization "training" only fits the encoder and draws the weights.
///
/// # Errors
/// An illegal setting, a site with too few points, a diverging loss, a state of another network.
pub fn meta_train(
    historical: Historical<'_>,
    config: &LearningConfig,
    seed: u64,
    state: Option<TrainingState>,
    observer: &mut dyn Observer,
) -> Result<MetaModel, Error> {
    config.check()?;
    let (task, fingerprint) = (config.task, config.fingerprint);
    let tasks = SurveyedSites::new(historical.sites, task, &fingerprint)?;
    let mut rng = stream(seed, Purpose::Initialization, 1, 0);
    let access_points = historical.access_points;
    let encoder = Encoder::fit(fingerprint, &tasks, historical.sites, access_points, &mut rng)?;
    let bound = encoder.bind(access_points);
    let source = EncodedTasks { origin: &tasks, encoder: &bound };
    let held_out = match historical.validation_sites {
        [] => None,
        sites => Some(SurveyedSites::new(sites, task, &fingerprint)?),
    };
    let held_out = held_out.as_ref().map(|origin| EncodedTasks { origin, encoder: &bound });
    let validation = held_out.as_ref().map(|tasks| (tasks as &dyn TaskSource, config.adaptation()));
    let history = History {
        environments: names(historical.sites),
        validation_environments: names(historical.validation_sites),
        access_points: heard(historical.sites, access_points),
        data_hash: historical.data_hash.to_owned(),
    };
    let start = TrainingStart { encoder: encoder.clone(), history, state };
    train_on(&source, validation, start, config, seed, observer)
}

/// What a training run starts from.
pub(crate) struct TrainingStart {
    pub(crate) encoder: Encoder,
    pub(crate) history: History,
    /// A checkpoint to go on from.
    pub(crate) state: Option<TrainingState>,
}

/// What a training record says of the data.
pub(crate) struct History {
    pub(crate) environments: Vec<String>,
    pub(crate) validation_environments: Vec<String>,
    pub(crate) access_points: Vec<String>,
    pub(crate) data_hash: String,
}

/// As [`meta_train`], on any source of tasks that the start's encoder encodes.
pub(crate) fn train_on(
    source: &dyn TaskSource,
    validation: Option<(&dyn TaskSource, AdaptationConfig)>,
    start: TrainingStart,
    config: &LearningConfig,
    seed: u64,
    observer: &mut dyn Observer,
) -> Result<MetaModel, Error> {
    config.check()?;
    let TrainingStart { encoder, history, state } = start;
    let network = config.network.describe(&encoder.inputs(), POSITION_OUTPUTS)?;
    let tasks = Tasks { source, validation };
    let (parameters, record) =
        train_network(&network, &tasks, history, state, (config, seed), observer)?;
    Ok(MetaModel { config: config.resolved(), network, encoder, parameters, record })
}

/// Where a training run's tasks come from.
pub(crate) struct Tasks<'a> {
    pub(crate) source: &'a dyn TaskSource,
    pub(crate) validation: Option<(&'a dyn TaskSource, AdaptationConfig)>,
}

/// Trains a network by the configured algorithm: parameters, and how they came about.
pub(crate) fn train_network(
    network: &NetworkDescription,
    tasks: &Tasks<'_>,
    history: History,
    state: Option<TrainingState>,
    (config, seed): (&LearningConfig, u64),
    observer: &mut dyn Observer,
) -> Result<(Vec<f32>, TrainingRecord), Error> {
    let learner = learner(network, config)?;
    let mut state = match state {
        Some(state) => state,
        None => {
            let mut rng = stream(seed, Purpose::Initialization, 0, 0);
            TrainingState::start(learner.initial_parameters(&mut rng), &config.training.outer)?
        }
    };
    let Tasks { source, validation } = *tasks;
    let data = TrainingData { source, validation, seed };
    let training = &config.training;
    let outcome = match config.algorithm {
        Algorithm::Ri => None,
        Algorithm::Maml => {
            Some(train(&learner, &config.maml.check()?, data, training, &mut state, observer)?)
        }
        Algorithm::Tl => {
            Some(train(&learner, &TransferLearning, data, training, &mut state, observer)?)
        }
    };
    let History { environments, validation_environments, access_points, data_hash } = history;
    let record = TrainingRecord {
        seed,
        environments,
        validation_environments,
        access_points,
        data_hash,
        iterations: state.iteration,
        best_iteration: state.best.as_ref().map(|best| best.iteration),
        validation_loss: state.best.as_ref().map(|best| best.validation_loss),
        outcome,
    };
    Ok((state.result().to_vec(), record))
}

/// Names of the environments of `sites`, which stand together.
fn names(sites: &[Site]) -> Vec<String> {
    let mut names: Vec<String> = sites.iter().map(|site| site.environment.clone()).collect();
    names.dedup();
    names
}

/// Names of the access points that any scan heard, in index order.
fn heard(sites: &[Site], access_points: &AccessPoints) -> Vec<String> {
    let scans = sites.iter().flat_map(|site| &site.points).flat_map(|point| &point.scans);
    let ids: std::collections::BTreeSet<AccessPointId> =
        scans.flat_map(|scan| scan.readings()).map(|&(id, _)| id).collect();
    ids.into_iter().map(|id| access_points.name(id).to_owned()).collect()
}
