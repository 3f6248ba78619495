//! From surveyed sites to adapted networks: fingerprints, tasks, meta-training, adaptation.

mod config;
mod csi;
mod encoder;
mod maml_ts;
mod meta_model;
mod network;
mod old_maps;
pub mod presets;
mod site_model;
mod site_tasks;
mod starts;
mod theorem_one;

pub(crate) use config::POSITION_OUTPUTS;
pub use config::{
    AdaptationSettings, Algorithm, FingerprintConfig, FingerprintKind, FingerprintShape,
    FrameOrigin, FrameUnit, KnnConfig, LearningConfig, Scaling, TaskConfig,
};
pub use csi::{
    Answer, CsiEncoder, CsiFingerprint, CsiHistorical, CsiLearning, CsiModel, CsiSiteModel,
    csi_train, draw_csi_support,
};
pub use encoder::{BoundEncoder, Encoder, SiteSummary};
pub use meta_model::{Historical, MetaModel, TrainingRecord, meta_train};
pub(crate) use meta_model::{History, Tasks, TrainingStart, n_meta_parameters, train_on};
pub use network::{Architecture, NetworkConfig};
pub use old_maps::{OldMap, OldMaps};
pub use site_model::SiteModel;
pub(crate) use site_tasks::{DrawnTask, EncodedTasks, Orientation, TaskOrigin};
pub use site_tasks::{Support, draw_support};
pub use starts::{Start, StartChoice, StartDistance};
