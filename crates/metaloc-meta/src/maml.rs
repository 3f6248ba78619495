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
    use crate::{Batch, Labels, NetworkLearner, Task};
    use metaloc_nn::{Activation, Initializer, Loss, NetworkDescription};

    /// `f(x) = p0 x` with loss mean (f - y)^2, written out by hand: independent of the engine. Its
    /// Hessian matrix is the mean of 2 x^2.
    struct Line;

    impl Learner for Line {
        type Workspace = ();
        fn n_parameters(&self) -> usize {
            1
        }
        fn initial_parameters(&self, _: &mut ChaCha8Rng) -> Vec<f32> {
            vec![0.0]
        }
        fn workspace(&self) {}
        fn loss_and_gradient(
            &self,
            p: &[f32],
            batch: &Batch,
            gradient: &mut [f32],
            (): &mut (),
        ) -> Result<f32, MetaError> {
            let Labels::Values { values, .. } = &batch.labels else { panic!("values") };
            let n = values.len() as f32;
            let residuals: Vec<f32> =
                batch.inputs.iter().zip(values).map(|(x, y)| p[0] * x - y).collect();
            gradient[0] =
                residuals.iter().zip(&batch.inputs).map(|(r, x)| 2.0 * r * x).sum::<f32>() / n;
            Ok(residuals.iter().map(|r| r * r).sum::<f32>() / n)
        }
        fn hessian_vector_product(
            &self,
            _: &[f32],
            batch: &Batch,
            direction: &[f32],
            product: &mut [f32],
            (): &mut (),
        ) -> Result<(), MetaError> {
            let squares: f32 = batch.inputs.iter().map(|x| 2.0 * x * x).sum();
            product[0] = squares / batch.inputs.len() as f32 * direction[0];
            Ok(())
        }
        fn loss(&self, p: &[f32], batch: &Batch, ws: &mut ()) -> Result<f32, MetaError> {
            self.loss_and_gradient(p, batch, &mut [0.0], ws)
        }
        fn predict(
            &self,
            p: &[f32],
            inputs: &[f32],
            (): &mut (),
            answers: &mut Vec<f32>,
        ) -> Result<(), MetaError> {
            answers.extend(inputs.iter().map(|x| p[0] * x));
            Ok(())
        }
    }

    fn rng(seed: u64) -> ChaCha8Rng {
        crate::seed::stream(seed, crate::seed::Purpose::Initialization, 0, 0)
    }

    fn batch(x: f32, y: f32) -> Batch {
        let labels = Labels::Values { values: vec![y], n_outputs: 1 };
        Batch { inputs: vec![x], n_inputs: 1, labels }
    }

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
            let mut slot = TaskSlot::new(&Line);
            let found = maml.task_gradient(&Line, &[1.0], &at_hand(&task), &mut slot).unwrap();
            assert!((found - loss).abs() < 1e-5, "{found}");
            assert!((slot.gradient[0] - gradient).abs() < 1e-5, "{}", slot.gradient[0]);
        }
    }

    fn at_hand(task: &Task) -> TaskAtHand<'_> {
        TaskAtHand { task, iteration: 0, first_step: &FirstStep::Own }
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
        let network = NetworkDescription::mlp(3, &[8, 8], 2, Activation::Tanh).check().unwrap();
        let initializer = Initializer::XavierUniform;
        let learner = NetworkLearner { network, loss: Loss::SquaredError, initializer };
        let theta = learner.initial_parameters(&mut rng(1));
        let mut draw = rng(2);
        let mut values = |n| -> Vec<f32> {
            (0..n).map(|_| rand::Rng::next_u32(&mut draw) as f32 / 2f32.powi(31) - 1.0).collect()
        };
        let mut batch = |n: usize| {
            let labels = Labels::Values { values: values(2 * n), n_outputs: 2 };
            Batch { inputs: values(3 * n), n_inputs: 3, labels }
        };
        let task = Task { support: batch(7), query: batch(9) };
        let directions: Vec<Vec<f32>> = (0..5).map(|_| values(theta.len())).collect();
        let run = |theta: &[f32], second_order| {
            let config = MamlConfig { inner_step_size: 0.3, inner_steps: 3, second_order };
            let mut slot = TaskSlot::new(&learner);
            let maml = config.check().unwrap();
            let loss = maml.task_gradient(&learner, theta, &at_hand(&task), &mut slot).unwrap();
            (f64::from(loss), slot.gradient)
        };
        let along = |gradient: &[f32], direction: &[f32]| -> f64 {
            gradient.iter().zip(direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum()
        };
        let (exact, first_order) = (run(&theta, true).1, run(&theta, false).1);
        let (mut error, mut first_order_error, mut size) = (0.0, 0.0, 0.0);
        for direction in &directions {
            let step = 2e-3;
            let at = |sign: f32| {
                let moved: Vec<f32> =
                    theta.iter().zip(direction).map(|(p, d)| p + sign * step * d).collect();
                run(&moved, false).0
            };
            let expected = (at(1.0) - at(-1.0)) / (2.0 * f64::from(step));
            error += (along(&exact, direction) - expected).powi(2);
            first_order_error += (along(&first_order, direction) - expected).powi(2);
            size += expected.powi(2);
        }
        let (error, first_order_error) = ((error / size).sqrt(), (first_order_error / size).sqrt());
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
