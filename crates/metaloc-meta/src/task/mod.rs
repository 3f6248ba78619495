//! Localization tasks: what one environment (or one draw from it) asks of a model.

mod n_way;
mod regression;

pub use n_way::{LabelScheme, NWaySampler};
pub use regression::RegressionSampler;

use std::borrow::Cow;

use crate::MetaError;
use crate::seed::ChaCha8Rng;

/// Model inputs with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Inputs, row-major.
    ///
    /// # Shapes
    /// `[n, n_inputs]`
    pub inputs: Vec<f32>,
    /// Numbers in one input.
    pub n_inputs: usize,
    /// What the model should answer.
    pub labels: Labels,
}

/// What a model should answer to a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// Regression: `[n, n_outputs]`, row-major.
    Values {
        /// The values.
        values: Vec<f32>,
        /// Numbers in one answer.
        n_outputs: usize,
    },
    /// Classification: one class index a row.
    Classes(Vec<u32>),
}

impl Batch {
    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inputs.len() / self.n_inputs.max(1)
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Some of the samples, by their places.
    ///
    /// # Panics
    /// If there is no such sample.
    #[must_use]
    pub fn chosen(&self, places: &[usize]) -> Self {
        let of = |values: &[f32], width: usize| -> Vec<f32> {
            places.iter().flat_map(|&at| values[at * width..(at + 1) * width].to_vec()).collect()
        };
        let labels = match &self.labels {
            Labels::Values { values, n_outputs } => {
                Labels::Values { values: of(values, *n_outputs), n_outputs: *n_outputs }
            }
            Labels::Classes(classes) => {
                Labels::Classes(places.iter().map(|&at| classes[at]).collect())
            }
        };
        Self { inputs: of(&self.inputs, self.n_inputs), n_inputs: self.n_inputs, labels }
    }

    /// The samples of two batches of one kind in one; the labels of `self` decide the kind.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        joined.inputs.extend_from_slice(&other.inputs);
        match (&mut joined.labels, &other.labels) {
            (Labels::Values { values, .. }, Labels::Values { values: more, .. }) => {
                values.extend_from_slice(more);
            }
            (Labels::Classes(classes), Labels::Classes(more)) => classes.extend_from_slice(more),
            // A task never mixes kinds; if it did, the model reports the label count.
            (Labels::Values { .. }, Labels::Classes(_))
            | (Labels::Classes(_), Labels::Values { .. }) => {}
        }
        joined
    }
}

/// A task tau: support set to adapt on, query set to be judged on.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// `D^s`: samples to adapt on.
    pub support: Batch,
    /// `D^q`: samples that judge the adapted parameters.
    pub query: Batch,
}

/// Where tasks come from: the distribution p(tau) of Algorithm 1.
pub trait TaskSource: Sync {
    /// Draws one task; the same stream gives the same task.
    ///
    /// # Errors
    /// If the data does not suffice for a task.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Cow<'_, Task>, MetaError>;
}

/// A task as a source draws nothing but itself.
impl TaskSource for Task {
    fn draw(&self, _: &mut ChaCha8Rng) -> Result<Cow<'_, Task>, MetaError> {
        Ok(Cow::Borrowed(self))
    }
}
