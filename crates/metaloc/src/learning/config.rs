//! Settings of learning; every default stands here and nowhere else.

use metaloc_meta::MetaAlgorithm;
use metaloc_meta::adapt::AdaptationConfig;
use metaloc_meta::maml::MamlConfig;
use metaloc_meta::registry::{AlgorithmName, Variants, Visitor};
use metaloc_meta::training::TrainingConfig;
use metaloc_nn::{Loss, Shape};
use metaloc_radio::fingerprint::{ReferenceKernel, RssNeighbors};
use metaloc_radio::similarity::SignalDistance;
use serde::{Deserialize, Serialize};

use super::{Answer, CsiLearning, NetworkConfig, StartChoice, TrainingRecord};
use crate::auto::AutoConfig;
use crate::error::Error;

/// What a position network answers: x and y in the frame.
pub(crate) const POSITION_OUTPUTS: usize = 2;

/// Everything that decides what a network learns from given sites and a given seed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearningConfig {
    /// How the starting weights are found.
    pub algorithm: Algorithm,
    /// What the network reads.
    pub fingerprint: FingerprintConfig,
    /// The network.
    pub network: NetworkConfig,
    /// What a training task looks like.
    pub task: TaskConfig,
    /// The inner loop of MAML and of all that build on it.
    pub maml: MamlConfig,
    /// What algorithms have settings of their own for.
    pub variants: Variants,
    /// The outer loop.
    pub training: TrainingConfig,
    /// Steps in the new environment.
    pub adaptation: AdaptationSettings,
    /// How a start is chosen, for algorithm `maml-ts`.
    pub start: StartChoice,
    /// For algorithm `maml-ts`: join the environments into so many clusters of like signals, and train a
    /// start for each (section III-C); each environment by itself if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<usize>,
    /// Nearest neighbours, for algorithm `knn`.
    pub knn: KnnConfig,
    /// How candidates are judged, for algorithm `auto`.
    pub auto: AutoConfig,
    /// Learn from channel state information; from RSS if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csi: Option<CsiLearning>,
}

/// Steps in the new environment (Eq. 14).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptationSettings {
    /// Step size; the inner loop's alpha if left out, as in Eq. (6) and (14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_size: Option<f64>,
    /// Number of steps Q; if left out, that with the least loss on the validation tasks, or 5 where
    /// training is not validated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
}

/// Power-weighted K nearest neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnnConfig {
    /// Number of neighbours.
    pub neighbors: usize,
    /// Power of the weights `d^-power`; 1 is weighted KNN, 0 the plain one.
    pub power: f64,
    /// The historical environments are the same place, and their radio maps are searched too.
    pub old_maps: bool,
}

impl Default for KnnConfig {
    fn default() -> Self {
        Self { neighbors: 5, power: 8.0, old_maps: false }
    }
}

/// How the starting weights are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Algorithm {
    /// By one of the algorithms of `metaloc-meta`, from all historical environments.
    Trained(AlgorithmName),
    /// MAML-TS: MAML for each environment apart, the start chosen by task similarity (Algorithm 2).
    MamlTs,
    /// The best of several candidates by the historical environments ([`crate::auto`]).
    Auto,
    /// Power-weighted K nearest neighbours: no network.
    Knn,
    /// Packet matching: no network, but the second moment of the historical packets.
    Packets,
    /// The nearest mean spectrum: no network.
    NearestSpectrum,
    /// Ridge regression on mean spectra: no network.
    RidgeSpectrum,
    /// Random initialization: no training at all.
    Ri,
}

impl Algorithm {
    /// First-order or second-order MAML.
    pub const MAML: Self = Self::Trained(AlgorithmName::Maml);

    const OTHERS: [Self; 7] = [
        Self::MamlTs,
        Self::Auto,
        Self::Knn,
        Self::Packets,
        Self::NearestSpectrum,
        Self::RidgeSpectrum,
        Self::Ri,
    ];

    /// Whether models have a network.
    #[must_use]
    pub const fn has_network(self) -> bool {
        matches!(self, Self::Trained(_) | Self::MamlTs | Self::Ri)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        AlgorithmName::ALL.iter().map(|&name| Self::Trained(name)).chain(Self::OTHERS)
    }

