//! Meta-training on sites, and what comes out of it.

use metaloc_meta::adapt::{AdaptationConfig, Adapted, adapt_with};
use metaloc_meta::registry::Visitor;
use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::site::{Environment, in_process};
use metaloc_meta::training::{Observer, Outcome, TrainingData, TrainingState, train};
use metaloc_meta::{Batch, Learner, MetaAlgorithm, MetaError, NetworkLearner, StepSizes};
use metaloc_nn::NetworkDescription;
use metaloc_radio::signal::{AccessPointId, AccessPoints};

use super::maml_ts::MamlTs;
use super::record::{History, TrainingRecord};
use super::site_tasks::{EncodedTasks, SurveyedSite, surveyed_sites};
use super::starts::{self, Start, StartChoice, StartDistance};
use super::{
    Algorithm, BoundEncoder, Encoder, LearningConfig, POSITION_OUTPUTS, adaptation_steps,
    theorem_one,
};
use crate::auto;
use crate::error::Error;
use crate::site::Site;

/// A trained start: meta-parameters with everything needed to use them.
#[derive(Debug, Clone, PartialEq)]
pub struct MetaModel<E = Encoder> {
    /// The configuration that it was trained with.
    pub config: LearningConfig,
    /// The network; `None` where the algorithm has none.
    pub network: Option<NetworkDescription>,
    /// From measurements to inputs.
    pub encoder: E,
    /// Meta-parameters, flat: the network's theta*, then what the algorithm learned besides. With
    /// several starts, the first one's.
    pub parameters: Vec<f32>,
    /// MAML-TS: a start for each environment; empty for all others, and once adapted.
    pub starts: Vec<Start>,
    /// Adapted parameters that answer beside `parameters`: with [`StartChoice::All`].
    pub companions: Vec<Vec<f32>>,
    /// How it came about.
    pub record: TrainingRecord,
}

impl<E> MetaModel<E> {
    /// A model that locates without a network.
    pub(crate) const fn without_network(
        config: LearningConfig,
        encoder: E,
        record: TrainingRecord,
    ) -> Self {
        Self {
            config,
            network: None,
            encoder,
            parameters: Vec::new(),
            starts: Vec::new(),
            companions: Vec::new(),
            record,
        }
    }

    /// Parameters of the networks that answer: one's, unless all starts of several do.
    pub(crate) fn members(&self) -> impl Iterator<Item = &[f32]> {
        std::iter::once(&self.parameters[..]).chain(self.companions.iter().map(|p| &p[..]))
    }

    /// Each start as a model of its own: nothing is left to choose.
    pub(crate) fn each_start(&self) -> impl Iterator<Item = Self>
    where
        E: Clone,
    {
        self.starts.iter().map(|start| Self {
            config: self.config.clone(),
            network: self.network.clone(),
            encoder: self.encoder.clone(),
            parameters: start.parameters.clone(),
            starts: Vec::new(),
            companions: Vec::new(),
            record: self.record.clone(),
        })
    }

    /// Takes adapted parameters in place of the starts.
    pub(crate) fn become_adapted(&mut self, mut adapted: Vec<Adapted>) -> Vec<f32> {
        let companions = adapted.split_off(1.min(adapted.len()));
        self.companions = companions.into_iter().map(|other| other.parameters).collect();
        self.starts.clear();
        let Some(Adapted { parameters, support_losses }) = adapted.pop() else { return Vec::new() };
        self.parameters = parameters;
        support_losses
    }

    /// The learner that the parameters belong to.
    ///
    /// # Errors
    /// If there is no network, or its description is not consistent.
    pub fn learner(&self) -> Result<NetworkLearner, Error> {
        let network = self.network.as_ref().ok_or_else(|| {
            let algorithm = self.config.algorithm.name();
            Error::usage(format!("a model of algorithm `{algorithm}` has no network"))
        })?;
        learner(network, &self.config)
    }

