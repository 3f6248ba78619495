//! From surveyed sites to adapted networks: fingerprints, tasks, meta-training, adaptation.

mod adaptation_steps;
mod config;
mod csi;
mod encoder;
mod held_out;
mod maml_ts;
mod meta_model;
mod network;
mod old_maps;
pub mod presets;
mod record;
mod site_model;
mod site_tasks;
mod starts;
mod theorem_one;

pub use adaptation_steps::StepsLoss;
pub(crate) use config::POSITION_OUTPUTS;
pub use config::{
    AdaptationSettings, Algorithm, FingerprintConfig, FingerprintKind, FingerprintShape,
    FrameOrigin, FrameUnit, KnnConfig, LearningConfig, Scaling, TaskConfig,
};
pub use csi::{
    Answer, CentroidWeights, CsiEncoder, CsiFingerprint, CsiHistorical, CsiLearning, CsiModel,
    CsiSiteModel, csi_train, draw_csi_support,
};
pub use encoder::{BoundEncoder, Encoder, SiteSummary};
pub use held_out::{csi_held_out_error_m, held_out_error_m};
pub use meta_model::{Historical, MetaModel, meta_train};
pub(crate) use meta_model::{Tasks, TrainingStart, n_meta_parameters, train_on};
pub use network::{Architecture, NetworkConfig};
pub use old_maps::{OldMap, OldMaps};
pub(crate) use record::History;
pub use record::TrainingRecord;
pub use site_model::SiteModel;
pub(crate) use site_tasks::{
    DrawnTask, EncodedTasks, Orientation, TaskOrigin, encode, encode_support,
};
pub use site_tasks::{Support, draw_support};
pub use starts::{Start, StartChoice, StartDistance};
