//! MAML++: MAML whose inner loop is judged at every step and learns its step sizes.
//!
//! A. Antoniou, H. Edwards, A. Storkey, "How to train your MAML", ICLR 2019, section 4. For K inner
//! steps and layers l:
//!
//! ```text
//! theta_0 = theta,   theta_k+1,l = theta_k,l - alpha_k,l grad_l L_s(theta_k)      LSLR
//! loss    = v_1 L_q(theta_1) + ... + v_K L_q(theta_K)                             MSL
//! ```
//!
//! - LSLR: a step size for each layer and step is learned with theta; `[steps, layers]` behind it in
//!   the meta-parameters, starting at `maml.inner_step_size`. In the new environment, steps beyond
//!   the K-th repeat the last row; the adaptation's own step size is not looked at.
//! - MSL: the weights v are uniform at first and go linearly, in `annealing_iterations`, to the last
//!   step alone. (The authors' code stops them at 0.03 / K before it drops them.)
//! - DA: first-order gradients before iteration `second_order_from`, then second order; only with
//!   `maml.second_order`, else the first order throughout.
//! - CA, the cosine schedule of the outer step size: a setting of the outer optimizer.
//! - BNRS, running batch-norm statistics for each step, are not needed: our batch norm takes those
//!   of the batch or support set at hand. BNWB, biases of their own for each step, is left out:
//!   gains and biases are parameters like others.
//!
//! Learned step sizes want second-order gradients or small outer steps. A first-order derivative
//! sees no curvature, so nothing holds a step size back before its steps overshoot: on the
//! sinusoids of MAML's paper, first order with Adam at 1e-2 diverged where 1e-3, and 1e-2 in second
//! order, did not.

use serde::{Deserialize, Serialize};

use crate::adapt::AdaptationConfig;
use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::inner_loop::InnerLoop;
use crate::maml::{Maml, MamlConfig};
use crate::registry::AlgorithmConfig;
use crate::step_sizes::StepSizes;
use crate::{Learner, MetaAlgorithm, MetaError};

/// Settings of MAML++.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MamlPlusPlusConfig {
    /// Iterations in which the weights of the query losses go from uniform to the last step alone;
    /// 0: from the start.
    pub annealing_iterations: u64,
    /// The first iteration with second-order gradients, if `maml.second_order` is on.
    pub second_order_from: u64,
}

/// 15 and 10 of 100 epochs, as the authors' configuration for Mini-ImageNet, five ways and five
/// shots; of our 1000 iterations.
impl Default for MamlPlusPlusConfig {
    fn default() -> Self {
        Self { annealing_iterations: 150, second_order_from: 100 }
    }
}

impl AlgorithmConfig for MamlPlusPlusConfig {
    type Algorithm = MamlPlusPlus;

    fn algorithm(&self, inner: MamlConfig) -> Result<MamlPlusPlus, MetaError> {
        Ok(MamlPlusPlus { inner: inner.check()?, config: *self })
    }
}

/// MAML++ with checked settings.
#[derive(Debug, Clone, Copy)]
pub struct MamlPlusPlus {
    inner: Maml,
    config: MamlPlusPlusConfig,
}

impl MamlPlusPlus {
    /// The weights v of the query losses; empty where only the last one counts.
    fn weights(&self, iteration: u64) -> Vec<f32> {
        let (steps, annealing) =
            (self.inner.config().inner_steps, self.config.annealing_iterations);
        if iteration >= annealing {
            return Vec::new();
        }
        let left = 1.0 - iteration as f64 / annealing as f64;
        let each = left / steps as f64;
        let mut weights = vec![each as f32; steps];
        weights[steps - 1] = (1.0 - (steps - 1) as f64 * each) as f32;
        weights
    }
}

