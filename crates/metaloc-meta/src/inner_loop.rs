//! The inner loop, there and back: what MAML and all that build on it share.
//!
//! K gradient steps on the support set with step sizes alpha_k (a number, or one for each group of
//! parameters), then losses on the query set with weights v_k:
//!
//! ```text
//! theta_0 = theta,   theta_k+1 = theta_k - alpha_k * grad L_s(theta_k)            Eq. (6)
//! loss    = v_1 L_q(theta_1) + ... + v_K L_q(theta_K)
//! ```
//!
//! MAML has v_K = 1 and the others 0. The way back starts at `g = v_K grad L_q(theta_K)`; for
//! k = K-1, ..., 0
//!
//! ```text
//! d loss / d alpha_k = - grad L_s(theta_k) * g
//! g <- g - H(theta_k) (alpha_k * g)                          second order: Eq. (9), (10)
//! g <- g + v_k grad L_q(theta_k)                             for k > 0
//! ```
//!
//! with H the Hessian matrix of the support loss, which is never built: one Hessian-vector product
//! a step.

use crate::algorithm::TaskSlot;
use crate::message::FirstStep;
use crate::step_sizes::StepSizes;
use crate::{Learner, MetaError, Task};

/// What an algorithm asks of the inner loop.
#[derive(Debug, Clone, Copy)]
pub struct InnerLoop<'a> {
    /// Steps K, at least 1.
    pub steps: usize,
    /// Step sizes.
    pub sizes: &'a StepSizes,
    /// Go back through the steps by Hessian-vector products.
    pub second_order: bool,
    /// `[steps]`: weights v_1 .. v_K of the query losses; empty: only the last one counts.
    pub weights: &'a [f32],
    /// Compute the derivatives with respect to the step sizes into
    /// [`TaskSlot::rate_gradient`].
    pub rate_gradient: bool,
}

impl<'a> InnerLoop<'a> {
    /// Steps whose last query loss counts.
    #[must_use]
    pub const fn new(steps: usize, sizes: &'a StepSizes, second_order: bool) -> Self {
        Self { steps, sizes, second_order, weights: &[], rate_gradient: false }
    }

    /// A task's weighted query loss; its gradient with respect to `theta` goes into the first
    /// `theta.len()` numbers of `slot.gradient`.
    ///
    /// # Errors
    /// What the learner reports; [`MetaError::NoHessianVectorProduct`] where it has none and the
    /// second order is asked for.
    pub fn run<L: Learner>(
        &self,
        learner: &L,
        theta: &[f32],
        task: &Task,
        first_step: &FirstStep<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        let n = theta.len();
        let keeps_trajectory = self.second_order || !self.weights.is_empty();
        grow(&mut slot.trajectory, if keeps_trajectory { self.steps * n } else { 0 });
        grow(&mut slot.directions, if self.rate_gradient { self.steps * n } else { 0 });
        grow(&mut slot.product, if self.second_order { n } else { 0 });
        grow(&mut slot.scaled, if self.second_order { n } else { 0 });
        for step in 0..self.steps {
            let g = &mut slot.gradient[..n];
            let at = &mut slot.task_parameters[..];
            let before = if step == 0 { theta } else { &*at };
            if keeps_trajectory {
                slot.trajectory[step * n..(step + 1) * n].copy_from_slice(before);
            }
            match first_step {
                FirstStep::Given(given) if step == 0 => g.copy_from_slice(given),
                FirstStep::At(other) if step == 0 => {
                    learner.loss_and_gradient(other, &task.support, g, &mut slot.workspace)?;
                }
                _ => {
                    learner.loss_and_gradient(before, &task.support, g, &mut slot.workspace)?;
                }
            }
            if self.rate_gradient {
                slot.directions[step * n..(step + 1) * n].copy_from_slice(g);
            }
            if step == 0 {
                self.sizes.descend(step, theta, g, at);
            } else {
                self.sizes.descend_in_place(step, g, at);
            }
        }
        let g = &mut slot.gradient[..n];
        let at = &slot.task_parameters;
        let loss = learner.loss_and_gradient(at, &task.query, g, &mut slot.workspace)?;
        let last = self.weights.last().copied().unwrap_or(1.0);
        if !self.weights.is_empty() {
            g.iter_mut().for_each(|g| *g *= last);
        }
        Ok(last * loss + self.back(learner, task, first_step, n, slot)?)
    }

    /// The way back from the gradient at theta_K; the sum of the other weighted query losses.
    fn back<L: Learner>(
        &self,
        learner: &L,
        task: &Task,
        first_step: &FirstStep<'_>,
        n: usize,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        let mut losses = 0.0;
        if !(self.second_order || self.rate_gradient || !self.weights.is_empty()) {
            return Ok(losses);
        }
        let TaskSlot { gradient, trajectory, directions, product, scaled, workspace, .. } = slot;
        let g = &mut gradient[..n];
        if self.rate_gradient {
            slot.rate_gradient.clear();
            slot.rate_gradient.resize(self.sizes.row(usize::MAX) + self.sizes.width(), 0.0);
        }
        for step in (0..self.steps).rev() {
            let place = step * n..(step + 1) * n;
            if self.rate_gradient {
                let row = self.sizes.row(step);
                let sums = &mut slot.rate_gradient[row..row + self.sizes.width()];
                self.sizes.add_rate_gradient(&directions[place.clone()], g, sums);
            }
            // A direction from elsewhere does not depend on theta.
            let is_own = step > 0 || matches!(first_step, FirstStep::Own);
            if self.second_order && is_own {
                let (theta, scaled, product) =
                    (&trajectory[place.clone()], &mut scaled[..n], &mut product[..n]);
                self.sizes.scale(step, g, scaled);
                learner.hessian_vector_product(theta, &task.support, scaled, product, workspace)?;
                g.iter_mut().zip(&*product).for_each(|(g, p)| *g -= p);
            }
            let weight = if step == 0 { 0.0 } else { self.weight_of(step) };
            if weight != 0.0 {
                let (theta, own) = (&trajectory[place], &mut slot.query_gradient);
                grow(own, n);
                let own = &mut own[..n];
                losses += weight * learner.loss_and_gradient(theta, &task.query, own, workspace)?;
                g.iter_mut().zip(&*own).for_each(|(g, own)| *g += weight * own);
            }
        }
        Ok(losses)
    }

    /// The weight of the query loss after so many steps.
    fn weight_of(&self, steps: usize) -> f32 {
        self.weights.get(steps - 1).copied().unwrap_or(0.0)
    }
}

fn grow(memory: &mut Vec<f32>, length: usize) {
    if memory.len() < length {
        memory.resize(length, 0.0);
    }
}
