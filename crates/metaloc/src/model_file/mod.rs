//! Model files: safetensors with a JSON manifest in the metadata. The layout stands in
//! docs/formats.md.
//!
//! Three kinds share one layout: a *meta model* (what `train` makes), a *site model* (adapted, with
//! its support set) and a *checkpoint* (a training run that can go on), each for RSS and for channel
//! state information. Writing goes beside the target and is then renamed, so that an interruption or a
//! full disk leaves the old file whole.

mod checkpoint;
mod columns;
mod csi_site;
mod rss_site;
mod write_beside;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use metaloc_meta::training::TrainingState;
use metaloc_nn::NetworkDescription;
use safetensors::tensor::SafeTensors;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use checkpoint::{CheckpointManifest, read_state};
use columns::{Column, floats};
use csi_site::CsiSiteManifest;
use rss_site::SiteManifest;
pub use write_beside::write_beside;

use metaloc_radio::similarity::discrepancy::MeanEmbedding;

use crate::error::Error;
use crate::learning::{
    CsiEncoder, CsiModel, CsiSiteModel, Encoder, LearningConfig, MetaModel, SiteModel, Start,
    TrainingRecord, n_meta_parameters,
};

/// Version of the layout that this software writes and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
/// Key of the manifest in the safetensors metadata.
const MANIFEST: &str = "metaloc";

/// Tensors by name.
type Columns = BTreeMap<&'static str, Column>;

/// What a model file holds besides its tensors; `E` is the encoder, `S` what an adapted model adds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest<E, S> {
    format_version: u32,
    software_version: String,
    config: LearningConfig,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<NetworkDescription>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    starts: Vec<StartManifest>,
    encoder: E,
    record: TrainingRecord,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    site: Option<S>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoint: Option<CheckpointManifest>,
}

fn none<S>() -> Option<S> {
    None
}

/// What a file turned out to hold.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// A start for new environments.
    Meta(MetaModel),
    /// A model adapted to one environment.
    Site(Box<SiteModel>),
    /// A training run that can go on.
    Checkpoint(MetaModel, Box<TrainingState>),
    /// A start for environments surveyed with channel state information.
    CsiMeta(CsiModel),
    /// A model adapted to one environment, with channel state information.
    CsiSite(Box<CsiSiteModel>),
    /// A training run on channel state information that can go on.
    CsiCheckpoint(CsiModel, Box<TrainingState>),
}

/// What turns measurements into inputs: part of every model file.
pub trait AnyEncoder: Serialize + DeserializeOwned + Clone {
    /// Values in one input.
    fn n_inputs(&self) -> usize;
    /// Columns that are standardised, and those that a standardisation is known for: mean, deviation.
    fn columns(&self) -> (usize, [usize; 2]);
}

impl AnyEncoder for Encoder {
    fn n_inputs(&self) -> usize {
        self.n_inputs()
    }

    fn columns(&self) -> (usize, [usize; 2]) {
        (self.n_inputs(), [self.standardizer.mean.len(), self.standardizer.std.len()])
    }
}

impl AnyEncoder for CsiEncoder {
    fn n_inputs(&self) -> usize {
        self.n_inputs()
    }

    fn columns(&self) -> (usize, [usize; 2]) {
        (self.n_columns(), [self.standardizer.mean.len(), self.standardizer.std.len()])
    }
}

/// A start of MAML-TS, without its parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StartManifest {
    environment: String,
    embedding: MeanEmbedding,
}

impl StartManifest {
    fn of(start: &Start) -> Self {
        Self { environment: start.environment.clone(), embedding: start.embedding.clone() }
    }
}

/// Writes a meta model; replaces a file that is there.
///
/// # Errors
/// [`Error::File`] if it can't be written; the old file then stays whole.
pub fn write_meta<E: AnyEncoder>(model: &MetaModel<E>, path: &Path) -> Result<(), Error> {
    let starts = model.starts.iter().flat_map(|start| start.parameters.iter().copied());
    let starts: Vec<f32> = starts.collect();
    let mut columns = answering(model);
    if !starts.is_empty() {
        columns.insert("starts", Column::floats(&starts));
    }
    write(&manifest::<E, ()>(model), &columns, path)
}

/// The parameters of the networks that answer.
fn answering<E>(model: &MetaModel<E>) -> Columns {
    let mut columns = Columns::from([("parameters", Column::floats(&model.parameters))]);
    if !model.companions.is_empty() {
        columns.insert("companions", Column::floats(&model.companions.concat()));
    }
    columns
}

