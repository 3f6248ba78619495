//! MAML-DG: MAML whose step in one environment must also help in another.
//!
//! The MetaLoc paper's Algorithm 3 and Eq. (17)-(19): each iteration draws two different
//! environments I and II and M tasks of each. With F and G their sums of query losses after the
//! inner loop (MAML's meta-losses, [`crate::maml`]), and g_I, g_II the meta-gradients:
//!
//! ```text
//! L(theta) = F(theta) + w G(theta'),   theta' = theta - beta_v g_I(theta)              Eq. (19)
//! ```
//!
//! By Eq. (20)-(22) this is F + w G - w beta_v grad G . grad F: steps are favoured that descend
//! in both environments. The paper says this in places that do not agree, so there are readings:
//!
//! ```text
//! r1   Eq. (18), (19), Step 3    one step of the optimizer along g_I(theta) + w g_II(theta')
//! r2   line 11 with Eq. (18)     theta moves to theta'; the optimizer steps along w g_II(theta')
//! r3   line 10 to the letter     as r1, but the inner loop in II starts at theta, its first
//!                                step's support gradient being taken at theta'
//! r4   Eq. (19) differentiated   g_I(theta) + w (I - beta_v H_F(theta)) g_II(theta')
//! as-released                    what the authors' code does
//! ```
//!
//! With plain SGD of step size beta_v and first-order gradients, r1 and r2 are the same. r1 is the
//! gradient of Eq. (19) but for second derivatives. With `maml.second_order` g_I and g_II are exact
//! and r4 is the gradient of Eq. (19); without, the Jacobian of the first-order g_I stands for H_F.
//! H_F v is taken by central differences of g_I, which costs two more gradients in I and is right to
//! about three digits in smooth networks. In r3, theta' is taken for a constant.
//!
//! `as-released`, read from the code: theta' is an SGD step of 0.01 on the mean of F; the inner loop
//! in II starts at theta as in r3, and its first step is taken, by a slip, on samples of I; the
//! step is along (g_I / M + w g_II / M) / 2; environment I always has the same tasks (its loader is
//! rebuilt unshuffled in each iteration), here those of iteration 0. The slip pairs the samples
//! of I with the labels of II. No sample crosses here, so the gradient at theta' is one that I's
//! site takes on its own support set, labels included.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::maml::{Maml, MamlConfig};
use crate::message::{FirstStep, TaskNumber};
use crate::registry::AlgorithmConfig;
use crate::round::Round;
use crate::two_domains::{TwoDomains, add, draw_domains, draw_tasks, moved};
use crate::{Learner, MetaAlgorithm, MetaError};

/// The released code's virtual step size, on the mean loss.
const RELEASED_STEP_SIZE: f64 = 0.01;

/// Settings of MAML-DG besides those of the inner loop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MamlDgConfig {
    /// Which reading of Algorithm 3.
    pub reading: Reading,
    /// Step size beta_v of the virtual step, 0 or above. The paper has the outer step size beta
    /// here, which the algorithm does not know: the default 1e-3 is that of
    /// [`crate::training::TrainingConfig`]. `as-released` has its own, 0.01 on the mean loss.
    pub virtual_step_size: f64,
    /// Weight w of the second environment, 0 or above; 1 in the released code.
    pub weight: f64,
}

impl Default for MamlDgConfig {
    fn default() -> Self {
        Self { reading: Reading::default(), virtual_step_size: 1e-3, weight: 1.0 }
    }
}

/// A reading of Algorithm 3; the module says what each does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// Both gradients in one step: Eq. (18), (19) and Step 3.
    #[default]
    R1,
    /// Two steps, one after the other: line 11.
    R2,
    /// The inner loop in the second environment starts at theta: line 10.
    R3,
    /// As the first, with the second derivatives of Eq. (19). Twice the work.
    R4,
    /// The authors' code.
    AsReleased,
}

impl AlgorithmConfig for MamlDgConfig {
    type Algorithm = MamlDg;

    fn algorithm(&self, inner: MamlConfig) -> Result<MamlDg, MetaError> {
        let domains = TwoDomains::check(self.virtual_step_size, self.weight)?;
        Ok(MamlDg { inner: inner.check()?, reading: self.reading, domains })
    }
}

