//! How a model came about.

use metaloc_meta::theorem_one::TheoremOne;
use metaloc_meta::training::Outcome;
use serde::{Deserialize, Serialize};

use super::adaptation_steps::{self, StepsLoss};
use crate::auto::Judged;

/// How a model came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// Seed of all draws.
    pub seed: u64,
    /// Historical environments.
    pub environments: Vec<String>,
    /// Environments that training was validated on.
    pub validation_environments: Vec<String>,
    /// Access points heard in them, by name.
    pub access_points: Vec<String>,
    /// Hash of the survey that they come from.
    pub data_hash: String,
    /// Iterations done.
    pub iterations: u64,
    /// Iteration of the parameters kept, where training was validated.
    pub best_iteration: Option<u64>,
    /// Validation loss of the parameters kept (frame units).
    pub validation_loss: Option<f32>,
    /// Why training stopped; `None` for a random start.
    pub outcome: Option<Outcome>,
    /// Validation loss by number of adaptation steps, of which the least decided; empty if the number
    /// was given, or training was not validated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps_losses: Vec<StepsLoss>,
    /// What `auto` chose among, and how each candidate did; empty if the algorithm was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selection: Vec<Judged>,
    /// Excess risk beside Theorem 1's bound, for growing support sets; empty unless it was asked for
    /// (`training.validation.alignment`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub theorem_one: Vec<TheoremOne>,
}

impl TrainingRecord {
    /// The record of a model whose network, if it has one, was not trained.
    pub(crate) fn untrained(history: History, seed: u64) -> Self {
        let History { environments, validation_environments, access_points, data_hash } = history;
        Self {
            seed,
            environments,
            validation_environments,
            access_points,
            data_hash,
            iterations: 0,
            best_iteration: None,
            validation_loss: None,
            outcome: None,
            steps_losses: Vec::new(),
            selection: Vec::new(),
            theorem_one: Vec::new(),
        }
    }

    /// The number of adaptation steps that training chose, if it did.
    #[must_use]
    pub fn chosen_steps(&self) -> Option<usize> {
        adaptation_steps::chosen(&self.steps_losses)
    }
}

/// What a training record says of the data.
pub(crate) struct History {
    pub(crate) environments: Vec<String>,
    pub(crate) validation_environments: Vec<String>,
    pub(crate) access_points: Vec<String>,
    pub(crate) data_hash: String,
}
