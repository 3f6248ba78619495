//! Transfer learning (TL): ordinary joint training on all historical environments.
//!
//! The paper's section V-B: the same network, trained in the usual way on the historical data,
//! then adapted like the meta-trained one. To spend the same number of updates on the same data,
//! an iteration draws the same tasks and steps along the gradient of their joint loss; support and
//! query samples count alike, and there is no inner loop.

use serde::{Deserialize, Serialize};

use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::{Learner, MetaAlgorithm, MetaError};

/// Ordinary joint training; it has no settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferLearning {}

impl MetaAlgorithm for TransferLearning {
    fn name(&self) -> &'static str {
        "tl"
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
        let samples = task.support.joined(&task.query);
        let (gradient, workspace) = (&mut slot.gradient, &mut slot.workspace);
        learner.loss_and_gradient(meta_parameters, &samples, gradient, workspace)
    }
}
