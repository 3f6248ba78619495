//! What can go wrong while learning.

use metaloc_nn::NetworkError;
use thiserror::Error;

/// An error of this crate; the message says what was found and what is expected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MetaError {
    /// The model refused its parameters or a batch.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A setting outside its legal range.
    #[error("{setting} is {found}, it must be {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// Value found.
        found: f64,
        /// Legal range in words.
        expected: &'static str,
    },
    /// Second-order MAML with a learner that offers no Hessian-vector product.
    #[error("this learner has no Hessian-vector product; use first-order MAML")]
    NoHessianVectorProduct,
    /// Not enough data to draw a task from.
    #[error("cannot draw a task: {needed} {what} needed, {available} available")]
    TooLittleData {
        /// What is lacking.
        what: &'static str,
        /// How many a task takes.
        needed: usize,
        /// How many there are.
        available: usize,
    },
    /// The loss is not a finite number any more.
    #[error(
        "the loss became {loss} at {place}; choose a smaller step size (inner {inner_step_size})"
    )]
    Diverged {
        /// The loss found.
        loss: f32,
        /// Iteration or step.
        place: String,
        /// The inner step size in force.
        inner_step_size: f64,
    },
    /// A checkpoint that belongs to another configuration.
    #[error("the checkpoint does not fit: {0}")]
    Checkpoint(String),
    /// A task source could not build a task (its own message).
    #[error("{0}")]
    TaskSource(String),
}