    /// Name as on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trained(algorithm) => algorithm.name(),
            Self::MamlTs => "maml-ts",
            Self::Auto => "auto",
            Self::Knn => "knn",
            Self::Packets => "packets",
            Self::NearestSpectrum => "nearest-spectrum",
            Self::RidgeSpectrum => "ridge-spectrum",
            Self::Ri => "ri",
        }
    }
}

impl Default for Algorithm {
    fn default() -> Self {
        Self::MAML
    }
}

impl std::str::FromStr for Algorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::all().find(|algorithm| algorithm.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::all().map(Self::name).collect();
            Error::usage(format!("unknown algorithm `{name}`; there are {}", names.join(", ")))
        })
    }
}

impl TryFrom<String> for Algorithm {
    type Error = Error;

    fn try_from(name: String) -> Result<Self, Error> {
        name.parse()
    }
}

impl From<Algorithm> for String {
    fn from(algorithm: Algorithm) -> Self {
        algorithm.name().to_owned()
    }
}

/// What the network reads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FingerprintConfig {
    /// Which fingerprint.
    pub kind: FingerprintKind,
    /// How the paper's fingerprint lies before the network.
    pub shape: FingerprintShape,
    /// Neighbours K of the paper's fingerprint; 5 in the paper.
    pub neighbors: usize,
    /// Signal distance between a scan and a reference point.
    pub distance: SignalDistance,
    /// The level that stands for an access point that was not heard (dBm).
    pub not_heard_dbm: f32,
    /// What inputs are standardised by.
    pub scaling: Scaling,
    /// Where the origin of the network's coordinates lies.
    pub frame_origin: FrameOrigin,
    /// What one unit of the network's coordinates is.
    pub frame_unit: FrameUnit,
    /// With `reference-kernel`: the historical environments are the same place, and their radio maps
    /// are reference points beside the new ones.
    pub old_maps: bool,
}

impl Default for FingerprintConfig {
    fn default() -> Self {
        Self {
            kind: FingerprintKind::RssNeighbors,
            shape: FingerprintShape::Vector,
            neighbors: 5,
            distance: SignalDistance::Euclidean,
            not_heard_dbm: -105.0,
            scaling: Scaling::Historical,
            frame_origin: FrameOrigin::ReferencePoints,
            frame_unit: FrameUnit::Historical,
            old_maps: false,
        }
    }
}

/// Which fingerprint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FingerprintKind {
    /// Distances to, and coordinates of, the K nearest reference points (the paper's Fig. 3).
    #[default]
    RssNeighbors,
    /// The strengths of the access points that the historical environments share.
    RssVector,
    /// How the nearest reference points compare with the scan by four distances, `[K, 1, 13]`; for
    /// `network.preset = "reference-kernel"`.
    ReferenceKernel,
}

/// How the paper's fingerprint lies before the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FingerprintShape {
    /// `[3 K]`: all distances, then all coordinates (the paper's Fig. 3).
    #[default]
    Vector,
    /// `[K, 3]`: for each neighbour its distance, x and y; for layers that read slots.
    Neighbors,
}

impl FingerprintConfig {
    /// Fewest reference points of a task: K neighbours and the sample's own, which is left out; a
    /// kernel takes as many as there are.
    #[must_use]
    pub const fn fewest_points(&self) -> usize {
        match self.kind {
            FingerprintKind::ReferenceKernel => 3,
            FingerprintKind::RssNeighbors | FingerprintKind::RssVector => self.neighbors + 1,
        }
    }

    /// Nearest reference points that vote for the floor.
    #[must_use]
    pub const fn floor_neighbors(&self) -> usize {
        match self.kind {
            FingerprintKind::ReferenceKernel => 5,
            FingerprintKind::RssNeighbors | FingerprintKind::RssVector => self.neighbors,
        }
    }

