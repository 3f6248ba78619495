//! How well it locates: protocols on data, methods side by side, honest statistics.
//!
//! A [`Protocol`] names a data set, historical and new environments, the support and the methods.
//! [`run()`] draws the same cases for every method and gives one [`Row`] a method, environment and
//! seed. [`select()`] chooses settings on historical environments only; a plain run never chooses
//! anything on the new ones.

mod cases;
mod csi;
mod csi_answers;
mod csi_methods;
mod csi_training;
mod csi_windows;
mod error_statistics;
mod interval;
mod methods;
mod paired;
mod protocol;
mod row;
mod run;
mod select;
mod summary;
mod toy;
mod toy_convergence;
mod toy_discrepancy;

pub use cases::Case;
pub(crate) use csi::CsiDraw;
pub use csi::{CsiData, run_on_csi_survey};
pub use error_statistics::ErrorStatistics;
pub use interval::{Estimate, Figure, estimate};
pub(crate) use methods::runs_on_scans;
pub use paired::{Paired, PlaceAnswers, paired};
pub use protocol::{
    DataSource, Floors, MethodConfig, Protocol, SelectConfig, Split, SupportConfig, SurveyData,
};
pub use row::Row;
pub use run::{Evaluation, EvaluationObserver, Overrides, Unwatched, run, run_on_survey};
pub(crate) use run::{hash, load};
pub use select::{Choice, Selection, select};
pub use summary::{REFERENCE, SummaryRow, summarize};
pub use toy::{ToyData, ToyTask};
#[cfg(test)]
pub(crate) use toy_convergence::StartDistances;
pub(crate) use toy_convergence::{ConvergenceSettings, RoomConvergence, toy_convergence};
pub(crate) use toy_discrepancy::{ToyDiscrepancy, toy_discrepancies};