    /// How far a support set is from each start; nothing for a model of one start.
    ///
    /// # Errors
    /// If the support set has too few samples to be compared.
    pub(crate) fn start_distances(
        &self,
        support: &Batch,
        adaptation: AdaptationConfig,
    ) -> Result<Vec<StartDistance>, Error> {
        let mut distances = starts::distances(&self.starts, support)?;
        if self.config.start == StartChoice::HeldOutLoss {
            // A start that is not adapted at all is judged after a step: by what it learns quickly.
            let adaptation = AdaptationConfig { steps: adaptation.steps.max(1), ..adaptation };
            let learner = self.learner()?;
            for (distance, start) in distances.iter_mut().zip(&self.starts) {
                distance.held_out_loss =
                    starts::held_out_loss(&learner, &start.parameters, support, adaptation)?;
            }
        }
        Ok(distances)
    }

    /// Adapts the network's parameters, those of the chosen start, to a support set; with several
    /// starts, `distances` are theirs, and if all of them answer, so many are adapted, the nearest first.
    ///
    /// # Errors
    /// An illegal step size or a diverging loss.
    pub(crate) fn adapted(
        &self,
        support: &Batch,
        adaptation: AdaptationConfig,
        distances: &[StartDistance],
    ) -> Result<Vec<Adapted>, Error> {
        let learner = self.learner()?;
        let sizes = match self.config.algorithm {
            Algorithm::Trained(name) => {
                let meta_parameters = &self.parameters[..];
                let adaptation = adaptation.check()?;
                let visitor = StepSizesOf { learner: &learner, meta_parameters, adaptation };
                name.visit(self.config.maml, &self.config.variants, visitor)?
            }
            _ => StepSizes::uniform(adaptation.check()?.step_size),
        };
        let mut chosen: Vec<&[f32]> = match &self.starts[..] {
            [] => vec![&self.parameters[..learner.n_parameters()]],
            all => vec![&all[starts::chosen(distances, self.config.start)].parameters],
        };
        if self.config.start == StartChoice::All {
            let nearest = chosen[0];
            let others = self.starts.iter().map(|start| &start.parameters[..]);
            chosen.extend(others.filter(|other| !std::ptr::eq(*other, nearest)));
        }
        let mut workspace = learner.splitting_workspace();
        let mut adapt = |start: &&[f32]| {
            adapt_with(&learner, start, support, (&sizes, adaptation.steps), &mut workspace)
        };
        Ok(chosen.iter().map(&mut adapt).collect::<Result<_, _>>()?)
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
    if config.algorithm == Algorithm::Auto {
        let choice = auto::choose(historical, config, seed)?;
        let mut model = meta_train(historical, &choice.config, seed, state, observer)?;
        model.record.selection = choice.table;
        return Ok(model);
    }
    if config.algorithm == Algorithm::Knn {
        return Ok(knn_model(historical, config, seed));
    }
    let (task, fingerprint) = (config.task, config.fingerprint);
    let origins = surveyed_sites(historical.sites, task, &fingerprint)?;
    let mut rng = stream(seed, Purpose::Initialization, 1, 0);
    let access_points = historical.access_points;
    let encoder = Encoder::fit(fingerprint, &origins, historical.sites, access_points, &mut rng)?;
    let bound = encoder.bind(access_points);
    let tasks = encoded(&origins, &bound);
    let held_out = match historical.validation_sites {
        [] => Vec::new(),
        sites => surveyed_sites(sites, task, &fingerprint)?,
    };
    let held_out = encoded(&held_out, &bound);
    let environments = named(historical.sites, &tasks);
    let validation = named(historical.validation_sites, &held_out);
    let history = history_of(historical);
    let start = TrainingStart { encoder: encoder.clone(), history, state };
    let tasks = Tasks { environments: &environments, validation: &validation };
    train_on(tasks, start, config, seed, observer)
}

/// What the training record says of the data.
fn history_of(historical: Historical<'_>) -> History {
    History {
        environments: names(historical.sites),
        validation_environments: names(historical.validation_sites),
        access_points: heard(historical.sites, historical.access_points),
        data_hash: historical.data_hash.to_owned(),
    }
}

/// A model of nearest neighbours: of history it keeps radio maps, if it is asked to.
fn knn_model(historical: Historical<'_>, config: &LearningConfig, seed: u64) -> MetaModel {
    let encoder = Encoder::untrained(config.fingerprint, historical, config.knn.old_maps);
    let record = TrainingRecord::untrained(history_of(historical), seed);
    let config = config.after_training(&record);
    MetaModel::without_network(config, encoder, record)
}

/// The tasks of each origin.
fn encoded<'a>(
    origins: &'a [SurveyedSite<'_>],
    encoder: &'a BoundEncoder,
) -> Vec<EncodedTasks<'a>> {
    origins.iter().map(|origin| EncodedTasks { origin, encoder }).collect()
}