impl MetaAlgorithm for MamlPlusPlus {
    fn name(&self) -> &'static str {
        "maml-pp"
    }

    fn inner_step_size(&self) -> f64 {
        self.inner.inner_step_size()
    }

    /// `[steps, layers]`: the step sizes.
    fn initial_extras<L: Learner>(&self, learner: &L) -> Vec<f32> {
        let MamlConfig { inner_step_size, inner_steps, .. } = self.inner.config();
        vec![inner_step_size as f32; inner_steps * learner.parameter_groups().len()]
    }

    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        TaskAtHand { task, iteration, first_step }: &TaskAtHand<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        let MamlConfig { inner_steps, second_order, .. } = self.inner.config();
        let (theta, alpha) = meta_parameters.split_at(learner.n_parameters());
        let sizes = StepSizes::per_group(learner.parameter_groups(), alpha.to_vec());
        let second_order = second_order && *iteration >= self.config.second_order_from;
        let inner = InnerLoop {
            weights: &self.weights(*iteration),
            rate_gradient: true,
            ..InnerLoop::new(inner_steps, &sizes, second_order)
        };
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
        let alpha = meta_parameters[learner.n_parameters()..].to_vec();
        StepSizes::per_group(learner.parameter_groups(), alpha)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;
    use crate::test_models::{
        Line, at_hand, batch, difference_error, query_losses, run, smooth_network, smooth_start,
        smooth_task,
    };

    fn algorithm(inner_steps: usize, second_order: bool) -> MamlPlusPlus {
        let inner = MamlConfig { inner_step_size: 0.1, inner_steps, second_order };
        let config = MamlPlusPlusConfig { annealing_iterations: 10, second_order_from: 0 };
        config.algorithm(inner).unwrap()
    }

    #[test]
    fn weights_go_from_uniform_to_the_last_step() {
        let close = |found: Vec<f32>, expected: &[f32]| {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-6)
        };
        let algorithm = algorithm(4, false);
        assert!(close(algorithm.weights(0), &[0.25; 4]));
        assert!(close(algorithm.weights(4), &[0.15, 0.15, 0.15, 0.55]));
        assert!(close(algorithm.weights(10), &[]));
        assert!(close(algorithm.weights(u64::MAX), &[]));
    }

    /// The numbers of MAML's test: support gradients -4 and -3.2, query gradients 7.2 and 9.76 after
    /// one and two steps, a factor of 0.8 a step. Weights 1/2 and 1/2: before the second step, 0.8 *
    /// 9.76 / 2 + 7.2 / 2 = 7.504 comes back, of which theta gets 0.8 and alpha_0 four times.
    #[test]
    fn two_inner_steps_by_hand() {
        let task = Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0) };
        let (loss, gradient) = run(&algorithm(2, true), &Line, &[1.0, 0.1, 0.1], &at_hand(&task));
        assert!((loss - (3.24 + 2.44 * 2.44) / 2.0).abs() < 1e-5, "{loss}");
        for (found, expected) in gradient.iter().zip([0.8 * 7.504, 4.0 * 7.504, 3.2 * 4.88]) {
            assert!((found - expected).abs() < 1e-4, "{gradient:?}");
        }
        let first_order = run(&algorithm(2, false), &Line, &[1.0, 0.1, 0.1], &at_hand(&task)).1;
        let back = 9.76 / 2.0 + 7.2 / 2.0;
        for (found, expected) in first_order.iter().zip([back, 4.0 * back, 3.2 * 4.88]) {
            assert!((found - expected).abs() < 1e-4, "{first_order:?}");
        }
    }

    /// Against central differences of the weighted query losses after plain descent.
    #[test]
    fn the_second_order_gradient_is_the_derivative_of_the_meta_objective() {
        let (learner, theta, task) = (smooth_network(), smooth_start(), smooth_task(2));
        let (n, groups) = (theta.len(), learner.parameter_groups());
        let group_of = |place: usize| {
            let mut end = 0;
            groups
                .iter()
                .take_while(|&length| {
                    end += length;
                    end <= place
                })
                .count()
        };
        let alpha = (0..9).map(|place| 0.2 + 0.04 * place as f32);
        let meta_parameters: Vec<f32> = theta.into_iter().chain(alpha).collect();
        let weights = [0.2, 0.2, 0.6]; // 4 of 10 iterations
        let objective = |p: &[f32]| -> f64 {
            let losses =
                query_losses(&p[..n], &task, 3, |step, place| p[n + 3 * step + group_of(place)]);
            losses.iter().zip(weights).map(|(loss, weight)| weight * loss).sum()
        };
        let at = TaskAtHand { iteration: 4, ..at_hand(&task) };
        let (loss, gradient) = run(&algorithm(3, true), &learner, &meta_parameters, &at);
        assert!((f64::from(loss) - objective(&meta_parameters)).abs() < 1e-6, "{loss}");
        for (of_theta, of_alpha) in [(2e-3, 0.0), (0.0, 2e-2), (2e-3, 2e-2)] {
            let scales = [vec![of_theta; n], vec![of_alpha; 9]].concat();
            let error = difference_error(objective, &meta_parameters, &scales, &gradient);
            assert!(error < 3e-3, "{error}");
        }
    }

    #[test]
    fn after_annealing_it_is_maml_and_the_second_order_comes_when_it_is_due() {
        let task = Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0) };
        let config = MamlPlusPlusConfig { annealing_iterations: 5, second_order_from: 7 };
        let inner = MamlConfig { inner_step_size: 0.1, inner_steps: 2, second_order: true };
        let algorithm = config.algorithm(inner).unwrap();
        for (iteration, second_order) in [(5, false), (6, false), (7, true), (8, true)] {
            let maml = MamlConfig { second_order, ..inner }.check().unwrap();
            let (loss, gradient) = run(&maml, &Line, &[1.0], &at_hand(&task));
            let at = TaskAtHand { iteration, ..at_hand(&task) };
            let found = run(&algorithm, &Line, &[1.0, 0.1, 0.1], &at);
            assert_eq!((found.0, found.1[0]), (loss, gradient[0]));
        }
    }

    #[test]
    fn a_layer_and_step_have_a_step_size_and_adaptation_uses_it() {
        let (learner, algorithm) = (smooth_network(), algorithm(2, false));
        assert_eq!(algorithm.initial_extras(&learner), [0.1; 2 * 3]);
        let sizes =
            algorithm.adaptation_step_sizes(&Line, &[1.0, 0.5, 0.25], AdaptationConfig::default());
        assert_eq!(sizes, StepSizes::per_group(vec![1], vec![0.5, 0.25]));
    }
}
