//! MLDG: joint training whose step in one environment must also help in another.
//!
//! D. Li, Y. Yang, Y.-Z. Song, T. M. Hospedales, "Learning to Generalize: Meta-Learning for Domain
//! Generalization", AAAI 2018, Algorithm 1:
//!
//! ```text
//! minimise  F(theta) + w G(theta'),   theta' = theta - beta_v grad F(theta)
//! ```
//!
//! with F and G the ordinary losses (support and query samples alike, no inner loop: those of
//! [`crate::baseline::TransferLearning`]) of tasks of two environments. MAML-DG is this with
//! MAML's losses for F and G, [`crate::maml_dg`]. The paper splits all environments in two and
//! draws of each; here, as in MAML-DG, both sides are one environment, drawn anew in each iteration.
//! F and G are sums over M tasks, so that beta_v counts M times what it does in the paper's means.
//!
//! `maml.second_order` gives the exact gradient, as the paper has it; without, the gradient is
//! grad F(theta) + w grad G(theta'), which is cheaper by half. Nothing else of `maml` is looked at.

use serde::{Deserialize, Serialize};

use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::baseline::TransferLearning;
use crate::maml::MamlConfig;
use crate::registry::AlgorithmConfig;
use crate::round::Round;
use crate::two_domains::{TwoDomains, draw_tasks};
use crate::{Learner, MetaAlgorithm, MetaError};

/// Settings of MLDG.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MldgConfig {
    /// Step size beta_v of the virtual step, 0 or above.
    pub virtual_step_size: f64,
    /// Weight w of the second environment, 0 or above.
    pub weight: f64,
}

/// As [`crate::maml_dg::MamlDgConfig`], to be compared with it.
impl Default for MldgConfig {
    fn default() -> Self {
        Self { virtual_step_size: 1e-3, weight: 1.0 }
    }
}

impl AlgorithmConfig for MldgConfig {
    type Algorithm = Mldg;

    fn algorithm(&self, inner: MamlConfig) -> Result<Mldg, MetaError> {
        let domains = TwoDomains::check(self.virtual_step_size, self.weight)?;
        Ok(Mldg { domains, exact: inner.second_order })
    }
}

/// MLDG with checked settings.
#[derive(Debug, Clone, Copy)]
pub struct Mldg {
    domains: TwoDomains,
    exact: bool,
}

impl MetaAlgorithm for Mldg {
    fn name(&self) -> &'static str {
        "mldg"
    }

    fn inner_step_size(&self) -> f64 {
        TransferLearning {}.inner_step_size()
    }

    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        task: &TaskAtHand<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        TransferLearning {}.task_gradient(learner, meta_parameters, task, slot)
    }

    fn iterate(
        &self,
        round: &mut Round<'_>,
        meta_parameters: &mut [f32],
        gradient: &mut [f32],
    ) -> Result<f32, MetaError> {
        let tasks = draw_tasks(round, self.name())?;
        self.domains.gradient(round, &tasks, meta_parameters, self.exact, gradient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;
    use crate::site::in_process;
    use crate::test_models::{Line, batch, smooth_network, smooth_start, smooth_task};
    use crate::two_domains::draw_domains;

    /// I: samples (1, 3) and (2, 1), gradient 5 theta - 5, loss 5 at 0; beta_v = 0.1: theta' = 0.5.
    /// II: samples (1, 2) and (1, 1), gradient 2 theta - 3, which is -2 there, loss 1.25. H_F = 5:
    /// a factor of 1 - 0.1 * 5 in the exact gradient. w = 1/2.
    #[test]
    fn both_orders_by_hand() {
        let tasks = [
            Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0) },
            Task { support: batch(1.0, 2.0), query: batch(1.0, 1.0) },
        ];
        let config = MldgConfig { virtual_step_size: 0.1, weight: 0.5 };
        for (second_order, expected) in [(false, -6.0), (true, -5.5)] {
            let inner = MamlConfig { second_order, ..MamlConfig::default() };
            let mldg = config.algorithm(inner).unwrap();
            let environments = [("one", &tasks[0] as _), ("two", &tasks[1] as _)];
            in_process(&environments, (&Line, &mldg), 5, |sites| {
                let mut round = Round::new(sites, 1, 5);
                while draw_domains(&round, "").unwrap() != [0, 1] {
                    round.iteration += 1;
                }
                let (mut theta, mut gradient) = ([0.0], [0.0]);
                let loss = mldg.iterate(&mut round, &mut theta, &mut gradient).unwrap();
                assert!((gradient[0] - expected).abs() < 1e-4, "{gradient:?}");
                assert!((loss - (5.0 + 1.25) / 2.0).abs() < 1e-6, "{loss}");
            });
        }
    }

    /// The product with the Hessian matrix by differences against the engine's exact one.
    #[test]
    fn the_product_by_differences_is_right_to_three_digits() {
        let (learner, theta) = (smooth_network(), smooth_start());
        let tasks = [smooth_task(2), smooth_task(3)];
        let config = MldgConfig { virtual_step_size: 0.2, weight: 1.0 };
        let environments = [("one", &tasks[0] as _), ("two", &tasks[1] as _)];
        let iterated = |second_order| {
            let inner = MamlConfig { second_order, ..MamlConfig::default() };
            let mldg = config.algorithm(inner).unwrap();
            in_process(&environments, (&learner, &mldg), 5, |sites| {
                let mut round = Round::new(sites, 1, 5);
                while draw_domains(&round, "").unwrap() != [0, 1] {
                    round.iteration += 1;
                }
                let (mut theta, mut gradient) = (theta.clone(), vec![0.0; theta.len()]);
                mldg.iterate(&mut round, &mut theta, &mut gradient).unwrap();
                gradient
            })
        };
        let (first_order, exact) = (iterated(false), iterated(true));
        let found = first_order.iter().zip(&exact).map(|(first, exact)| (first - exact) / 0.2);

        let mut workspace = learner.workspace();
        let [one, two] = tasks.each_ref().map(|task| task.support.joined(&task.query));
        let mut gradient = |at: &[f32], batch| {
            let mut gradient = vec![0.0; at.len()];
            learner.loss_and_gradient(at, batch, &mut gradient, &mut workspace).unwrap();
            gradient
        };
        let step = gradient(&theta, &one);
        let elsewhere: Vec<f32> = theta.iter().zip(step).map(|(p, g)| p - 0.2 * g).collect();
        let direction = gradient(&elsewhere, &two);
        let mut expected = vec![0.0; theta.len()];
        learner
            .hessian_vector_product(&theta, &one, &direction, &mut expected, &mut workspace)
            .unwrap();
        let distance: f32 = found.zip(&expected).map(|(f, e)| (f - e).powi(2)).sum();
        let size: f32 = expected.iter().map(|e| e.powi(2)).sum();
        let error = (distance / size).sqrt();
        assert!(error < 1e-3, "{error}");
    }
}
