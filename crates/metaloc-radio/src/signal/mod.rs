//! What a receiver reports: scans of received signal strength, and frames of channel state
//! information.

mod access_points;
mod csi;
mod csi_recording;
mod rss;
mod subcarrier_role;

pub use access_points::{AccessPointId, AccessPoints};
pub use csi::{Chip, CsiFrame, MacAddress, Stream, Subcarriers};
pub use csi_recording::CsiRecording;
pub use rss::{MAX_RSS_DBM, MIN_RSS_DBM, RssScan, paired_readings};
pub use subcarrier_role::{FrameFormat, SubcarrierRole};
