//! Excess risk after adaptation, measured beside the bound of the MetaLoc paper's Theorem 1.
//!
//! With theta* the start, theta_T(q) what q steps of size alpha on the `k_spt` support samples of task T
//! make of it, and theta_T* the optimum of T, the theorem bounds the excess risk for a loss that is
//! G-Lipschitz and W-smooth, if alpha <= 1 / W:
//!
//! ```text
//! ER(q) = E_T [L_T(theta_T(q)) - L_T(theta_T*)]
//!       <= 2 G^2 (rho^q - 1) / (k_spt W) + E_T |theta* - theta_T*|^2 / (2 alpha),   rho = 1 + 2 alpha W
//! ```
//!
//! Neither G nor W nor the optimum is known of a network. Here G is the largest gradient norm and W the
//! largest change of the gradient for its length among the parameters that adaptation passes through:
//! lower estimates, so that a bound made of them is one only as far as they hold elsewhere. The optimum
//! is stood for by the best of [`OPTIMUM_STEPS`] steps on support and query samples together, the risk by
//! the loss on the query samples.

use serde::{Deserialize, Serialize};

use crate::trace::distance;
use crate::{Learner, MetaError, Task};

/// Steps towards a task's optimum.
pub const OPTIMUM_STEPS: usize = 300;

/// What was measured on some tasks of one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TheoremOne {
    /// Support samples of a task.
    pub k_spt: usize,
    /// Step size alpha.
    pub step_size: f64,
    /// Largest gradient norm met: G.
    pub lipschitz: f64,
    /// Largest change of the gradient for its length: W.
    pub smoothness: f64,
    /// Whether alpha <= 1 / W, which the theorem asks for.
    pub step_size_is_small_enough: bool,
    /// Mean of the squared distance of the start from the tasks' optima.
    pub squared_distance: f64,
    /// Excess risk after 0, 1, 2, ... steps.
    pub excess_risk: Vec<f64>,
    /// The theorem's right-hand side after as many steps.
    pub bound: Vec<f64>,
}

/// Measures the start `theta` on tasks of one size, up to `steps` steps of size `alpha`.
///
/// # Errors
/// [`MetaError::Setting`] for no tasks; what the learner reports.
pub fn measure<L: Learner>(
    learner: &L,
    theta: &[f32],
    tasks: &[Task],
    (alpha, steps): (f64, usize),
    workspace: &mut L::Workspace,
) -> Result<TheoremOne, MetaError> {
    let Some(first) = tasks.first() else {
        let expected = "at least 1";
        return Err(MetaError::Setting { setting: "tasks to measure on", found: 0.0, expected });
    };
    let (mut lipschitz, mut smoothness, mut squared_distance) = (0.0_f64, 0.0_f64, 0.0);
    let mut excess_risk = vec![0.0; steps + 1];
    for task in tasks {
        let optimum = optimum(learner, theta, task, alpha, workspace)?;
        squared_distance += distance(theta, &optimum).powi(2) / tasks.len() as f64;
        let least = learner.loss(&optimum, &task.query, workspace)?;
        let mut at = theta.to_vec();
        let mut gradient = vec![0.0; at.len()];
        let mut before: Option<(Vec<f32>, Vec<f32>)> = None;
        for risk in &mut excess_risk {
            let loss = learner.loss(&at, &task.query, workspace)?;
            *risk += f64::from(loss - least) / tasks.len() as f64;
            learner.loss_and_gradient(&at, &task.support, &mut gradient, workspace)?;
            lipschitz = lipschitz.max(norm(&gradient));
            if let Some((last, last_gradient)) = &before {
                let way = distance(&at, last);
                if way > 0.0 {
                    smoothness = smoothness.max(distance(&gradient, last_gradient) / way);
                }
            }
            before = Some((at.clone(), gradient.clone()));
            at.iter_mut().zip(&gradient).for_each(|(t, g)| *t -= alpha as f32 * g);
        }
    }
    let k_spt = first.support.len();
    let rho = 1.0 + 2.0 * alpha * smoothness;
    let bound = (0..=steps).map(|q| {
        // Of an empty way W is 0 and the first term its limit.
        let first = match smoothness > 0.0 {
            true => (rho.powi(q as i32) - 1.0) / smoothness,
            false => 2.0 * alpha * q as f64,
        };
        2.0 * lipschitz.powi(2) * first / k_spt as f64 + squared_distance / (2.0 * alpha)
    });
    Ok(TheoremOne {
        k_spt,
        step_size: alpha,
        lipschitz,
        smoothness,
        step_size_is_small_enough: alpha * smoothness <= 1.0,
        squared_distance,
        excess_risk,
        bound: bound.collect(),
    })
}

/// The best parameters on the way of [`OPTIMUM_STEPS`] steps on all of a task's samples.
fn optimum<L: Learner>(
    learner: &L,
    theta: &[f32],
    task: &Task,
    alpha: f64,
    workspace: &mut L::Workspace,
) -> Result<Vec<f32>, MetaError> {
    let all = task.support.joined(&task.query);
    let (mut at, mut gradient) = (theta.to_vec(), vec![0.0; theta.len()]);
    let mut best = (f32::INFINITY, theta.to_vec());
    for _ in 0..OPTIMUM_STEPS {
        let Ok(loss) = learner.loss_and_gradient(&at, &all, &mut gradient, workspace) else {
            break;
        };
        if loss < best.0 {
            best = (loss, at.clone());
        }
        at.iter_mut().zip(&gradient).for_each(|(t, g)| *t -= alpha as f32 * g);
    }
    Ok(best.1)
}

fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models::{Line, batch};

    /// On a line with one sample (1, y) the loss is (p - y)^2: W = 2, the optimum is y, and each step
    /// leaves 1 - 2 alpha of the way.
    #[test]
    fn a_line_by_hand() {
        let task = |y: f32| Task { support: batch(1.0, y), query: batch(1.0, y) };
        let tasks = [task(3.0), task(-1.0)];
        let found = measure(&Line, &[1.0], &tasks, (0.1, 2), &mut ()).unwrap();
        assert!((found.smoothness - 2.0).abs() < 1e-4, "{found:?}");
        assert!((found.lipschitz - 4.0).abs() < 1e-5);
        assert!((found.squared_distance - 4.0).abs() < 1e-4);
        for (q, risk) in found.excess_risk.iter().enumerate() {
            assert!((risk - 4.0 * 0.8_f64.powi(2 * q as i32)).abs() < 1e-4, "{found:?}");
        }
        // rho = 1.4: 2 * 16 * (1.96 - 1) / (1 * 2) + 4 / 0.2.
        assert!((found.bound[2] - (15.36 + 20.0)).abs() < 1e-3, "{found:?}");
        assert!(found.step_size_is_small_enough);
        assert!(
            !measure(&Line, &[1.0], &tasks, (0.9, 2), &mut ()).unwrap().step_size_is_small_enough
        );
        assert!(measure(&Line, &[1.0], &[], (0.1, 2), &mut ()).is_err());
    }
}