fn named<'a>(sites: &'a [Site], tasks: &'a [EncodedTasks<'_>]) -> Vec<Environment<'a>> {
    let name = |site: &'a Site| &site.environment[..];
    sites.iter().zip(tasks).map(|(site, tasks)| (name(site), tasks as _)).collect()
}

/// What a training run starts from.
pub(crate) struct TrainingStart {
    pub(crate) encoder: Encoder,
    pub(crate) history: History,
    /// A checkpoint to go on from.
    pub(crate) state: Option<TrainingState>,
}

/// As [`meta_train`], on any tasks that the start's encoder encodes.
pub(crate) fn train_on(
    tasks: Tasks<'_>,
    start: TrainingStart,
    config: &LearningConfig,
    seed: u64,
    observer: &mut dyn Observer,
) -> Result<MetaModel, Error> {
    config.check()?;
    let TrainingStart { encoder, history, state } = start;
    let network = config.network.describe(&encoder.inputs(), POSITION_OUTPUTS)?;
    let Trained { parameters, record, starts } =
        train_network(&network, tasks, history, state, (config, seed), observer)?;
    let (config, network) = (config.after_training(&record), Some(network));
    let companions = Vec::new();
    Ok(MetaModel { config, network, encoder, parameters, starts, companions, record })
}

/// Where a training run's tasks come from.
#[derive(Clone, Copy)]
pub(crate) struct Tasks<'a> {
    /// Historical environments.
    pub(crate) environments: &'a [Environment<'a>],
    /// Held-out ones, perhaps none.
    pub(crate) validation: &'a [Environment<'a>],
}

/// What training gives.
pub(crate) struct Trained {
    pub(crate) parameters: Vec<f32>,
    pub(crate) record: TrainingRecord,
    pub(crate) starts: Vec<Start>,
}

/// Trains a network by the configured algorithm: meta-parameters, and how they came about.
pub(crate) fn train_network(
    network: &NetworkDescription,
    tasks: Tasks<'_>,
    history: History,
    state: Option<TrainingState>,
    (config, seed): (&LearningConfig, u64),
    observer: &mut dyn Observer,
) -> Result<Trained, Error> {
    let learner = learner(network, config)?;
    let mut starts = Vec::new();
    let (state, outcome) = match config.algorithm {
        Algorithm::Ri
        | Algorithm::Auto
        | Algorithm::Knn
        | Algorithm::Packets
        | Algorithm::NearestSpectrum
        | Algorithm::RidgeSpectrum => {
            let start = || start(&learner, &[], config, seed);
            (state.map_or_else(start, Ok)?, None)
        }
        Algorithm::MamlTs => {
            let run = MamlTs { learner: &learner, tasks, config, seed };
            let (last, outcome);
            (starts, last, outcome) = run.train(state, observer)?;
            (last, Some(outcome))
        }
        Algorithm::Trained(name) => {
            let earlier = Vec::new();
            let run = Run { learner: &learner, tasks, config, seed, state, earlier, observer };
            let (state, outcome) = name.visit(config.maml, &config.variants, run)??;
            (state, Some(outcome))
        }
    };
    let mut record = TrainingRecord {
        iterations: state.iteration,
        best_iteration: state.best.as_ref().map(|best| best.iteration),
        validation_loss: state.best.as_ref().map(|best| best.validation_loss),
        outcome,
        ..TrainingRecord::untrained(history, seed)
    };
    let first = starts.first().map(|start: &Start| start.parameters.clone());
    let parameters = first.unwrap_or_else(|| state.result().to_vec());
    let is_trained = outcome.is_some_and(|outcome| outcome != Outcome::Interrupted);
    if is_trained && config.adaptation.steps.is_none() {
        let judged = judged(&starts, &parameters, tasks.validation);
        record.steps_losses = adaptation_steps::losses(&learner, &judged, (config, seed))?;
    }
    if config.training.validation.alignment && starts.is_empty() {
        let start = &parameters[..learner.n_parameters()];
        record.theorem_one =
            theorem_one::on_validation(&learner, start, tasks.validation, (config, seed))?;
    }
    Ok(Trained { parameters, record, starts })
}

