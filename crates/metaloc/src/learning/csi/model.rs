//! Meta-training on windows of channel state information, and what comes out of it.

use metaloc_meta::site::Environment;
use metaloc_meta::task::LabelScheme;
use metaloc_meta::training::{Observer, TrainingState};
use metaloc_radio::fingerprint::PacketMoment;

use super::tasks::CsiTasks;
use super::{Answer, CsiEncoder, CsiLearning};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::learning::meta_model::{Tasks, Trained, train_network};
use crate::learning::{Algorithm, History, LearningConfig, MetaModel, TrainingRecord};
use crate::locate::packet_moment;

/// A trained start for environments surveyed with channel state information.
pub type CsiModel = MetaModel<CsiEncoder>;

/// Historical data of a training run.
#[derive(Clone, Copy)]
pub struct CsiHistorical<'a> {
    /// Sites to learn from.
    pub sites: &'a [CsiSite],
    /// Sites held out to decide when training has converged; may be empty.
    pub validation_sites: &'a [CsiSite],
    /// Hash of the survey.
    pub data_hash: &'a str,
}

/// Fits an encoder and trains on `historical` from the start, or on from `state`.
///
/// # Errors
/// A configuration without `csi`, an illegal setting, a site with too few windows, a diverging loss,
/// a state of another network.
pub fn csi_train(
    historical: CsiHistorical<'_>,
    config: &LearningConfig,
    seed: u64,
    state: Option<TrainingState>,
    observer: &mut dyn Observer,
) -> Result<CsiModel, Error> {
    config.check()?;
    let settings = settings(config)?;
    if config.algorithm == Algorithm::Auto {
        return Err(Error::usage(
            "algorithm `auto` chooses how recordings are cut, too: choose first, then learn",
        ));
    }
    if historical.sites.is_empty() {
        return Err(Error::usage("no historical environment to learn from"));
    }
    let mut encoder = CsiEncoder::fit(settings, historical.sites)?;
    if (settings.answer, settings.labels) == (Answer::Point, LabelScheme::Global) {
        let all = historical.sites.iter().chain(historical.validation_sites);
        encoder.classes = class_names(all);
    }
    if !config.algorithm.has_network() {
        return Ok(model_without_network(encoder, historical, config, seed));
    }
    let network = config.network.describe(&encoder.inputs(), encoder.n_outputs())?;
    let tasks = |sites: &[CsiSite]| -> Result<Vec<CsiTasks<'_>>, Error> {
        let samples = config.task.samples_per_point;
        sites.iter().map(|site| CsiTasks::new(site, &encoder, samples)).collect()
    };
    let (sources, held_out) = (tasks(historical.sites)?, tasks(historical.validation_sites)?);
    let environments = named(historical.sites, &sources);
    let validation = named(historical.validation_sites, &held_out);
    let history = history_of(historical);
    let drawn = Tasks { environments: &environments, validation: &validation };
    let Trained { parameters, record, starts } =
        train_network(&network, drawn, history, state, (config, seed), observer)?;
    drop((sources, held_out));
    let (config, network) = (config.after_training(&record), Some(network));
    let companions = Vec::new();
    Ok(MetaModel { config, network, encoder, parameters, starts, companions, record })
}

/// What the training record says of the data.
fn history_of(historical: CsiHistorical<'_>) -> History {
    let names = |sites: &[CsiSite]| sites.iter().map(|site| site.environment.clone()).collect();
    let mut access_points: Vec<String> =
        historical.sites.iter().flat_map(|site| site.access_points.clone()).collect();
    access_points.sort_unstable();
    access_points.dedup();
    History {
        environments: names(historical.sites),
        validation_environments: names(historical.validation_sites),
        access_points,
        data_hash: historical.data_hash.to_owned(),
    }
}

/// A model without a network; to match packets it keeps the environments' mean second moment.
fn model_without_network(
    mut encoder: CsiEncoder,
    historical: CsiHistorical<'_>,
    config: &LearningConfig,
    seed: u64,
) -> CsiModel {
    if config.algorithm == Algorithm::Packets {
        let every = encoder.config.packets.every;
        let moments: Vec<PacketMoment> =
            historical.sites.iter().filter_map(|site| packet_moment(site, every)).collect();
        encoder.packet_moment =
            PacketMoment::mean(&moments.iter().map(|moment| (moment, 1.0)).collect::<Vec<_>>());
    }
    let record = TrainingRecord::untrained(history_of(historical), seed);
    MetaModel::without_network(config.after_training(&record), encoder, record)
}

fn named<'a>(sites: &'a [CsiSite], tasks: &'a [CsiTasks<'_>]) -> Vec<Environment<'a>> {
    let name = |site: &'a CsiSite| &site.environment[..];
    sites.iter().zip(tasks).map(|(site, tasks)| (name(site), tasks as _)).collect()
}

/// The settings for channel state information.
fn settings(config: &LearningConfig) -> Result<&CsiLearning, Error> {
    config.csi.as_ref().ok_or_else(|| Error::usage("the settings have no section `[csi]`"))
}

/// The names of all points, each once, ascending.
fn class_names<'a>(sites: impl Iterator<Item = &'a CsiSite>) -> Vec<String> {
    let mut names: Vec<String> =
        sites.flat_map(|site| site.points.iter().map(|point| point.id.clone())).collect();
    names.sort_unstable();
    names.dedup();
    names
}
