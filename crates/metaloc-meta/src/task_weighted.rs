//! MAML with a task-weighted loss: harder tasks weigh more.
//!
//! After J. Jiao, X. Wang, C. Han, Y. Huang, Y. Zhang, "Dynamic Indoor Fingerprinting Localization
//! based on Few-Shot Meta-Learning with CSI Images", arXiv:2401.05711, 2024, which introduces "a
//! task-weighted loss to enhance knowledge transfer". **The weights here are our reading of that
//! phrase, not the paper's formula, which we could not get hold of**; results of this algorithm are
//! no results of that paper. With MAML's task losses l_i and gradients g_i of M tasks
//! ([`crate::maml`]):
//!
//! ```text
//! w_i = M l_i / (l_1 + ... + l_M)            mean 1
//! gradient = w_1 g_1 + ... + w_M g_M
//! ```
//!
//! The weights are not differentiated. As l_i g_i is half the gradient of l_i^2, this is a step along
//! that of the mean of squared task losses, scaled. Losses below zero, which a learner may have,
//! weigh nothing; if no loss is above zero, all tasks weigh the same. Sites send losses and
//! gradients as for MAML; the coordinator weighs them.

use serde::{Deserialize, Serialize};

use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::maml::{Maml, MamlConfig};
use crate::registry::AlgorithmConfig;
use crate::round::Round;
use crate::{Learner, MetaAlgorithm, MetaError};

/// The task-weighted loss has no settings but those of the inner loop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskWeightedConfig {}

impl AlgorithmConfig for TaskWeightedConfig {
    type Algorithm = TaskWeighted;

    fn algorithm(&self, inner: MamlConfig) -> Result<TaskWeighted, MetaError> {
        Ok(TaskWeighted { inner: inner.check()? })
    }
}

/// Task-weighted MAML with checked settings.
#[derive(Debug, Clone, Copy)]
pub struct TaskWeighted {
    inner: Maml,
}

impl MetaAlgorithm for TaskWeighted {
    fn name(&self) -> &'static str {
        "task-weighted"
    }

    fn inner_step_size(&self) -> f64 {
        self.inner.inner_step_size()
    }

    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        task: &TaskAtHand<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        self.inner.task_gradient(learner, meta_parameters, task, slot)
    }

    fn iterate(
        &self,
        round: &mut Round<'_>,
        meta_parameters: &mut [f32],
        gradient: &mut [f32],
    ) -> Result<f32, MetaError> {
        let tasks = round.tasks();
        round.gradient_weighted(&tasks, meta_parameters, weigh, gradient)
    }
}

/// Puts in the place of losses weights in proportion to them, of mean 1.
fn weigh(losses: &mut [f32]) {
    losses.iter_mut().for_each(|loss| *loss = loss.max(0.0));
    let total: f64 = losses.iter().copied().map(f64::from).sum();
    if total > 0.0 {
        let per_loss = losses.len() as f64 / total;
        losses.iter_mut().for_each(|loss| *loss = (f64::from(*loss) * per_loss) as f32);
    } else {
        losses.fill(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;
    use crate::site::in_process;
    use crate::test_models::{
        Line, at_hand, batch, run, smooth_network, smooth_start, smooth_task,
    };

    #[test]
    fn weights_by_hand() {
        for (mut losses, weights) in [
            (vec![1.0, 2.0, 5.0, 0.0], vec![0.5, 1.0, 2.5, 0.0]),
            (vec![3.0], vec![1.0]),
            (vec![0.0, -1.0], vec![1.0, 1.0]),
            (vec![-1.0, 4.0], vec![0.0, 2.0]),
        ] {
            weigh(&mut losses);
            assert_eq!(losses, weights);
        }
    }

    fn gradient<L: Learner>(learner: &L, tasks: [&Task; 2], theta: &[f32]) -> (f32, Vec<f32>) {
        let inner = MamlConfig { inner_step_size: 0.1, inner_steps: 1, second_order: false };
        let algorithm = TaskWeightedConfig {}.algorithm(inner).unwrap();
        let environments = tasks.map(|task| ("", task as _));
        in_process(&environments, (learner, &algorithm), 5, |sites| {
            let mut round = Round::new(sites, 2, 5);
            // An iteration that asks both.
            while round.tasks()[0].site == round.tasks()[1].site {
                round.iteration += 1;
            }
            let (mut theta, mut gradient) = (theta.to_vec(), vec![0.0; theta.len()]);
            let loss = algorithm.iterate(&mut round, &mut theta, &mut gradient).unwrap();
            (loss, gradient)
        })
    }

    /// MAML's test: gradient 7.2 and loss 1.8^2 for a query of (2, 1), 3.2 and 0.8^2 for (2, 2);
    /// weights 2 * 3.24 / 3.88 and 2 * 0.64 / 3.88. The loss reported is not weighted.
    #[test]
    fn two_tasks_by_hand() {
        let task = |y| Task { support: batch(1.0, 3.0), query: batch(2.0, y) };
        let (loss, found) = gradient(&Line, [&task(1.0), &task(2.0)], &[1.0]);
        let expected = 2.0 * (3.24 * 7.2 + 0.64 * 3.2) / 3.88;
        assert!((found[0] - expected).abs() < 1e-4, "{found:?}");
        assert!((loss - 1.94).abs() < 1e-5, "{loss}");
        let alike = gradient(&Line, [&task(1.0), &task(1.0)], &[1.0]).1;
        assert!((alike[0] - 14.4).abs() < 1e-5, "{alike:?}");
    }

    #[test]
    fn a_network_gets_the_weighted_sum() {
        let (learner, theta) = (smooth_network(), smooth_start());
        let tasks = [smooth_task(2), smooth_task(3)];
        let inner = MamlConfig { inner_step_size: 0.1, inner_steps: 1, second_order: false };
        let maml = inner.check().unwrap();
        let apart = tasks.each_ref().map(|task| run(&maml, &learner, &theta, &at_hand(task)));
        let found = gradient(&learner, [&tasks[0], &tasks[1]], &theta).1;
        let total = apart[0].0 + apart[1].0;
        for (place, found) in found.iter().enumerate() {
            let expected: f32 = apart.iter().map(|(l, g)| 2.0 * l / total * g[place]).sum();
            assert!((found - expected).abs() < 1e-5, "{found}, {expected}");
        }
    }
}
