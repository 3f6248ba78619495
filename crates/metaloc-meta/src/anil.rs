//! ANIL, "almost no inner loop": the inner loop changes the head alone.
//!
//! A. Raghu, M. Raghu, S. Bengio, O. Vinyals, "Rapid Learning or Feature Reuse? Towards
//! Understanding the Effectiveness of MAML", ICLR 2020, section 4. With theta = (body, head):
//!
//! ```text
//! body_i'  = body
//! head_i'  = head - alpha grad_head L_i(body, head; D^s_i)                inner_steps times
//! theta    = theta - beta sum_i grad_theta L_i(body, head_i'; D^q_i)
//! ```
//!
//! MAML with a step size of zero in the body. The head is the last of
//! [`Learner::parameter_groups`]; a learner with one group is all head, and then this is MAML.
//! In the new environment, too, the head alone adapts, as the paper does it.

use serde::{Deserialize, Serialize};

use crate::adapt::AdaptationConfig;
use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::inner_loop::InnerLoop;
use crate::maml::{Maml, MamlConfig};
use crate::registry::AlgorithmConfig;
use crate::step_sizes::StepSizes;
use crate::{Learner, MetaAlgorithm, MetaError};

/// ANIL has no settings but those of the inner loop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnilConfig {}

impl AlgorithmConfig for AnilConfig {
    type Algorithm = Anil;

    fn algorithm(&self, inner: MamlConfig) -> Result<Anil, MetaError> {
        Ok(Anil { inner: inner.check()? })
    }
}

/// ANIL with checked settings.
#[derive(Debug, Clone, Copy)]
pub struct Anil {
    inner: Maml,
}

impl MetaAlgorithm for Anil {
    fn name(&self) -> &'static str {
        "anil"
    }

    fn inner_step_size(&self) -> f64 {
        self.inner.inner_step_size()
    }

    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        TaskAtHand { task, first_step, .. }: &TaskAtHand<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        let MamlConfig { inner_step_size, inner_steps, second_order } = self.inner.config();
        let sizes = of_the_head(learner, inner_step_size);
        let inner = InnerLoop::new(inner_steps, &sizes, second_order);
        inner.run(learner, meta_parameters, task, first_step, slot)
    }

    fn adaptation_step_sizes<L: Learner>(
        &self,
        learner: &L,
        _: &[f32],
        adaptation: AdaptationConfig,
    ) -> StepSizes {
        of_the_head(learner, adaptation.step_size)
    }
}

/// Step sizes that move nothing but the head.
fn of_the_head<L: Learner>(learner: &L, alpha: f64) -> StepSizes {
    let n = learner.n_parameters();
    match learner.parameter_groups()[..] {
        [.., _, head] => StepSizes::per_group(vec![n - head, head], vec![0.0, alpha as f32]),
        _ => StepSizes::uniform(alpha),
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

    /// 8 tanh to 2 outputs.
    const HEAD: usize = 8 * 2 + 2;

    fn anil(second_order: bool) -> Anil {
        let inner = MamlConfig { inner_step_size: 0.3, inner_steps: 3, second_order };
        AnilConfig {}.algorithm(inner).unwrap()
    }

    /// Against central differences of the query loss after plain descent of the head alone.
    #[test]
    fn the_gradient_is_the_derivative_of_the_loss_after_steps_of_the_head() {
        let (learner, theta, task) = (smooth_network(), smooth_start(), smooth_task(2));
        let body = theta.len() - HEAD;
        let rate = |_, place| if place < body { 0.0 } else { 0.3 };
        let objective = |theta: &[f32]| query_losses(theta, &task, 3, rate)[2];
        let (loss, gradient) = run(&anil(true), &learner, &theta, &at_hand(&task));
        assert!((f64::from(loss) - objective(&theta)).abs() < 1e-6, "{loss}");
        let scales = vec![2e-3; theta.len()];
        let error = difference_error(objective, &theta, &scales, &gradient);
        assert!(error < 3e-3, "{error}");
        let first_order = run(&anil(false), &learner, &theta, &at_hand(&task)).1;
        let first_order_error = difference_error(objective, &theta, &scales, &first_order);
        assert!(first_order_error > 10.0 * error, "{first_order_error}");
    }

    #[test]
    fn adaptation_moves_the_head_alone() {
        let (learner, theta, task) = (smooth_network(), smooth_start(), smooth_task(2));
        let adaptation = AdaptationConfig { step_size: 0.1, steps: 2 };
        let sizes = anil(false).adaptation_step_sizes(&learner, &theta, adaptation);
        let mut workspace = learner.workspace();
        let adapted =
            adapt_with(&learner, &theta, &task.support, (&sizes, 2), &mut workspace).unwrap();
        let moved: Vec<bool> =
            adapted.parameters.iter().zip(&theta).map(|(to, from)| to.ne(from)).collect();
        let body = theta.len() - HEAD;
        assert!(moved[..body].iter().all(|moved| !moved));
        assert!(moved[body..].iter().all(|&moved| moved));
    }

    #[test]
    fn a_learner_that_is_all_head_gets_maml() {
        let task = Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0) };
        let inner = MamlConfig { inner_step_size: 0.1, inner_steps: 2, second_order: true };
        let anil = AnilConfig {}.algorithm(inner).unwrap();
        let expected = run(&inner.check().unwrap(), &Line, &[1.0], &at_hand(&task));
        assert_eq!(run(&anil, &Line, &[1.0], &at_hand(&task)), expected);
    }
}
