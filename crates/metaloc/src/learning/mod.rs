//! From surveyed sites to adapted networks: fingerprints, tasks, meta-training, adaptation.

mod config;
mod encoder;
mod meta_model;
pub mod presets;
mod site_model;
mod site_tasks;

pub use config::{
    AdaptationSettings, Algorithm, FingerprintConfig, FingerprintKind, FrameOrigin, FrameUnit,
    LearningConfig, NetworkConfig, Scaling, TaskConfig,
};
pub use encoder::{BoundEncoder, Encoder};
pub use meta_model::{Historical, MetaModel, TrainingRecord, meta_train};
pub(crate) use meta_model::{TrainingStart, train_on};
pub use presets::NetworkPreset;
pub use site_model::SiteModel;
pub(crate) use site_tasks::{DrawnTask, EncodedTasks, Orientation, TaskOrigin};
pub use site_tasks::{Support, draw_support};
