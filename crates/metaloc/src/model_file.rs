//! Model files: safetensors with a JSON manifest in the metadata. The layout stands in
//! docs/formats.md.
//!
//! Three kinds share one layout: a *meta model* (what `train` makes), a *site model* (adapted, with
//! its radio map) and a *checkpoint* (a training run that can go on). Writing goes beside the
//! target and is then renamed, so that an interruption or a full disk leaves the old file whole.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use metaloc_meta::AdaptationConfig;
use metaloc_meta::training::{Best, TrainingState};
use metaloc_nn::{NetworkDescription, OptimizerState};
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPointId, AccessPoints, RssScan};
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::learning::{Encoder, LearningConfig, MetaModel, SiteModel, Support, TrainingRecord};
use crate::site::{Site, SitePoint};

/// Version of the layout that this software writes and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
/// Key of the manifest in the safetensors metadata.
const MANIFEST: &str = "metaloc";

/// What a model file holds besides its tensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format_version: u32,
    software_version: String,
    config: LearningConfig,
    network: NetworkDescription,
    encoder: Encoder,
    record: TrainingRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site: Option<SiteManifest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoint: Option<CheckpointManifest>,
}

/// What an adapted model adds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteManifest {
    environment: String,
    access_points: AccessPoints,
    floors: Vec<FloorManifest>,
    adaptation: AdaptationConfig,
    support_losses: Vec<f32>,
}

/// One floor's support set, without its readings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FloorManifest {
    floor: i32,
    points: Vec<PointManifest>,
    adaptation: Vec<Position>,
}

/// One reference point, without its readings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointManifest {
    id: String,
    position: Position,
    scans: usize,
}

/// What a checkpoint adds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointManifest {
    iteration: u64,
    optimizer_steps: u64,
    validations_since_best: u32,
    best: Option<(f32, u64)>,
}

/// A tensor of one dimension, as it stands in the file: little-endian, four bytes a number.
struct Column {
    dtype: Dtype,
    shape: [usize; 1],
    bytes: Vec<u8>,
}

impl Column {
    fn floats(values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { dtype: Dtype::F32, shape: [values.len()], bytes }
    }

