//! MetaLoc: learn to localize from surveyed environments, adapt to a new one with a few samples.
//!
//! ```text
//! signals -> fingerprints -> tasks -> meta-training -> adaptation -> location -> evaluation | serving
//! ```
//!
//! This crate is the whole line for users of the library; `metaloc-radio`, `metaloc-nn` and
//! `metaloc-meta` hold its parts. A [`survey`] is what was measured; [`learning`] turns its sites
//! into a start ([`learning::MetaModel`]) and adapts it to a new site ([`learning::SiteModel`]);
//! a [`locate::Locator`] places scans; [`evaluate`] says how well, beside simple methods.

pub mod auto;
pub mod bench;
pub mod capture;
pub mod csi_site;
pub mod demo;
mod error;
pub mod evaluate;
pub mod floor_plan;
pub mod learning;
pub mod locate;
pub mod model_file;
pub mod nearness;
pub mod report;
pub mod reproduce;
pub mod simulate;
pub mod site;
pub mod survey;

pub use error::Error;
pub use metaloc_meta as meta;
pub use metaloc_nn as nn;
pub use metaloc_radio as radio;
