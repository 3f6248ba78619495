//! Model-agnostic meta-learning (MAML), first and second order.
//!
//! C. Finn, P. Abbeel, S. Levine, ICML 2017; the MetaLoc paper's Algorithm 1 with the first-order
//! approximation of Eq. (11)-(13):
//!
//! ```text
//! theta'_i = theta - alpha grad L_i(theta; D^s_i)                     Eq. (6), inner_steps times
//! theta    = theta - beta sum_i grad_theta'_i L_i(theta'_i; D^q_i)    Eq. (8) with Eq. (13)
//! ```
//!
//! With `second_order`, the exact gradient of the query loss with respect to theta instead. By the
//! chain rule of Eq. (9)-(10), for K inner steps theta_0 = theta, ..., theta_K = theta'_i:
//!
//! ```text
//! d L_i(theta_K; D^q_i) / d theta
//!     = (I - alpha H(theta_0)) ... (I - alpha H(theta_K-1)) grad L_i(theta_K; D^q_i)
//! ```
//!
//! with H the Hessian matrix of the support loss ([`crate::inner_loop`]). A step there and back
//! costs about three times a step of the first order.
//!
//! The query loss of the last inner step counts. The outer step is the training loop's optimizer
//! (plain SGD is the paper's Eq. (8); its released code uses Adam, which is our default).

use serde::{Deserialize, Serialize};

use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::inner_loop::InnerLoop;
use crate::step_sizes::StepSizes;
use crate::{Learner, MetaAlgorithm, MetaError};

/// Settings of the inner loop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MamlConfig {
    /// Inner step size alpha, above 0.
    pub inner_step_size: f64,
    /// Gradient steps on the support set; 1 in Algorithm 1, 5 in section V-B. At least 1.
    pub inner_steps: usize,
    /// The exact meta-gradient of Eq. (9)-(10) instead of the first-order approximation. Slower.
    pub second_order: bool,
}

impl Default for MamlConfig {
    fn default() -> Self {
        Self { inner_step_size: 0.01, inner_steps: 5, second_order: false }
    }
}

impl MamlConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`MetaError::Setting`] naming the setting.
    pub fn check(self) -> Result<Maml, MetaError> {
        if !(self.inner_step_size > 0.0 && self.inner_step_size.is_finite()) {
            let (setting, found) = ("inner_step_size", self.inner_step_size);
            return Err(MetaError::Setting { setting, found, expected: "above 0 and finite" });
        }
        if self.inner_steps == 0 {
            let (setting, found) = ("inner_steps", 0.0);
            return Err(MetaError::Setting { setting, found, expected: "at least 1" });
        }
        Ok(Maml { config: self })
    }
}

/// MAML with checked settings.
#[derive(Debug, Clone, Copy)]
pub struct Maml {
    config: MamlConfig,
}

impl Maml {
    /// The settings, which are legal.
    pub(crate) const fn config(&self) -> MamlConfig {
        self.config
    }
}