/// Writes an adapted model; replaces a file that is there.
///
/// # Errors
/// [`Error::File`] if it can't be written; the old file then stays whole.
pub fn write_site(site: &SiteModel, path: &Path) -> Result<(), Error> {
    let (part, mut columns) = SiteManifest::of(site);
    columns.extend(answering(&site.model));
    write(&Manifest { site: Some(part), ..manifest(&site.model) }, &columns, path)
}

/// Writes a model adapted with channel state information; replaces a file that is there.
///
/// # Errors
/// [`Error::File`] if it can't be written; the old file then stays whole.
pub fn write_csi_site(site: &CsiSiteModel, path: &Path) -> Result<(), Error> {
    let (part, mut columns) = CsiSiteManifest::of(site);
    columns.extend(answering(&site.model));
    write(&Manifest { site: Some(part), ..manifest(&site.model) }, &columns, path)
}

/// Writes a checkpoint; replaces a file that is there. `model` gives the configuration and the
/// encoder, `state` the run.
///
/// # Errors
/// [`Error::File`] if it can't be written; the old file then stays whole.
pub fn write_checkpoint<E: AnyEncoder>(
    model: &MetaModel<E>,
    state: &TrainingState,
    path: &Path,
) -> Result<(), Error> {
    let (part, columns) = CheckpointManifest::of(state);
    // The starts found so far stand in the state.
    let (checkpoint, starts) = (Some(part), Vec::new());
    write(&Manifest { checkpoint, starts, ..manifest::<E, ()>(model) }, &columns, path)
}

fn manifest<E: AnyEncoder, S>(model: &MetaModel<E>) -> Manifest<E, S> {
    Manifest {
        format_version: FORMAT_VERSION,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: model.config.clone(),
        network: model.network.clone(),
        starts: model.starts.iter().map(StartManifest::of).collect(),
        encoder: model.encoder.clone(),
        record: model.record.clone(),
        site: None,
        checkpoint: None,
    }
}

fn write(manifest: &impl Serialize, columns: &Columns, path: &Path) -> Result<(), Error> {
    let refuse = |e: &dyn std::fmt::Display| Error::model(path, e.to_string());
    let text = serde_json::to_string(manifest).map_err(|e| refuse(&e))?;
    let metadata = HashMap::from([(MANIFEST.to_owned(), text)]);
    let tensors = columns.iter().map(|(name, column)| (*name, column));
    let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(|e| refuse(&e))?;
    write_beside(path, &bytes)
}

/// Reads a model file of any kind and checks all of it.
///
/// # Errors
/// [`Error::File`] if it can't be read; [`Error::Model`] if it is truncated, of a newer version,
/// or inconsistent, with what to do.
pub fn read(path: &Path) -> Result<Loaded, Error> {
    let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
    let refuse = |reason: String| Error::model(path, reason);
    let damaged = |e: safetensors::SafeTensorError| {
        refuse(format!("not a whole model file ({e}); copy it again or train anew"))
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let text = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(MANIFEST))
        .ok_or_else(|| refuse("a safetensors file, but not one of MetaLoc's".into()))?;
    if is_of_csi(text).map_err(refuse)? {
        let (model, manifest) =
            read_model::<CsiEncoder, CsiSiteManifest>(text, &tensors).map_err(refuse)?;
        if model.encoder.n_outputs() == 0 {
            return Err(refuse("inconsistent: no point to tell apart; train anew".into()));
        }
        return match (manifest.checkpoint, manifest.site) {
            (Some(checkpoint), _) => {
                let state = read_state(&model, &checkpoint, &tensors).map_err(refuse)?;
                Ok(Loaded::CsiCheckpoint(model, Box::new(state)))
            }
            (None, None) => Ok(Loaded::CsiMeta(model)),
            (None, Some(site)) => {
                let site = site.assemble(model, &tensors).map_err(refuse)?;
                Ok(Loaded::CsiSite(Box::new(site)))
            }
        };
    }
    let (model, manifest) = read_model::<Encoder, SiteManifest>(text, &tensors).map_err(refuse)?;
    match (manifest.checkpoint, manifest.site) {
        (Some(checkpoint), _) => {
            let state = read_state(&model, &checkpoint, &tensors).map_err(refuse)?;
            Ok(Loaded::Checkpoint(model, Box::new(state)))
        }
        (None, None) => Ok(Loaded::Meta(model)),
        (None, Some(site)) => {
            Ok(Loaded::Site(Box::new(site.assemble(model, &tensors).map_err(refuse)?)))
        }
    }
}

/// What a manifest adds to a model.
struct Parts<S> {
    site: Option<S>,
    checkpoint: Option<CheckpointManifest>,
}

