//! Episodic training: the query loss of tasks, without an inner loop.
//!
//! O. Vinyals et al., "Matching Networks for One Shot Learning", NeurIPS 2016, section 2.2: train as
//! you test. For models that read the support set with each query, so that a new environment needs no
//! gradient step: what adapts is what they compare with.
//!
//! ```text
//! theta = theta - beta sum_i grad L_i(theta; D^q_i)
//! ```

use serde::{Deserialize, Serialize};

use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::maml::MamlConfig;
use crate::registry::AlgorithmConfig;
use crate::{Learner, MetaAlgorithm, MetaError};

/// Episodic training; it has no settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Episodic {}

impl AlgorithmConfig for Episodic {
    type Algorithm = Self;

    fn algorithm(&self, _: MamlConfig) -> Result<Self, MetaError> {
        Ok(*self)
    }
}

impl MetaAlgorithm for Episodic {
    fn name(&self) -> &'static str {
        "episodic"
    }

    fn inner_step_size(&self) -> f64 {
        0.0
    }

    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        TaskAtHand { task, .. }: &TaskAtHand<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        let (gradient, workspace) = (&mut slot.gradient, &mut slot.workspace);
        learner.loss_and_gradient(meta_parameters, &task.query, gradient, workspace)
    }
}
