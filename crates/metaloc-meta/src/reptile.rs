//! Reptile: towards what ordinary training on a task makes of the parameters.
//!
//! A. Nichol, J. Achiam, J. Schulman, "On First-Order Meta-Learning Algorithms", arXiv:1803.02999,
//! 2018, Algorithm 2, with SGD as the inner optimizer:
//!
//! ```text
//! theta_0 = theta,   theta_k+1 = theta_k - alpha grad L_i(theta_k; D^s_i and D^q_i)    K times
//! theta   = theta + (epsilon / M) sum_i (theta_K,i - theta)
//! ```
//!
//! A task's "gradient" is theta - theta_K, so that the outer step is a descent as for all others:
//! with plain SGD of step size epsilon / M it is the published update. The paper also proposes
//! Adam on this gradient, our default.
//!
//! Reptile does not split a task in two: a step learns from all samples of the task, support joined
//! with query, as one batch (the paper: mini-batches of them; and Adam inside). K = 1 would be joint
//! training; the paper's K is 5 to 10. There are no second derivatives: `maml.second_order` is not
//! looked at.

use serde::{Deserialize, Serialize};

use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::maml::{Maml, MamlConfig};
use crate::registry::AlgorithmConfig;
use crate::step_sizes::StepSizes;
use crate::{Learner, MetaAlgorithm, MetaError};

/// Reptile has no settings but the inner loop's step size and number of steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReptileConfig {}

impl AlgorithmConfig for ReptileConfig {
    type Algorithm = Reptile;

    fn algorithm(&self, inner: MamlConfig) -> Result<Reptile, MetaError> {
        Ok(Reptile { inner: inner.check()? })
    }
}

/// Reptile with checked settings.
#[derive(Debug, Clone, Copy)]
pub struct Reptile {
    inner: Maml,
}

impl MetaAlgorithm for Reptile {
    fn name(&self) -> &'static str {
        "reptile"
    }

    fn inner_step_size(&self) -> f64 {
        self.inner.inner_step_size()
    }

    /// The loss returned is that before the last step, which costs nothing more.
    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        TaskAtHand { task, .. }: &TaskAtHand<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        let MamlConfig { inner_step_size, inner_steps, .. } = self.inner.config();
        let (sizes, samples) =
            (StepSizes::uniform(inner_step_size), task.support.joined(&task.query));
        let TaskSlot { gradient, task_parameters, workspace, .. } = slot;
        task_parameters.copy_from_slice(meta_parameters);
        let mut loss = 0.0;
        for step in 0..inner_steps {
            loss = learner.loss_and_gradient(task_parameters, &samples, gradient, workspace)?;
            sizes.descend_in_place(step, gradient, task_parameters);
        }
        let moves = meta_parameters.iter().zip(&*task_parameters);
        gradient.iter_mut().zip(moves).for_each(|(g, (theta, theta_k))| *g = theta - theta_k);
        Ok(loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;
    use crate::test_models::{Line, at_hand, batch, run};

    /// theta = 1, samples (1, 3) and (2, 1), alpha = 0.1: residuals -2 and 1, loss 2.5, gradient
    /// (2 * -2 * 1 + 2 * 1 * 2) / 2 = 0; so from theta = 0: residuals -3 and -1, loss 5, gradient
    /// (-6 - 4) / 2 = -5, theta_1 = 0.5; residuals -2.5 and 0, loss 3.125, gradient -2.5,
    /// theta_2 = 0.75.
    #[test]
    fn steps_on_all_samples_by_hand() {
        let task = Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0) };
        for (theta, inner_steps, loss, gradient) in
            [(1.0, 2, 2.5, 0.0), (0.0, 1, 5.0, -0.5), (0.0, 2, 3.125, -0.75)]
        {
            let inner = MamlConfig { inner_step_size: 0.1, inner_steps, second_order: false };
            let reptile = ReptileConfig {}.algorithm(inner).unwrap();
            let (found_loss, found) = run(&reptile, &Line, &[theta], &at_hand(&task));
            assert!((found_loss - loss).abs() < 1e-6, "{found_loss}");
            assert!((found[0] - gradient).abs() < 1e-6, "{found:?}");
        }
    }

    /// Plain SGD of step size epsilon / M along the sum is theta + epsilon * mean(theta_K - theta).
    #[test]
    fn plain_steps_are_the_published_update() {
        let inner = MamlConfig { inner_step_size: 0.1, inner_steps: 1, second_order: false };
        let reptile = ReptileConfig {}.algorithm(inner).unwrap();
        let task = |y| Task { support: batch(1.0, y), query: batch(1.0, y) };
        // From 0: gradients -2 y, theta_K = 0.2 y. With epsilon = 0.5: 0.5 * mean(0.6, 1.0) = 0.4.
        let sum: f32 =
            [3.0, 5.0].map(|y| run(&reptile, &Line, &[0.0], &at_hand(&task(y))).1[0]).iter().sum();
        assert!((0.0 - 0.5 / 2.0 * sum - 0.4).abs() < 1e-6, "{sum}");
    }
}
