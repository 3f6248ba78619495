//! Transfer learning (TL): ordinary joint training on all historical environments.
//!
//! The paper's section V-B: the same network, trained in the usual way on the historical data,
//! then adapted like the meta-trained one. To spend the same number of updates on the same data,
//! an iteration draws the same tasks and steps along the gradient of their joint loss; support and
//! query samples count alike, and there is no inner loop.

use crate::algorithm::TaskSlot;
use crate::{Learner, MetaAlgorithm, MetaError, Task};

/// Ordinary joint training.
#[derive(Debug, Clone, Copy, Default)]
pub struct TransferLearning;

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
        task: &Task,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        let samples = task.support.joined(&task.query);
        learner.loss_and_gradient(
            meta_parameters,
            &samples,
            &mut slot.gradient,
            &mut slot.workspace,
        )
    }
}
