//! What a receiver reports: scans of received signal strength (CSI frames join them later).

mod access_points;
mod rss;

pub use access_points::{AccessPointId, AccessPoints};
pub use rss::{MAX_RSS_DBM, MIN_RSS_DBM, RssScan, paired_readings};