    fn indices(values: &[u32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { dtype: Dtype::U32, shape: [values.len()], bytes }
    }
}

impl View for &Column {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
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
}

/// Writes a meta model; replaces a file that is there.
///
/// # Errors
/// [`Error::File`] if it can't be written; the old file then stays whole.
pub fn write_meta(model: &MetaModel, path: &Path) -> Result<(), Error> {
    let columns = BTreeMap::from([("parameters", Column::floats(&model.parameters))]);
    write(&manifest(model), &columns, path)
}

/// Writes an adapted model; replaces a file that is there.
///
/// # Errors
/// [`Error::File`] if it can't be written; the old file then stays whole.
pub fn write_site(site: &SiteModel, path: &Path) -> Result<(), Error> {
    let mut manifest = manifest(&site.model);
    let mut readings = Readings::default();
    let mut floors = Vec::new();
    for support in &site.supports {
        let mut points = Vec::new();
        for point in &support.site.points {
            point.scans.iter().for_each(|scan| readings.push(scan));
            points.push(PointManifest {
                id: point.id.clone(),
                position: point.position,
                scans: point.scans.len(),
            });
        }
        support.adaptation.iter().for_each(|(scan, _)| readings.push(scan));
        let adaptation = support.adaptation.iter().map(|&(_, at)| at).collect();
        floors.push(FloorManifest { floor: support.site.floor, points, adaptation });
    }
    manifest.site = Some(SiteManifest {
        environment: site.environment.clone(),
        access_points: site.access_points.clone(),
        floors,
        adaptation: site.adaptation,
        support_losses: site.support_losses.clone(),
    });
    let columns = BTreeMap::from([
        ("parameters", Column::floats(&site.model.parameters)),
        ("radio_map.access_point", Column::indices(&readings.access_point)),
        ("radio_map.rss_dbm", Column::floats(&readings.dbm)),
        ("radio_map.scan_length", Column::indices(&readings.length)),
    ]);
    write(&manifest, &columns, path)
}

/// Writes a checkpoint; replaces a file that is there. `model` gives the configuration and the
/// encoder, `state` the run.
///
/// # Errors
/// [`Error::File`] if it can't be written; the old file then stays whole.
pub fn write_checkpoint(
    model: &MetaModel,
    state: &TrainingState,
    path: &Path,
) -> Result<(), Error> {
    let mut manifest = manifest(model);
    let optimizer = state.optimizer.state();
    manifest.checkpoint = Some(CheckpointManifest {
        iteration: state.iteration,
        optimizer_steps: optimizer.n_steps,
        validations_since_best: state.validations_since_best,
        best: state.best.as_ref().map(|best| (best.validation_loss, best.iteration)),
    });
    let mut columns = BTreeMap::from([
        ("parameters", Column::floats(&state.parameters)),
        ("optimizer.first_moment", Column::floats(&optimizer.first_moment)),
        ("optimizer.second_moment", Column::floats(&optimizer.second_moment)),
    ]);
    if let Some(best) = &state.best {
        columns.insert("best.parameters", Column::floats(&best.parameters));
    }
    write(&manifest, &columns, path)
}

/// Scans as three columns.
#[derive(Default)]
struct Readings {
    access_point: Vec<u32>,
    dbm: Vec<f32>,
    length: Vec<u32>,
}

impl Readings {
    fn push(&mut self, scan: &RssScan) {
        self.access_point.extend(scan.readings().iter().map(|&(id, _)| id.0));
        self.dbm.extend(scan.readings().iter().map(|&(_, dbm)| dbm));
        self.length.push(u32::try_from(scan.len()).unwrap_or(u32::MAX));
    }
}

fn manifest(model: &MetaModel) -> Manifest {
    Manifest {
        format_version: FORMAT_VERSION,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: model.config.clone(),
        network: model.network.clone(),
        encoder: model.encoder.clone(),
        record: model.record.clone(),
        site: None,
        checkpoint: None,
    }
}

fn write(manifest: &Manifest, columns: &BTreeMap<&str, Column>, path: &Path) -> Result<(), Error> {
    let refuse = |e: &dyn std::fmt::Display| Error::model(path, e.to_string());
    let text = serde_json::to_string(manifest).map_err(|e| refuse(&e))?;
    let metadata = HashMap::from([(MANIFEST.to_owned(), text)]);
    let tensors = columns.iter().map(|(name, column)| (*name, column));
    let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(|e| refuse(&e))?;
    write_beside(path, &bytes)
}

/// Writes a file beside its place and renames it there: whole or not at all. A link is followed; a
/// device or a pipe (`/dev/stdout`) is written to, never replaced.
///
/// # Errors
/// [`Error::File`] if it can't be written; what stood there before then stays.
pub fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let fail = |e: std::io::Error| Error::file(path, e);
    if path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let mut device = std::fs::OpenOptions::new().write(true).open(path).map_err(fail)?;
        return device.write_all(bytes).map_err(fail);
    }
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the umask
    let mut beside = builder.tempfile_in(folder).map_err(fail)?;
    beside.write_all(bytes).map_err(fail)?;
    beside.as_file().sync_all().map_err(fail)?;
    beside.persist(&path).map_err(|e| fail(e.error))?;
    Ok(())
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
    let manifest = parse_manifest(text).map_err(refuse)?;
    let floats = |name: &str| floats(&tensors, name).map_err(refuse);
    let parameters = floats("parameters")?;
    check_sizes(&manifest, &parameters).map_err(refuse)?;
    let model = MetaModel {
        config: manifest.config,
        network: manifest.network,
        encoder: manifest.encoder,
        parameters,
        record: manifest.record,
    };
    if let Some(checkpoint) = manifest.checkpoint {
        let state = read_state(&model, &checkpoint, &tensors).map_err(refuse)?;
        return Ok(Loaded::Checkpoint(model, Box::new(state)));
    }
    let Some(site) = manifest.site else { return Ok(Loaded::Meta(model)) };
    let supports = read_supports(&site, &tensors).map_err(refuse)?;
    let assembled = SiteModel::assemble(model, supports, site.access_points, site.adaptation);
    let mut assembled = assembled.map_err(|e| refuse(e.to_string()))?;
    assembled.support_losses = site.support_losses;
    Ok(Loaded::Site(Box::new(assembled)))
}

/// The state of a training run; `model` holds its current parameters.
fn read_state(
    model: &MetaModel,
    checkpoint: &CheckpointManifest,
    tensors: &SafeTensors<'_>,
) -> Result<TrainingState, String> {
    let inconsistent = |what: &str| format!("inconsistent: {what}; train anew without --resume");
    let (parameters, outer) = (model.parameters.clone(), &model.config.training.outer);
    let mut state =
        TrainingState::start(parameters, outer).map_err(|e| inconsistent(&e.to_string()))?;
    let optimizer = OptimizerState {
        n_steps: checkpoint.optimizer_steps,
        first_moment: floats(tensors, "optimizer.first_moment")?,
        second_moment: floats(tensors, "optimizer.second_moment")?,
    };
    let moments = || optimizer.first_moment.iter().chain(&optimizer.second_moment);
    if !moments().all(|moment| moment.is_finite()) {
        return Err(inconsistent("the optimizer's memory is not a finite number"));
    }
    state.optimizer.restore(optimizer).map_err(|e| inconsistent(&e.to_string()))?;
    state.iteration = checkpoint.iteration;
    state.validations_since_best = checkpoint.validations_since_best;
    if let Some((validation_loss, iteration)) = checkpoint.best {
        let parameters = floats(tensors, "best.parameters")?;
        if parameters.len() != model.parameters.len() || !parameters.iter().all(|p| p.is_finite()) {
            return Err(inconsistent("the best parameters are not those of the network"));
        }
        state.best = Some(Best { validation_loss, iteration, parameters });
    }
    Ok(state)
}