/// MAML-DG with checked settings.
#[derive(Debug, Clone, Copy)]
pub struct MamlDg {
    inner: Maml,
    reading: Reading,
    domains: TwoDomains,
}

impl MetaAlgorithm for MamlDg {
    fn name(&self) -> &'static str {
        "maml-dg"
    }

    fn inner_step_size(&self) -> f64 {
        self.inner.inner_step_size()
    }

    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        task: &TaskAtHand<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError> {
        self.inner.task_gradient(learner, meta_parameters, task, slot)
    }

    fn iterate(
        &self,
        round: &mut Round<'_>,
        meta_parameters: &mut [f32],
        gradient: &mut [f32],
    ) -> Result<f32, MetaError> {
        match self.reading {
            Reading::R1 | Reading::R4 => {
                let (tasks, exact) = (draw_tasks(round, self.name())?, self.reading == Reading::R4);
                self.domains.gradient(round, &tasks, meta_parameters, exact, gradient)
            }
            Reading::R2 => self.one_after_the_other(round, meta_parameters, gradient),
            Reading::R3 => self.by_the_letter(round, meta_parameters, gradient),
            Reading::AsReleased => self.as_released(round, meta_parameters, gradient),
        }
    }
}

impl MamlDg {
    /// r2: line 7 moves the meta-parameters, line 11 steps on from there.
    fn one_after_the_other(
        &self,
        round: &mut Round<'_>,
        theta: &mut [f32],
        gradient: &mut [f32],
    ) -> Result<f32, MetaError> {
        let [first, second] = draw_tasks(round, self.name())?;
        let own = |_| FirstStep::Own;
        let loss = round.gradient(&first, theta, own, gradient)?;
        theta.copy_from_slice(&self.domains.virtual_parameters(theta, gradient));
        let second_loss = round.gradient(&second, theta, own, gradient)?;
        gradient.iter_mut().for_each(|g| *g *= self.domains.weight());
        Ok(f32::midpoint(loss, second_loss))
    }

    /// r3: line 10 takes the support gradient at theta', and steps from theta.
    fn by_the_letter(
        &self,
        round: &mut Round<'_>,
        theta: &[f32],
        gradient: &mut [f32],
    ) -> Result<f32, MetaError> {
        let [first, second] = draw_tasks(round, self.name())?;
        let loss = round.gradient(&first, theta, |_| FirstStep::Own, gradient)?;
        let elsewhere = self.domains.virtual_parameters(theta, gradient);
        let mut of_second = vec![0.0; theta.len()];
        let at = |_| FirstStep::At(Cow::Borrowed(&elsewhere));
        let second_loss = round.gradient(&second, theta, at, &mut of_second)?;
        add(gradient, f64::from(self.domains.weight()), &of_second);
        Ok(f32::midpoint(loss, second_loss))
    }

    /// The authors' code, with its slip.
    fn as_released(
        &self,
        round: &mut Round<'_>,
        theta: &[f32],
        gradient: &mut [f32],
    ) -> Result<f32, MetaError> {
        let [first, second] = draw_domains(round, self.name())?;
        let first = round.tasks_of_domain(first, TaskNumber { iteration: 0, task: 0 });
        let (iteration, task) = (round.iteration(), first.len() as u64);
        let second = round.tasks_of_domain(second, TaskNumber { iteration, task });
        let loss = round.gradient(&first, theta, |_| FirstStep::Own, gradient)?;
        let n_tasks = first.len() as f64;
        let elsewhere = moved(theta, gradient, -RELEASED_STEP_SIZE / n_tasks);
        let of_first = round.support_gradients(&first, &elsewhere)?;
        let given = |task: usize| FirstStep::Given(Cow::Borrowed(&of_first[task].gradient));
        let mut of_second = vec![0.0; theta.len()];
        let second_loss = round.gradient(&second, theta, given, &mut of_second)?;
        add(gradient, f64::from(self.domains.weight()), &of_second);
        let share = (0.5 / n_tasks) as f32;
        gradient.iter_mut().for_each(|g| *g *= share);
        Ok(f32::midpoint(loss, second_loss))
    }
}

#[cfg(test)]
mod tests;
