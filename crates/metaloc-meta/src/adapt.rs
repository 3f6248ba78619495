//! Adaptation to a new environment: Q gradient steps on its support set.
//!
//! The MetaLoc paper, Eq. (14) and Algorithm 1, line 9:
//!
//! ```text
//! theta_T(q) = theta_T(q-1) - alpha grad L_T(theta_T(q-1); D^s_T),   theta_T(0) = theta*
//! ```
//!
//! Eq. (15) takes the best of the steps by the loss on the query set, which a user does not have.
//! Here Q is a setting, chosen on historical environments where queries exist.

use serde::{Deserialize, Serialize};

use crate::step_sizes::StepSizes;
use crate::{Batch, Learner, MetaError};

/// Settings of the adaptation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptationConfig {
    /// Step size alpha, above 0.
    pub step_size: f64,
    /// Number of steps Q; 0 leaves the starting parameters.
    pub steps: usize,
}

impl Default for AdaptationConfig {
    fn default() -> Self {
        Self { step_size: 0.01, steps: 5 }
    }
}

impl AdaptationConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`MetaError::Setting`] for a step size that is not above 0 and finite.
    pub fn check(self) -> Result<Self, MetaError> {
        if self.step_size > 0.0 && self.step_size.is_finite() {
            return Ok(self);
        }
        let (setting, found) = ("adaptation step_size", self.step_size);
        Err(MetaError::Setting { setting, found, expected: "above 0 and finite" })
    }
}

/// Parameters after adaptation.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapted {
    /// `theta_T(Q)`.
    pub parameters: Vec<f32>,
    /// Support loss before each step.
    pub support_losses: Vec<f32>,
}

/// Adapts `start` to a support set by steps of one size.
///
/// The steps follow one another, so what can run in parallel is a batch: hand in a
/// [`Learner::splitting_workspace`] where nothing else runs, a [`Learner::workspace`] where other
/// tasks keep the threads busy. The two differ by rounding.
///
/// # Errors
/// [`MetaError::Diverged`] if a loss is not finite, [`MetaError::Setting`] for an illegal step
/// size, or what the learner reports.
pub fn adapt<L: Learner>(
    learner: &L,
    start: &[f32],
    support: &Batch,
    config: AdaptationConfig,
    workspace: &mut L::Workspace,
) -> Result<Adapted, MetaError> {
    let sizes = StepSizes::uniform(config.check()?.step_size);
    adapt_with(learner, start, support, (&sizes, config.steps), workspace)
}

/// As [`adapt`], with step sizes of any kind and so many steps.
///
/// # Errors
/// As [`adapt`].
pub fn adapt_with<L: Learner>(
    learner: &L,
    start: &[f32],
    support: &Batch,
    (sizes, steps): (&StepSizes, usize),
    workspace: &mut L::Workspace,
) -> Result<Adapted, MetaError> {
    let mut parameters = start.to_vec();
    let mut gradient = vec![0.0; parameters.len()];
    let mut support_losses = Vec::with_capacity(steps);
    for step in 0..steps {
        let loss = learner.loss_and_gradient(&parameters, support, &mut gradient, workspace)?;
        if !loss.is_finite() {
            let place = format!("adaptation step {step}");
            return Err(MetaError::Diverged { loss, place, inner_step_size: sizes.largest() });
        }
        support_losses.push(loss);
        sizes.descend_in_place(step, &gradient, &mut parameters); // Eq. (14)
    }
    Ok(Adapted { parameters, support_losses })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Labels, NetworkLearner};
    use metaloc_nn::{Initializer, LayerDescription, Loss, NetworkDescription};

    fn line() -> NetworkLearner {
        let layers = vec![LayerDescription::Dense { outputs: 1 }];
        let network = NetworkDescription { inputs: 1.into(), layers }.check().unwrap();
        NetworkLearner { network, loss: Loss::SquaredError, initializer: Initializer::default() }
    }

    fn support() -> Batch {
        let labels = Labels::Values { values: vec![3.0], n_outputs: 1 };
        Batch { inputs: vec![1.0], n_inputs: 1, labels }
    }

    /// f(x) = w x + b from (1, 0) on (x, y) = (1, 3): residual -2, gradient (-4, -4), so (1.4, 0.4);
    /// residual -1.2, gradient (-2.4, -2.4), so (1.64, 0.64). Losses 4 and 1.44.
    #[test]
    fn two_steps_by_hand() {
        let config = AdaptationConfig { step_size: 0.1, steps: 2 };
        let learner = line();
        let mut workspace = learner.workspace();
        let adapted = adapt(&learner, &[1.0, 0.0], &support(), config, &mut workspace).unwrap();
        let close = |found: &[f32], expected: [f32; 2]| {
            found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-6)
        };
        assert!(close(&adapted.parameters, [1.64, 0.64]), "{:?}", adapted.parameters);
        assert!(close(&adapted.support_losses, [4.0, 1.44]), "{:?}", adapted.support_losses);
    }

    #[test]
    fn no_step_leaves_the_start_and_an_illegal_one_is_refused() {
        let learner = line();
        let mut workspace = learner.workspace();
        let mut run = |step_size, steps| {
            let config = AdaptationConfig { step_size, steps };
            adapt(&learner, &[1.0, 0.0], &support(), config, &mut workspace)
        };
        assert_eq!(run(0.1, 0).unwrap().parameters, [1.0, 0.0]);
        assert!(run(0.0, 1).unwrap_err().to_string().contains("step_size is 0"));
        assert!(run(1e30, 9).is_err(), "a diverging loss is an error");
    }
}