    /// Shape of the network's inputs; `n_access_points` counts those of the raw RSS fingerprint.
    #[must_use]
    pub fn inputs(&self, n_access_points: usize) -> Shape {
        match (self.kind, self.shape) {
            (FingerprintKind::RssVector, _) => n_access_points.into(),
            (FingerprintKind::ReferenceKernel, _) => {
                [self.neighbors, 1, ReferenceKernel::SLOT].into()
            }
            (FingerprintKind::RssNeighbors, FingerprintShape::Vector) => {
                RssNeighbors { k: self.neighbors }.len().into()
            }
            (FingerprintKind::RssNeighbors, FingerprintShape::Neighbors) => {
                [self.neighbors, 3].into()
            }
        }
    }
}

/// What inputs are standardised by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// Mean and deviation over historical tasks; stored with the model.
    #[default]
    Historical,
    /// Mean and deviation of each task's own support set.
    Support,
}

/// Where the origin of the network's coordinates lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameOrigin {
    /// At the centre of the environment's own reference points: for sites that differ.
    #[default]
    ReferencePoints,
    /// At the centre of the historical points: for the same place at another time.
    Historical,
}

/// What one unit of the network's coordinates is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameUnit {
    /// The historical sites' mean extent: a metre is the same length everywhere.
    #[default]
    Historical,
    /// The root-mean-square extent of the environment's own reference points.
    ReferencePoints,
}

/// What a training task looks like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskConfig {
    /// Fewest reference points of a task. Each task draws its number between fewest and most.
    pub min_points: usize,
    /// Most reference points of a task; a site with fewer gives what it has less `held_out_share`.
    pub max_points: usize,
    /// Samples a reference point, k_spt; 3 in the paper.
    pub samples_per_point: usize,
    /// Query samples of a task, drawn at points that are not reference points.
    pub query_samples: usize,
    /// Share of a site's points that a task must leave out of its reference points, for queries.
    pub held_out_share: f64,
    /// Turn and mirror each training task's plan at random, so that a network for other sites
    /// does not learn the historical sites' orientation. The raw RSS fingerprint, which has no
    /// coordinates to turn, is never turned.
    pub random_orientation: bool,
}

impl Default for TaskConfig {
    fn default() -> Self {
        Self {
            min_points: 10,
            max_points: 24,
            samples_per_point: 3,
            query_samples: 30,
            held_out_share: 0.15,
            random_orientation: true,
        }
    }
}

impl LearningConfig {
    /// The configuration of who names no algorithm: the best one is chosen.
    #[must_use]
    pub fn automatic() -> Self {
        Self { algorithm: Algorithm::Auto, ..Self::default() }
    }

    /// Reads a configuration file in TOML; what it leaves out keeps its default. If it names no
    /// algorithm and says nothing of a network (`network`, `maml`, `adaptation`), the best method is
    /// chosen.
    ///
    /// # Errors
    /// [`Error::File`] if it can't be read, [`Error::Config`] naming the file and the key.
    pub fn read(path: &std::path::Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        let refuse =
            |e: toml::de::Error| Error::Config { path: path.to_owned(), reason: e.to_string() };
        let mut config: Self = toml::from_str(&text).map_err(refuse)?;
        let given = toml::from_str::<toml::Table>(&text).map_err(refuse)?;
        // Who describes a network wants that network.
        if !["algorithm", "network", "maml", "adaptation"]
            .iter()
            .any(|key| given.contains_key(*key))
        {
            config.algorithm = Algorithm::Auto;
        }
        Ok(config)
    }

    /// The adaptation, resolved.
    #[must_use]
    pub fn adaptation(&self) -> AdaptationConfig {
        let AdaptationSettings { step_size, steps } = self.adaptation;
        AdaptationConfig {
            step_size: step_size.unwrap_or(self.maml.inner_step_size),
            steps: steps.unwrap_or(AdaptationConfig::default().steps),
        }
    }

    /// The loss of training and adaptation, resolved.
    #[must_use]
    pub fn loss(&self) -> Loss {
        let points = self.csi.as_ref().is_some_and(|csi| csi.answer == Answer::Point);
        let default = if points { Loss::CrossEntropy } else { Loss::Euclidean };
        self.network.loss.unwrap_or(default)
    }

    /// The same with what was left to depend on other settings written out.
    #[must_use]
    pub fn resolved(&self) -> Self {
        let mut resolved = self.clone();
        resolved.network.loss = Some(self.loss());
        resolved
    }

