//! Propagation models: how strong a transmitter is heard at a distance.

pub mod log_distance;

pub use log_distance::LogDistance;
