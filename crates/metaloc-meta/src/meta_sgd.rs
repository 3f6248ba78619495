//! Meta-SGD: the inner loop's step sizes are learned, one for each parameter.
//!
//! Z. Li, F. Zhou, F. Chen, H. Li, "Meta-SGD: Learning to Learn Quickly for Few-Shot Learning",
//! arXiv:1707.09835, 2017, Eq. (3) and Algorithm 1; `*` is elementwise:
//!
//! ```text
//! theta'_i       = theta - alpha * grad L_i(theta; D^s_i)
//! (theta, alpha) = (theta, alpha) - beta sum_i grad_(theta, alpha) L_i(theta'_i; D^q_i)
//! d L_i(theta'_i) / d alpha = - grad L_i(theta; D^s_i) * grad L_i(theta'_i; D^q_i)
//! ```
//!
//! The paper takes one inner step; with more, all share alpha, and the derivatives are summed. The
//! step sizes stand behind theta in the meta-parameters and are learned by the same outer optimizer
//! with the same step size beta, as in the paper. They may become negative: the paper lets alpha
//! decide the direction too, so there is no bound. They start at `maml.inner_step_size` (the
//! paper: at random; ours is the start that MAML has). In the new environment every step uses
//! them, and the adaptation's own step size is not looked at.
//!
//! `maml.second_order` gives the exact gradient, as the paper has it; without, second derivatives
//! are left out in theta's part and in what earlier steps pass on to alpha's.

use serde::{Deserialize, Serialize};

use crate::adapt::AdaptationConfig;
use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::inner_loop::InnerLoop;
use crate::maml::{Maml, MamlConfig};
use crate::registry::AlgorithmConfig;
use crate::step_sizes::StepSizes;
use crate::{Learner, MetaAlgorithm, MetaError};

/// Meta-SGD has no settings but those of the inner loop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetaSgdConfig {}

impl AlgorithmConfig for MetaSgdConfig {
    type Algorithm = MetaSgd;

    fn algorithm(&self, inner: MamlConfig) -> Result<MetaSgd, MetaError> {
        Ok(MetaSgd { inner: inner.check()? })
    }
}

/// Meta-SGD with checked settings.
#[derive(Debug, Clone, Copy)]
pub struct MetaSgd {
    inner: Maml,
}

impl MetaAlgorithm for MetaSgd {
    fn name(&self) -> &'static str {
        "meta-sgd"
    }

    fn inner_step_size(&self) -> f64 {
        self.inner.inner_step_size()
    }

    /// `[n_parameters]`: the step sizes alpha.
    fn initial_extras<L: Learner>(&self, learner: &L) -> Vec<f32> {
        vec![self.inner.inner_step_size() as f32; learner.n_parameters()]
    }

    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        TaskAtHand { task, first_step, .. }: &TaskAtHand<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        let MamlConfig { inner_steps, second_order, .. } = self.inner.config();
        let (theta, alpha) = meta_parameters.split_at(learner.n_parameters());
        let sizes = StepSizes::per_parameter(alpha.to_vec());
        let inner = InnerLoop::new(inner_steps, &sizes, second_order);
        let inner = InnerLoop { rate_gradient: true, ..inner };
        let loss = inner.run(learner, theta, task, first_step, slot)?;
        slot.gradient[theta.len()..].copy_from_slice(&slot.rate_gradient);
        Ok(loss)
    }

    fn adaptation_step_sizes<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        _: AdaptationConfig,
    ) -> StepSizes {
        StepSizes::per_parameter(meta_parameters[learner.n_parameters()..].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models::{
        Line, at_hand, batch, difference_error, query_losses, run, smooth_network, smooth_start,
        smooth_task,
    };
    use crate::{Task, adapt_with};

    fn meta_sgd(inner_steps: usize, second_order: bool) -> MetaSgd {
        let inner = MamlConfig { inner_step_size: 0.1, inner_steps, second_order };
        MetaSgdConfig {}.algorithm(inner).unwrap()
    }

    /// The numbers of MAML's test: support gradients -4 and -3.2, query gradients 7.2 after one step
    /// and 9.76 after two, a factor of 0.8 a step in the second order. One step: d/d alpha = 4 * 7.2.
    /// Two: 3.2 * 9.76 + 4 * 9.76, the last times 0.8 in the second order.
    #[test]
    fn one_and_two_inner_steps_by_hand() {
        let task = Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0) };
        for (steps, second_order, theta, alpha) in [
            (1, false, 7.2, 28.8),
            (1, true, 0.8 * 7.2, 28.8),
            (2, false, 9.76, 3.2 * 9.76 + 4.0 * 9.76),
            (2, true, 0.64 * 9.76, 3.2 * 9.76 + 4.0 * 0.8 * 9.76),
        ] {
            let algorithm = meta_sgd(steps, second_order);
            let gradient = run(&algorithm, &Line, &[1.0, 0.1], &at_hand(&task)).1;
            assert!((gradient[0] - theta).abs() < 1e-5, "{gradient:?}");
            assert!((gradient[1] - alpha).abs() < 1e-4, "{gradient:?}");
        }
    }

    /// Against central differences of the query loss after plain descent, in theta and alpha at
    /// once.
    #[test]
    fn the_second_order_gradient_is_the_derivative_of_the_meta_objective() {
        let (theta, task) = (smooth_start(), smooth_task(2));
        let n = theta.len();
        let alpha = (0..n).map(|place| 0.2 + 0.2 * (place % 3) as f32);
        let meta_parameters: Vec<f32> = theta.into_iter().chain(alpha).collect();
        let objective = |p: &[f32]| query_losses(&p[..n], &task, 3, |_, place| p[n + place])[2];
        let algorithm = meta_sgd(3, true);
        let gradient = run(&algorithm, &smooth_network(), &meta_parameters, &at_hand(&task)).1;
        // Theta alone, alpha alone, both.
        for (of_theta, of_alpha) in [(2e-3, 0.0), (0.0, 2e-2), (2e-3, 2e-2)] {
            let scales = [vec![of_theta; n], vec![of_alpha; n]].concat();
            let error = difference_error(objective, &meta_parameters, &scales, &gradient);
            assert!(error < 3e-3, "{error}");
        }
    }

    #[test]
    fn step_sizes_start_as_mamls_and_adaptation_uses_what_was_learned() {
        let algorithm = meta_sgd(1, false);
        assert_eq!(algorithm.initial_extras(&Line), [0.1]);
        // From 1 with alpha = 0.25 on (1, 3), gradient -4: to 2; gradient -2: to 2.5.
        let adaptation = AdaptationConfig { step_size: 9.0, steps: 2 };
        let sizes = algorithm.adaptation_step_sizes(&Line, &[1.0, 0.25], adaptation);
        let adapted = adapt_with(&Line, &[1.0], &batch(1.0, 3.0), (&sizes, 2), &mut ()).unwrap();
        assert_eq!(adapted.parameters, [2.5]);
    }
}
