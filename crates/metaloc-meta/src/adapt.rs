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

/// Parameters after adaptation.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapted {
    /// `theta_T(Q)`.
    pub parameters: Vec<f32>,
    /// Support loss before each step.
    pub support_losses: Vec<f32>,
}

/// Adapts `start` to a support set.
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
    if !(config.step_size > 0.0 && config.step_size.is_finite()) {
        let (setting, found) = ("adaptation step_size", config.step_size);
        return Err(MetaError::Setting { setting, found, expected: "above 0 and finite" });
    }
    let mut parameters = start.to_vec();
    let mut gradient = vec![0.0; parameters.len()];
    let mut support_losses = Vec::with_capacity(config.steps);
    for step in 0..config.steps {
        let loss = learner.loss_and_gradient(&parameters, support, &mut gradient, workspace)?;
        if !loss.is_finite() {
            let place = format!("adaptation step {step}");
            return Err(MetaError::Diverged { loss, place, inner_step_size: config.step_size });
        }
        support_losses.push(loss);
        let alpha = config.step_size as f32;
        parameters.iter_mut().zip(&gradient).for_each(|(p, g)| *p -= alpha * g); // Eq. (14)
    }
    Ok(Adapted { parameters, support_losses })
}