impl MetaAlgorithm for Maml {
    fn name(&self) -> &'static str {
        "maml"
    }

    fn inner_step_size(&self) -> f64 {
        self.config.inner_step_size
    }

    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        TaskAtHand { task, first_step, .. }: &TaskAtHand<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        let MamlConfig { inner_step_size, inner_steps, second_order } = self.config;
        let sizes = StepSizes::uniform(inner_step_size);
        let inner = InnerLoop::new(inner_steps, &sizes, second_order);
        inner.run(learner, meta_parameters, task, first_step, slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::FirstStep;
    use crate::round::{Round, SiteTask};
    use crate::seed::ChaCha8Rng;
    use crate::site::{Environment, in_process};
    use crate::test_models::{
        Line, at_hand, batch, difference_error, run, smooth_network, smooth_start, smooth_task,
    };
    use crate::{Batch, Task};

    /// One task by hand: theta = 1, support (1, 3), query (2, 1), alpha = 0.1.
    /// Support gradient 2 (1 - 3) 1 = -4, so theta' = 1.4; query gradient 2 (2.8 - 1) 2 = 7.2,
    /// query loss 1.8^2 = 3.24. Two inner steps: theta'' = 1.4 - 0.1 * 2 * (1.4 - 3) = 1.72,
    /// query gradient 2 (3.44 - 1) 2 = 9.76. Second order: the support Hessian is 2, so that each
    /// inner step takes a factor of 1 - 0.1 * 2 = 0.8.
    #[test]
    fn one_and_two_inner_steps_by_hand() {
        let task = Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0) };
        for (inner_steps, second_order, gradient, loss) in [
            (1, false, 7.2, 3.24),
            (2, false, 9.76, 2.44f32 * 2.44),
            (1, true, 0.8 * 7.2, 3.24),
            (2, true, 0.64 * 9.76, 2.44f32 * 2.44),
        ] {
            let config = MamlConfig { inner_step_size: 0.1, inner_steps, second_order };
            let maml = config.check().unwrap();
            let (found, found_gradient) = run(&maml, &Line, &[1.0], &at_hand(&task));
            assert!((found - loss).abs() < 1e-5, "{found}");
            assert!((found_gradient[0] - gradient).abs() < 1e-5, "{found_gradient:?}");
        }
    }

    #[test]
    fn the_meta_gradient_is_the_sum_over_tasks() {
        let config = MamlConfig { inner_step_size: 0.1, inner_steps: 1, second_order: false };
        let maml = config.check().unwrap();
        let task = |y| Task { support: batch(1.0, 3.0), query: batch(2.0, y) };
        let tasks = [task(1.0), task(2.0)];
        let environments: [Environment<'_>; 2] = tasks.each_ref().map(|task| ("", task as _));
        let mut sum = [0.0];
        in_process(&environments, (&Line, &maml), 1, |sites| {
            let mut round = Round::new(sites, 2, 1);
            let tasks = [0, 1].map(|site| SiteTask { site, ..round.tasks()[0] });
            round.gradient(&tasks, &[1.0], |_| FirstStep::Own, &mut sum).unwrap();
        });
        assert!((sum[0] - (7.2 + 3.2)).abs() < 1e-5, "{}", sum[0]); // 2 (2.8 - 2) 2 = 3.2
    }

    /// Against central differences of the whole meta-objective theta -> L_q(theta_K(theta)), along
    /// random directions; f32, so that a large step and a tolerance of a few thousandths are needed.
    #[test]
    fn the_second_order_gradient_is_the_derivative_of_the_meta_objective() {
        let (theta, task) = (smooth_start(), smooth_task(2));
        let run = |theta: &[f32], second_order| {
            let config = MamlConfig { inner_step_size: 0.3, inner_steps: 3, second_order };
            run(&config.check().unwrap(), &smooth_network(), theta, &at_hand(&task))
        };
        let objective = |theta: &[f32]| f64::from(run(theta, false).0);
        let error = |second_order| {
            let gradient = run(&theta, second_order).1;
            difference_error(objective, &theta, &vec![2e-3; theta.len()], &gradient)
        };
        let (error, first_order_error) = (error(true), error(false));
        assert!(error < 3e-3, "{error}");
        assert!(first_order_error > 30.0 * error, "{first_order_error}, {error}");
    }

    #[test]
    fn a_learner_without_hessian_vector_product_is_told_so() {
        struct FirstOrder;
        impl Learner for FirstOrder {
            type Workspace = ();
            fn n_parameters(&self) -> usize {
                1
            }
            fn initial_parameters(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
                Line.initial_parameters(rng)
            }
            fn workspace(&self) {}
            fn loss_and_gradient(
                &self,
                p: &[f32],
                batch: &Batch,
                gradient: &mut [f32],
                (): &mut (),
            ) -> Result<f32, MetaError> {
                Line.loss_and_gradient(p, batch, gradient, &mut ())
            }
            fn loss(&self, p: &[f32], batch: &Batch, (): &mut ()) -> Result<f32, MetaError> {
                Line.loss(p, batch, &mut ())
            }
            fn predict(
                &self,
                p: &[f32],
                inputs: &[f32],
                (): &mut (),
                answers: &mut Vec<f32>,
            ) -> Result<(), MetaError> {
                Line.predict(p, inputs, &mut (), answers)
            }
        }
        let task = Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0) };
        let run = |second_order| {
            let config = MamlConfig { second_order, ..MamlConfig::default() };
            let mut slot = TaskSlot::new(&FirstOrder);
            let task = at_hand(&task);
            config.check().unwrap().task_gradient(&FirstOrder, &[1.0], &task, &mut slot)
        };
        run(false).unwrap();
        let message = run(true).unwrap_err().to_string();
        assert!(message.contains("use first-order MAML"), "{message}");
    }

    #[test]
    fn illegal_settings_are_named() {
        let error = MamlConfig { inner_steps: 0, ..MamlConfig::default() }.check().unwrap_err();
        assert!(error.to_string().contains("inner_steps"));
        let config = MamlConfig { inner_step_size: f64::NAN, ..MamlConfig::default() };
        assert!(config.check().is_err());
    }
}
