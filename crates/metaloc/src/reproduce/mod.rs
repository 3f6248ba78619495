//! The paper's figures and tables, each by one command, beside what the paper says.
//!
//! ```text
//! Target -> protocols -> rows (kept unit by unit, so that a run resumes) -> pictures, tables, claims -> files, report
//! ```
//!
//! A figure is one file here. What it evaluates is a protocol like any other, written beside its results;
//! `quick` runs fewer iterations, points and seeds, and says so.

mod by_method;
mod claim;
mod coarse;
mod curves;
mod fig01;
mod fig07;
mod fig08;
mod fig09;
mod fig10;
mod fig11;
mod fig13;
mod fig14;
mod kept;
mod neighbours;
mod output;
mod places;
mod released;
mod report;
mod runner;
mod table1;
mod table3;
mod variants;
mod window_strengths;

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::evaluate::EvaluationObserver;

pub use claim::{Claim, Verdict};
pub use output::{Drawing, Reproduction, Sheet};
pub use places::Dataset;
pub use report::report;
use runner::Runner;

/// A figure or table of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// CSI images.
    Fig1,
    /// The hall and the lab.
    Fig7,
    /// Errors over gradient steps by training samples.
    Fig8,
    /// Distribution of errors with few reference points.
    Fig9,
    /// Starts of single environments, and which the discrepancy chooses.
    Fig10,
    /// Ray-traced places, with and without rooms by path loss.
    Fig11,
    /// Distribution of errors by method.
    Fig12,
    /// Errors over outer steps.
    Fig13,
    /// Errors over adaptation steps.
    Fig14,
    /// What the released code changes.
    Released,
    /// Every method on every data set.
    Table1,
    /// Errors of all methods in hall and lab.
    Table3,
}

impl Target {
    /// All that are here, in the paper's order.
    pub const ALL: [Self; 12] = [
        Self::Fig1,
        Self::Fig7,
        Self::Fig8,
        Self::Fig9,
        Self::Fig10,
        Self::Fig11,
        Self::Table3,
        Self::Fig12,
        Self::Fig13,
        Self::Fig14,
        Self::Table1,
        Self::Released,
    ];

    /// Its name, as on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fig1 => "fig1",
            Self::Fig7 => "fig7",
            Self::Fig8 => "fig8",
            Self::Fig9 => "fig9",
            Self::Fig10 => "fig10",
            Self::Fig11 => "fig11",
            Self::Fig12 => "fig12",
            Self::Fig13 => "fig13",
            Self::Fig14 => "fig14",
            Self::Released => "released",
            Self::Table1 => "table1",
            Self::Table3 => "table3",
        }
    }

    /// Whether it can be made on a data set; `None`: on the paper's own examples and places.
    #[must_use]
    pub fn is_about(self, dataset: Option<Dataset>) -> bool {
        match (self, dataset) {
            (_, None) => true,
            // The toy examples draw rooms of their own.
            (Self::Fig8 | Self::Fig9 | Self::Fig10 | Self::Fig11, Some(_)) => false,
            (Self::Fig1 | Self::Fig7, Some(dataset)) => dataset.is_simulated(),
            (_, Some(_)) => true,
        }
    }

    /// Checks that it can be made on a data set.
    ///
    /// # Errors
    /// If it can't; the message says what can.
    pub fn check(self, dataset: Option<Dataset>) -> Result<(), Error> {
        match dataset.filter(|_| !self.is_about(dataset)) {
            None => Ok(()),
            Some(dataset) => Err(Error::usage(format!(
                "{} can't be made on `{}`: leave the data set out, or take {}",
                self.name(),
                dataset.name(),
                names(|other| other.is_about(Some(dataset)))
            ))),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|target| target.name() == name).ok_or_else(|| {
            let have = names(|_| true);
            Error::usage(format!("no figure or table `{name}`; there are {have}"))
        })
    }
}

/// Names of some of the figures and tables.
fn names(which: impl Fn(Target) -> bool) -> String {
    let some = Target::ALL.into_iter().filter(|target| which(*target)).map(Target::name);
    some.collect::<Vec<_>>().join(", ")
}

/// How to reproduce.
#[derive(Debug, Clone)]
pub struct ReproduceSettings {
    /// Coarse: fewer iterations, points and seeds.
    pub quick: bool,
    /// At most so many of a protocol's seeds; all if left out.
    pub seeds: Option<usize>,
    /// Train this share of the paper's steps, above 0 and at most 1, in figures of hall and lab.
    pub training_share: f64,
    /// Data other than the paper's own examples.
    pub dataset: Option<Dataset>,
    /// The parent folder of the publishers' data.
    pub data_folder: PathBuf,
}

/// Reproduces a figure or table; results so far are kept in `kept`, and taken from there.
///
/// # Errors
/// If it is interrupted, data is missing, or the data set lacks what the figure is about.
pub fn reproduce(
    target: Target,
    settings: &ReproduceSettings,
    kept: &Path,
    observer: &mut dyn EvaluationObserver,
) -> Result<Reproduction, Error> {
    target.check(settings.dataset)?;
    let mut runner = Runner::new(settings, kept, observer);
    let mut reproduction = match target {
        Target::Fig1 => fig01::reproduce(&mut runner),
        Target::Fig7 => fig07::reproduce(&mut runner),
        Target::Fig8 => fig08::reproduce(&mut runner),
        Target::Fig9 => fig09::reproduce(&mut runner),
        Target::Fig10 => fig10::reproduce(&mut runner),
        Target::Fig11 => fig11::reproduce(&mut runner),
        Target::Fig12 => table3::fig12(&mut runner),
        Target::Fig13 => fig13::reproduce(&mut runner),
        Target::Fig14 => fig14::reproduce(&mut runner),
        Target::Released => released::reproduce(&mut runner),
        Target::Table1 => table1::reproduce(&mut runner),
        Target::Table3 => table3::reproduce(&mut runner),
    }?;
    reproduction.protocols = runner.take_protocols();
    reproduction.data_hashes = runner.take_data_hashes();
    reproduction.is_quick = settings.quick;
    reproduction.training_share = settings.training_share;
    Ok(reproduction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Unwatched;

    #[test]
    fn what_cannot_be_made_on_a_data_set_is_refused() {
        let settings = ReproduceSettings {
            quick: true,
            seeds: None,
            training_share: 1.0,
            dataset: Some(Dataset::Uji),
            data_folder: PathBuf::from("nowhere"),
        };
        let folder = tempfile::tempdir().unwrap();
        for target in [Target::Fig1, Target::Fig9] {
            let refused = reproduce(target, &settings, folder.path(), &mut Unwatched).unwrap_err();
            let text = refused.to_string();
            assert!(text.contains(target.name()) && text.contains("table3"), "{text}");
        }
        assert!(Target::Fig1.is_about(Some(Dataset::Lab)) && Target::Fig9.is_about(None));
    }
}
