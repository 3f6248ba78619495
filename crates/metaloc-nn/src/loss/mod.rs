//! Losses, one file each: a number for a batch, and its gradient with respect to the outputs.

mod cross_entropy;
mod euclidean;
mod squared_error;

use crate::error::{NetworkError, expect_length};
use crate::number::Number;
use crate::real::Real;
use serde::{Deserialize, Serialize};

/// What the network should have put out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Targets<'a, R> {
    /// Values, `[n, n_outputs]` row-major.
    Values(&'a [R]),
    /// Classes, `[n]`, each below the network's number of outputs.
    Classes(&'a [u32]),
}

impl<R> Targets<'_, R> {
    /// The targets of `n` samples from `first` on.
    pub(crate) fn part(self, first: usize, n: usize, n_outputs: usize) -> Self {
        match self {
            Self::Values(values) => {
                Self::Values(&values[first * n_outputs..(first + n) * n_outputs])
            }
            Self::Classes(classes) => Self::Classes(&classes[first..first + n]),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Values(_) => "values",
            Self::Classes(_) => "classes",
        }
    }
}

/// How far a batch of outputs is from its targets.
///
/// With `n` samples, outputs `y` and targets `t`:
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `1/n sum_i |y_i - t_i|^2`: the sum over the outputs, the mean over the samples.
    SquaredError,
    /// `sqrt(1/n sum_i |y_i - t_i|^2)`; its gradient is taken as 0 where the loss is 0.
    RootMeanSquaredError,
    /// `1/n sum_i |y_i - t_i|`: the mean distance; its gradient is taken as 0 at distance 0.
    Euclidean,
    /// `1/n sum_i (log sum_j exp(y_ij) - y_i,class)`; outputs are logits.
    CrossEntropy,
}

impl Loss {
    /// The name as it stands in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SquaredError => "squared-error",
            Self::RootMeanSquaredError => "root-mean-squared-error",
            Self::Euclidean => "euclidean",
            Self::CrossEntropy => "cross-entropy",
        }
    }

    /// Checks that the targets fit the loss and the batch.
    pub(crate) fn check<R: Real>(
        self,
        targets: Targets<'_, R>,
        n: usize,
        n_outputs: usize,
    ) -> Result<(), NetworkError> {
        match (self, targets) {
            (Self::CrossEntropy, Targets::Classes(classes)) => {
                expect_length("target classes", n, classes.len())?;
                let wrong = |&(_, &class): &(usize, &u32)| class as usize >= n_outputs;
                match classes.iter().enumerate().find(wrong) {
                    None => Ok(()),
                    Some((sample, &got)) => {
                        Err(NetworkError::ClassOutOfRange { sample, n_classes: n_outputs, got })
                    }
                }
            }
            (
                Self::SquaredError | Self::RootMeanSquaredError | Self::Euclidean,
                Targets::Values(values),
            ) => expect_length("target values", n * n_outputs, values.len()),
            (Self::CrossEntropy, Targets::Values(_)) => Err(self.mismatch("classes", &targets)),
            (_, Targets::Classes(_)) => Err(self.mismatch("values", &targets)),
        }
    }

    fn mismatch<R>(self, expected: &'static str, targets: &Targets<'_, R>) -> NetworkError {
        NetworkError::TargetKind { loss: self.name(), expected, got: targets.kind() }
    }

    /// Whether a sample's share depends on the rest of the batch.
    pub(crate) fn couples_samples(self) -> bool {
        self == Self::RootMeanSquaredError
    }

    /// The share of some samples in the loss of a batch of `n_batch` and, where asked for, its
    /// gradient with respect to the outputs. The targets fit, as [`check`](Self::check) says.
    ///
    /// # Shapes
    /// - `outputs`, `delta`: `[n, n_outputs]`
    pub(crate) fn evaluate<N: Number>(
        self,
        outputs: &[N],
        targets: Targets<'_, N::Real>,
        n_outputs: usize,
        n_batch: usize,
        delta: Option<&mut [N]>,
    ) -> N::Wide {
        match (self, targets) {
            (Self::SquaredError, Targets::Values(values)) => {
                squared_error::mean(outputs, values, n_batch, delta)
            }
            (Self::RootMeanSquaredError, Targets::Values(values)) => {
                squared_error::root_mean(outputs, values, n_batch, delta)
            }
            (Self::Euclidean, Targets::Values(values)) => {
                euclidean::mean(outputs, values, n_outputs, n_batch, delta)
            }
            (Self::CrossEntropy, Targets::Classes(classes)) => {
                cross_entropy::mean(outputs, classes, n_outputs, n_batch, delta)
            }
            (Self::CrossEntropy, Targets::Values(_)) | (_, Targets::Classes(_)) => {
                unreachable!("targets are checked")
            }
        }
    }
}