/// Parses a manifest, the version first: a newer one may hold anything else.
fn parse_manifest(text: &str) -> Result<Manifest, String> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u32,
        software_version: String,
    }
    let version: Version = serde_json::from_str(text).map_err(|e| format!("its manifest: {e}"))?;
    if version.format_version > FORMAT_VERSION {
        return Err(format!(
            "model format {} of MetaLoc {}, this software reads up to {FORMAT_VERSION}; install \
             the newer MetaLoc",
            version.format_version, version.software_version
        ));
    }
    serde_json::from_str(text).map_err(|e| format!("its manifest: {e}"))
}

/// Checks that network, encoder and parameters fit each other.
fn check_sizes(manifest: &Manifest, parameters: &[f32]) -> Result<(), String> {
    let network = manifest.network.check().map_err(|e| e.to_string())?;
    let pairs = [
        ("parameters", parameters.len(), network.n_parameters()),
        ("fingerprint inputs", manifest.encoder.n_inputs(), network.n_inputs()),
        ("scaling columns", manifest.encoder.standardizer.mean.len(), network.n_inputs()),
        ("scaling columns", manifest.encoder.standardizer.std.len(), network.n_inputs()),
    ];
    match pairs.iter().find(|(_, found, expected)| found != expected) {
        Some((what, found, expected)) => {
            Err(format!("inconsistent: {found} {what}, the network has {expected}; train anew"))
        }
        None if parameters.iter().all(|p| p.is_finite()) => Ok(()),
        None => Err("inconsistent: a parameter is not a finite number; train anew".into()),
    }
}

fn column<'a>(tensors: &'a SafeTensors<'_>, name: &str, dtype: Dtype) -> Result<&'a [u8], String> {
    let tensor = tensors.tensor(name).map_err(|_| format!("the tensor `{name}` is missing"))?;
    if tensor.dtype() == dtype && tensor.shape().len() == 1 {
        Ok(tensor.data())
    } else {
        Err(format!("the tensor `{name}` is {:?} {:?}", tensor.dtype(), tensor.shape()))
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> + '_ {
    bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]])
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, String> {
    Ok(words(column(tensors, name, Dtype::F32)?).map(f32::from_le_bytes).collect())
}

fn indices(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<u32>, String> {
    Ok(words(column(tensors, name, Dtype::U32)?).map(u32::from_le_bytes).collect())
}

fn read_supports(site: &SiteManifest, tensors: &SafeTensors<'_>) -> Result<Vec<Support>, String> {
    let ids = indices(tensors, "radio_map.access_point")?;
    let dbm = floats(tensors, "radio_map.rss_dbm")?;
    let lengths = indices(tensors, "radio_map.scan_length")?;
    let total: usize = lengths.iter().map(|&length| length as usize).sum();
    let known = |id: &u32| (*id as usize) < site.access_points.len();
    if ids.len() != total || dbm.len() != total || !ids.iter().all(known) {
        return Err("inconsistent: the radio map's columns don't fit each other".into());
    }
    let mut readings = ids.into_iter().map(AccessPointId).zip(dbm);
    let mut lengths = lengths.into_iter();
    let mut scan = || {
        let length = lengths.next().ok_or("inconsistent: the radio map has too few scans")?;
        RssScan::new(readings.by_ref().take(length as usize).collect()).map_err(|e| e.to_string())
    };
    let mut supports = Vec::with_capacity(site.floors.len());
    for floor in &site.floors {
        let mut points = Vec::with_capacity(floor.points.len());
        for point in &floor.points {
            let scans = (0..point.scans).map(|_| scan()).collect::<Result<_, String>>()?;
            points.push(SitePoint { id: point.id.clone(), position: point.position, scans });
        }
        let adaptation =
            floor.adaptation.iter().map(|&at| Ok((scan()?, at))).collect::<Result<_, String>>()?;
        let environment = site.environment.clone();
        let site = Site { environment, floor: floor.floor, points };
        supports.push(Support { site, adaptation });
    }
    Ok(supports)
}
