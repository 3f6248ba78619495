//! Model-agnostic meta-learning (MAML), first order.
//!
//! C. Finn, P. Abbeel, S. Levine, ICML 2017; the MetaLoc paper's Algorithm 1 with the first-order
//! approximation of Eq. (11)-(13):
//!
//! ```text
//! theta'_i = theta - alpha grad L_i(theta; D^s_i)                     Eq. (6), inner_steps times
//! theta    = theta - beta sum_i grad_theta'_i L_i(theta'_i; D^q_i)    Eq. (8) with Eq. (13)
//! ```
//!
//! The query loss of the last inner step counts. The outer step is the training loop's optimizer
//! (plain SGD is the paper's Eq. (8); its released code uses Adam, which is our default).

use serde::{Deserialize, Serialize};

use crate::algorithm::TaskSlot;
use crate::{Learner, MetaAlgorithm, MetaError, Task};

/// Settings of the inner loop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MamlConfig {
    /// Inner step size alpha, above 0.
    pub inner_step_size: f64,
    /// Gradient steps on the support set; 1 in Algorithm 1, 5 in section V-B. At least 1.
    pub inner_steps: usize,
}

impl Default for MamlConfig {
    fn default() -> Self {
        Self { inner_step_size: 0.01, inner_steps: 5 }
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
        task: &Task,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        let alpha = self.config.inner_step_size as f32;
        slot.task_parameters.copy_from_slice(meta_parameters);
        for _ in 0..self.config.inner_steps {
            let (theta, g) = (&mut slot.task_parameters, &mut slot.gradient);
            learner.loss_and_gradient(theta, &task.support, g, &mut slot.workspace)?;
            theta.iter_mut().zip(&*g).for_each(|(p, g)| *p -= alpha * g); // Eq. (6)
        }
        // Eq. (13): the gradient at the task parameters stands for the meta-gradient.
        let (theta, g) = (&slot.task_parameters, &mut slot.gradient);
        learner.loss_and_gradient(theta, &task.query, g, &mut slot.workspace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::meta_gradient;
    use crate::seed::ChaCha8Rng;
    use crate::{Batch, Labels};

    /// `f(x) = p0 x` with loss mean (f - y)^2, written out by hand: independent of the engine.
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

    fn batch(x: f32, y: f32) -> Batch {
        let labels = Labels::Values { values: vec![y], n_outputs: 1 };
        Batch { inputs: vec![x], n_inputs: 1, labels }
    }

    /// One task by hand: theta = 1, support (1, 3), query (2, 1), alpha = 0.1.
    /// Support gradient 2 (1 - 3) 1 = -4, so theta' = 1.4; query gradient 2 (2.8 - 1) 2 = 7.2,
    /// query loss 1.8^2 = 3.24. Two inner steps: theta'' = 1.4 - 0.1 * 2 * (1.4 - 3) = 1.72,
    /// query gradient 2 (3.44 - 1) 2 = 9.76.
    #[test]
    fn one_and_two_inner_steps_by_hand() {
        let task = Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0) };
        for (inner_steps, gradient, loss) in [(1, 7.2, 3.24), (2, 9.76, 2.44f32 * 2.44)] {
            let maml = MamlConfig { inner_step_size: 0.1, inner_steps }.check().unwrap();
            let mut slot = TaskSlot::new(&Line);
            let found = maml.task_gradient(&Line, &[1.0], &task, &mut slot).unwrap();
            assert!((found - loss).abs() < 1e-5, "{found}");
            assert!((slot.gradient[0] - gradient).abs() < 1e-5, "{}", slot.gradient[0]);
        }
    }

    #[test]
    fn the_meta_gradient_is_the_sum_over_tasks() {
        let maml = MamlConfig { inner_step_size: 0.1, inner_steps: 1 }.check().unwrap();
        let draw = |i| Ok(Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0 + i as f32) });
        let mut slots = [TaskSlot::new(&Line), TaskSlot::new(&Line)];
        let mut sum = [0.0];
        meta_gradient(&maml, &Line, &[1.0], &mut slots, draw, &mut sum).unwrap();
        assert!((sum[0] - (7.2 + 3.2)).abs() < 1e-5, "{}", sum[0]); // 2 (2.8 - 2) 2 = 3.2
    }

    #[test]
    fn illegal_settings_are_named() {
        let error = MamlConfig { inner_steps: 0, ..MamlConfig::default() }.check().unwrap_err();
        assert!(error.to_string().contains("inner_steps"));
        let config = MamlConfig { inner_step_size: f64::NAN, ..MamlConfig::default() };
        assert!(config.check().is_err());
    }
}