    /// As [`Self::resolved`], with what training chose, as models keep it.
    #[must_use]
    pub(crate) fn after_training(&self, record: &TrainingRecord) -> Self {
        let mut config = self.resolved();
        config.adaptation.steps = self.adaptation.steps.or_else(|| record.chosen_steps());
        config
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside of its legal range.
    pub fn check(&self) -> Result<(), Error> {
        self.maml.check()?;
        if let Algorithm::Trained(name) = self.algorithm {
            name.visit(self.maml, &self.variants, Nothing)?;
        }
        self.training.check()?;
        self.auto.check()?;
        if self.clusters == Some(0) {
            return Err(Error::usage("setting `clusters` must be at least 1"));
        }
        if self.knn.neighbors == 0 || !(self.knn.power >= 0.0 && self.knn.power.is_finite()) {
            return Err(Error::usage(
                "setting `knn.neighbors` must be at least 1, `knn.power` at least 0",
            ));
        }
        match (&self.csi, self.algorithm) {
            (Some(csi), Algorithm::Packets) => csi.check_packets(),
            (None, Algorithm::Packets | Algorithm::NearestSpectrum | Algorithm::RidgeSpectrum) => {
                Err(Error::usage(format!(
                    "algorithm `{}` reads channel state information: the settings need a section \
                     `[csi]`",
                    self.algorithm.name()
                )))
            }
            (Some(_), Algorithm::Knn) => Err(Error::usage(
                "algorithm `knn` compares RSS scans: leave the section `[csi]` out, or take \
                 `nearest-spectrum`",
            )),
            (Some(csi), _) => csi.check(self.loss(), self.task.samples_per_point),
            (None, _) => self.check_rss(),
        }
    }

    fn check_rss(&self) -> Result<(), Error> {
        let refuse = |setting: &str, expected: &str| {
            Err(Error::usage(format!("setting `{setting}` must be {expected}")))
        };
        let task = &self.task;
        if self.fingerprint.neighbors == 0 {
            return refuse("fingerprint.neighbors", "at least 1");
        }
        if !(-120.0..=0.0).contains(&self.fingerprint.not_heard_dbm) {
            return refuse("fingerprint.not_heard_dbm", "between -120 and 0");
        }
        let is_kernel = self.fingerprint.kind == FingerprintKind::ReferenceKernel;
        if self.fingerprint.old_maps && !is_kernel {
            return refuse("fingerprint.old_maps", "false but with `kind = \"reference-kernel\"`");
        }
        let fewest = self.fingerprint.fewest_points();
        if task.min_points < fewest || task.max_points < task.min_points {
            return refuse(
                "task.min_points",
                "more than fingerprint.neighbors (a sample's own point is left out) and at most \
                 task.max_points",
            );
        }
        if task.samples_per_point == 0 || task.query_samples == 0 {
            return refuse("task.samples_per_point and task.query_samples", "at least 1");
        }
        if !(task.held_out_share > 0.0 && task.held_out_share < 1.0) {
            return refuse("task.held_out_share", "between 0 and 1");
        }
        if self.loss() == Loss::CrossEntropy {
            return refuse(
                "network.loss",
                "squared-error, root-mean-squared-error or euclidean: positions are regressed",
            );
        }
        match (self.fingerprint.kind, self.fingerprint.shape) {
            (
                FingerprintKind::RssVector | FingerprintKind::ReferenceKernel,
                FingerprintShape::Neighbors,
            ) => {
                return refuse("fingerprint.shape", "`vector` where `kind` is not `rss-neighbors`");
            }
            // The other fingerprint's inputs are known once the surveys are read.
            (FingerprintKind::RssVector, FingerprintShape::Vector) => {}
            (FingerprintKind::RssNeighbors | FingerprintKind::ReferenceKernel, _) => {
                self.network.describe(&self.fingerprint.inputs(0), POSITION_OUTPUTS)?;
            }
        }
        Ok(())
    }
}

/// Makes an algorithm only to check its settings.
struct Nothing;

impl Visitor for Nothing {
    type Output = ();

    fn visit<A: MetaAlgorithm>(self, _: &A) {}
}
