//! Learning from channel state information: images or spectra, points or positions.

mod config;
mod encoder;
mod model;
mod site_model;
mod tasks;

pub use config::{Answer, CentroidWeights, CsiFingerprint, CsiLearning};
pub use encoder::CsiEncoder;
pub use model::{CsiHistorical, CsiModel, csi_train};
pub use site_model::{CsiSiteModel, draw_csi_support};