fn read_model<E: AnyEncoder, S: DeserializeOwned>(
    text: &str,
    tensors: &SafeTensors<'_>,
) -> Result<(MetaModel<E>, Parts<S>), String> {
    let manifest: Manifest<E, S> =
        serde_json::from_str(text).map_err(|e| format!("its manifest: {e}"))?;
    let parameters = floats(tensors, "parameters")?;
    check_parts(&manifest, &parameters)?;
    let starts = read_starts(&manifest.starts, parameters.len(), tensors)?;
    let model = MetaModel {
        config: manifest.config,
        network: manifest.network,
        encoder: manifest.encoder,
        companions: in_rows("companions", parameters.len(), tensors)?,
        parameters,
        starts,
        record: manifest.record,
    };
    Ok((model, Parts { site: manifest.site, checkpoint: manifest.checkpoint }))
}

/// Whether a manifest is of channel state information. The version is checked first: a newer one may
/// hold anything else.
fn is_of_csi(text: &str) -> Result<bool, String> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u32,
        software_version: String,
        #[serde(default)]
        config: Config,
    }
    #[derive(Default, Deserialize)]
    struct Config {
        csi: Option<IgnoredAny>,
    }
    let version: Version = serde_json::from_str(text).map_err(|e| format!("its manifest: {e}"))?;
    if version.format_version > FORMAT_VERSION {
        return Err(format!(
            "model format {} of MetaLoc {}, this software reads up to {FORMAT_VERSION}; install \
             the newer MetaLoc",
            version.format_version, version.software_version
        ));
    }
    Ok(version.config.csi.is_some())
}

/// The starts of MAML-TS, whose parameters stand one behind the other.
fn read_starts(
    manifests: &[StartManifest],
    n_parameters: usize,
    tensors: &SafeTensors<'_>,
) -> Result<Vec<Start>, String> {
    if manifests.is_empty() {
        return Ok(Vec::new());
    }
    let parameters = in_rows("starts", n_parameters, tensors)?;
    if parameters.len() != manifests.len() {
        return Err("inconsistent: not as many starts as environments; train anew".into());
    }
    let start = |(manifest, parameters): (&StartManifest, Vec<f32>)| Start {
        environment: manifest.environment.clone(),
        parameters,
        embedding: manifest.embedding.clone(),
    };
    Ok(manifests.iter().zip(parameters).map(start).collect())
}

/// Parameters that stand one behind the other; none if there is no such tensor.
fn in_rows(
    name: &str,
    n_parameters: usize,
    tensors: &SafeTensors<'_>,
) -> Result<Vec<Vec<f32>>, String> {
    if tensors.tensor(name).is_err() {
        return Ok(Vec::new());
    }
    let all = floats(tensors, name)?;
    if n_parameters == 0
        || !all.len().is_multiple_of(n_parameters)
        || !all.iter().all(|p| p.is_finite())
    {
        return Err(format!("inconsistent: {name} are not those of the network; train anew"));
    }
    Ok(all.chunks_exact(n_parameters).map(<[f32]>::to_vec).collect())
}

/// Checks that the parts of a model are there and fit each other.
fn check_parts<E: AnyEncoder, S>(
    manifest: &Manifest<E, S>,
    parameters: &[f32],
) -> Result<(), String> {
    let Some(network) = &manifest.network else {
        return if !manifest.config.algorithm.has_network() && parameters.is_empty() {
            Ok(())
        } else {
            Err("inconsistent: it has no network; train anew".into())
        };
    };
    let n_parameters = match &manifest.site {
        // Adapted: what was learned besides has done its work.
        Some(_) => network.check().map_err(|e| e.to_string())?.n_parameters(),
        None => n_meta_parameters(network, &manifest.config).map_err(|e| e.to_string())?,
    };
    check_sizes(network, &manifest.encoder, (parameters, n_parameters))
}

/// Checks that network, encoder and parameters fit each other.
fn check_sizes(
    network: &NetworkDescription,
    encoder: &impl AnyEncoder,
    (parameters, n_parameters): (&[f32], usize),
) -> Result<(), String> {
    let network = network.check().map_err(|e| e.to_string())?;
    let (columns, [means, deviations]) = encoder.columns();
    let pairs = [
        ("parameters", parameters.len(), n_parameters),
        ("fingerprint inputs", encoder.n_inputs(), network.n_inputs()),
        ("scaling columns", means, columns),
        ("scaling columns", deviations, columns),
    ];
    match pairs.iter().find(|(_, found, expected)| found != expected) {
        Some((what, found, expected)) => {
            Err(format!("inconsistent: {found} {what}, the network has {expected}; train anew"))
        }
        None if parameters.iter().all(|p| p.is_finite()) => Ok(()),
        None => Err("inconsistent: a parameter is not a finite number; train anew".into()),
    }
}