/// What the number of adaptation steps is chosen on: each start with its own validation environments,
/// with all of them if it has none.
fn judged<'a>(
    starts: &'a [Start],
    parameters: &'a [f32],
    validation: &[Environment<'a>],
) -> Vec<adaptation_steps::Judged<'a>> {
    if validation.is_empty() {
        return Vec::new();
    }
    let of_start = |start: &'a Start| {
        let mut own: Vec<_> =
            validation.iter().filter(|(of, _)| start.is_of(of)).copied().collect();
        if own.is_empty() {
            own = validation.to_vec();
        }
        adaptation_steps::Judged { parameters: &start.parameters, validation: own }
    };
    match starts {
        [] => vec![adaptation_steps::Judged { parameters, validation: validation.to_vec() }],
        starts => starts.iter().map(of_start).collect(),
    }
}

/// The state before the first iteration; `extras` are learned besides the network's parameters.
fn start(
    learner: &NetworkLearner,
    extras: &[f32],
    config: &LearningConfig,
    seed: u64,
) -> Result<TrainingState, MetaError> {
    let mut rng = stream(seed, Purpose::Initialization, 0, 0);
    let mut parameters = learner.initial_parameters(&mut rng);
    parameters.extend(extras);
    TrainingState::start(parameters, &config.training.outer)
}

/// A training run, for whichever algorithm.
pub(super) struct Run<'a> {
    pub(super) learner: &'a NetworkLearner,
    pub(super) tasks: Tasks<'a>,
    pub(super) config: &'a LearningConfig,
    pub(super) seed: u64,
    pub(super) state: Option<TrainingState>,
    /// Results of the runs before this one, of a series.
    pub(super) earlier: Vec<Vec<f32>>,
    pub(super) observer: &'a mut dyn Observer,
}

impl Visitor for Run<'_> {
    type Output = Result<(TrainingState, Outcome), MetaError>;

    fn visit<A: MetaAlgorithm>(self, algorithm: &A) -> Self::Output {
        let Self { learner, tasks, config, seed, state, earlier, observer } = self;
        let extras = algorithm.initial_extras(learner);
        let mut state = match state {
            Some(state) => state,
            None => TrainingState { earlier, ..start(learner, &extras, config, seed)? },
        };
        let (found, expected) = (state.parameters.len(), learner.n_parameters() + extras.len());
        if found != expected {
            return Err(MetaError::Checkpoint(format!(
                "it holds {found} parameters, the network and `{}` have {expected}",
                algorithm.name()
            )));
        }
        let both = (learner, algorithm);
        let outcome = in_process(tasks.environments, both, seed, |sites| {
            in_process(tasks.validation, both, seed, |held_out| {
                let adaptation = config.adaptation();
                let validation = (!held_out.is_empty()).then_some((held_out, adaptation));
                let data = TrainingData { sites, validation, seed };
                train(algorithm, data, &config.training, &mut state, observer)
            })
        })?;
        Ok((state, outcome))
    }
}

/// Numbers that training a network by the configured algorithm learns: its parameters, and what the
/// algorithm learns besides.
pub(crate) fn n_meta_parameters(
    network: &NetworkDescription,
    config: &LearningConfig,
) -> Result<usize, Error> {
    let learner = learner(network, config)?;
    let extras = match config.algorithm {
        Algorithm::Trained(name) => name.visit(config.maml, &config.variants, Extras(&learner))?,
        _ => 0,
    };
    Ok(learner.n_parameters() + extras)
}

/// Counts what an algorithm learns besides the network's parameters.
struct Extras<'a>(&'a NetworkLearner);

impl Visitor for Extras<'_> {
    type Output = usize;

    fn visit<A: MetaAlgorithm>(self, algorithm: &A) -> usize {
        algorithm.initial_extras(self.0).len()
    }
}

/// What adapting meta-parameters asks of their algorithm: step sizes.
struct StepSizesOf<'a> {
    learner: &'a NetworkLearner,
    meta_parameters: &'a [f32],
    adaptation: AdaptationConfig,
}

impl Visitor for StepSizesOf<'_> {
    type Output = StepSizes;

    fn visit<A: MetaAlgorithm>(self, algorithm: &A) -> StepSizes {
        algorithm.adaptation_step_sizes(self.learner, self.meta_parameters, self.adaptation)
    }
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
