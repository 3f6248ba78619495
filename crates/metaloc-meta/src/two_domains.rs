//! A virtual step in one environment, judged in another: what MAML-DG and MLDG share.
//!
//! With losses F and G of tasks of two environments, each a sum over M tasks (2M an iteration), and
//! g_I, g_II their gradients as the algorithm takes them:
//!
//! ```text
//! L(theta) = F(theta) + w G(theta'),   theta' = theta - beta_v grad F(theta)          Eq. (19)
//! gradient = g_I(theta) + w g_II(theta')                                       first order
//! gradient = g_I(theta) + w (g_II(theta') - beta_v H_F(theta) g_II(theta'))          exact
//! ```
//!
//! The product with the Hessian matrix of F is a difference of gradients that the sites are asked
//! for anyway, so that nothing else has to cross:
//!
//! ```text
//! H_F v = (g_I(theta + e v) - g_I(theta - e v)) / 2 e,   e |v| = 0.005 (1 + |theta|)
//! ```
//!
//! The length of the step balances rounding and curvature in `f32`: it is the cube root of the
//! rounding unit. For smooth networks the product is right to about three digits; where
//! rectifiers switch in between, it is that of a smoothed loss.

use rand::RngExt;

use crate::MetaError;
use crate::message::{FirstStep, TaskNumber};
use crate::round::{Round, SiteTask};

/// Tasks of two environments: of the one that takes the virtual step, and of the one that judges it.
pub(crate) type TasksOfTwo = [Vec<SiteTask>; 2];

/// Two different environments, drawn uniformly for this iteration (Algorithm 3, line 3).
///
/// # Errors
/// [`MetaError::TaskSource`] if there is only one.
pub(crate) fn draw_domains(round: &Round<'_>, algorithm: &str) -> Result<[usize; 2], MetaError> {
    let n = round.n_domains();
    if n < 2 {
        return Err(MetaError::TaskSource(format!(
            "{algorithm} draws tasks of two environments in each iteration, and there is {n}; give \
             it another environment, or use maml"
        )));
    }
    let mut rng = round.stream();
    let first = rng.random_range(0..n);
    let second = rng.random_range(0..n - 1);
    Ok([first, second + usize::from(second >= first)])
}

/// M tasks of each of two environments: numbers 0 to M and M to 2M of this iteration.
///
/// # Errors
/// As [`draw_domains`].
pub(crate) fn draw_tasks(round: &Round<'_>, algorithm: &str) -> Result<TasksOfTwo, MetaError> {
    let [first, second] = draw_domains(round, algorithm)?;
    let iteration = round.iteration();
    let first = round.tasks_of_domain(first, TaskNumber { iteration, task: 0 });
    let second = round.tasks_of_domain(second, TaskNumber { iteration, task: first.len() as u64 });
    Ok([first, second])
}

/// Checked settings of the virtual step and its judgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TwoDomains {
    virtual_step_size: f64,
    weight: f64,
}

impl TwoDomains {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`MetaError::Setting`] for a number that is negative or not finite.
    pub(crate) fn check(virtual_step_size: f64, weight: f64) -> Result<Self, MetaError> {
        for (setting, found) in [("virtual_step_size", virtual_step_size), ("weight", weight)] {
            if !(found >= 0.0 && found.is_finite()) {
                let expected = "0 or above, and finite";
                return Err(MetaError::Setting { setting, found, expected });
            }
        }
        Ok(Self { virtual_step_size, weight })
    }

    /// The weight w of the second environment.
    pub(crate) const fn weight(self) -> f32 {
        self.weight as f32
    }

    /// theta' from theta and g_I.
    pub(crate) fn virtual_parameters(self, theta: &[f32], gradient: &[f32]) -> Vec<f32> {
        moved(theta, gradient, -self.virtual_step_size)
    }

    /// Writes the gradient of Eq. (19) at `theta`, to first order or exactly; returns the mean task
    /// loss over both environments.
    ///
    /// # Errors
    /// What the sites report.
    pub(crate) fn gradient(
        self,
        round: &mut Round<'_>,
        [first, second]: &TasksOfTwo,
        theta: &[f32],
        exact: bool,
        gradient: &mut [f32],
    ) -> Result<f32, MetaError> {
        let own = |_| FirstStep::Own;
        let loss = round.gradient(first, theta, own, gradient)?;
        let virtual_parameters = self.virtual_parameters(theta, gradient);
        let mut of_second = vec![0.0; theta.len()];
        let second_loss = round.gradient(second, &virtual_parameters, own, &mut of_second)?;
        if exact {
            let product = self.hessian_product(round, first, theta, &of_second)?;
            add(&mut of_second, -self.virtual_step_size, &product);
        }
        add(gradient, self.weight, &of_second);
        Ok(f32::midpoint(loss, second_loss))
    }

    /// `H_F(theta) v` by central differences of the gradients of `tasks`.
    fn hessian_product(
        self,
        round: &mut Round<'_>,
        tasks: &[SiteTask],
        theta: &[f32],
        v: &[f32],
    ) -> Result<Vec<f32>, MetaError> {
        let length = norm(v);
        let mut product = vec![0.0; v.len()];
        if length == 0.0 || self.virtual_step_size == 0.0 {
            return Ok(product);
        }
        let step = f64::from(f32::EPSILON).cbrt() * (1.0 + norm(theta)) / length;
        let mut before = vec![0.0; v.len()];
        let own = |_| FirstStep::Own;
        round.gradient(tasks, &moved(theta, v, step), own, &mut product)?;
        round.gradient(tasks, &moved(theta, v, -step), own, &mut before)?;
        let per_step = (0.5 / step) as f32;
        product.iter_mut().zip(&before).for_each(|(p, b)| *p = (*p - b) * per_step);
        Ok(product)
    }
}

/// `from + factor * direction`.
pub(crate) fn moved(from: &[f32], direction: &[f32], factor: f64) -> Vec<f32> {
    let mut to = from.to_vec();
    add(&mut to, factor, direction);
    to
}

/// `to += factor * direction`.
pub(crate) fn add(to: &mut [f32], factor: f64, direction: &[f32]) {
    let factor = factor as f32;
    to.iter_mut().zip(direction).for_each(|(to, d)| *to += factor * d);
}

fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt()
}
