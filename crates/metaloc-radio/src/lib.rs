//! What a Wi-Fi receiver measures, and how the waves got there.
//!
//! ```text
//! [signals -> fingerprints] -> tasks -> meta-training -> adaptation -> location -> evaluation | serving
//! ```
//!
//! This crate is the first two words of that line. [`signal`] holds what a receiver reports,
//! [`capture`] reads it from the streams of CSI tools, [`diagnosis`] says what is wrong with them,
//! [`preprocess`] cleans it,
//! [`channel`] makes such reports from a propagation model, [`similarity`] says how far two of them
//! are apart, [`radio_map`] keeps them with the places where they were measured, and
//! [`fingerprint`] turns a report into the numbers that a network reads. Nothing here learns
//! and nothing opens a file.
//!
//! Units are part of the names: `_m` metres, `_dbm` decibel-milliwatts, `_db` decibels, `_hz` hertz.
//!
//! ```
//! use metaloc_radio::geometry::Position;
//! use metaloc_radio::radio_map::{RadioMap, ReferencePoint};
//! use metaloc_radio::signal::{AccessPointId, RssScan};
//! use metaloc_radio::similarity::SignalDistance;
//!
//! let scan = |a: f32, b: f32| {
//!     RssScan::new(vec![(AccessPointId(0), a), (AccessPointId(1), b)]).expect("plausible RSS")
//! };
//! let map = RadioMap::new(
//!     vec![
//!         ReferencePoint::new("west", Position::new(0.0, 0.0, 0), &[scan(-40.0, -70.0)], -105.0),
//!         ReferencePoint::new("east", Position::new(9.0, 0.0, 0), &[scan(-72.0, -41.0)], -105.0),
//!     ],
//!     SignalDistance::Euclidean,
//!     -105.0,
//! )?;
//! let nearest = map.nearest(&scan(-45.0, -69.0), 1);
//! assert_eq!(map.points()[nearest[0].index].id, "west");
//! # Ok::<(), metaloc_radio::RadioError>(())
//! ```

pub mod capture;
pub mod channel;
pub mod diagnosis;
mod error;
pub mod fingerprint;
pub mod gain_offset;
pub mod geometry;
pub mod preprocess;
pub mod radio_map;
pub mod signal;
pub mod similarity;

pub use error::RadioError;
pub use num_complex;
