//! What all meta-learning algorithms share: the tasks of one iteration become one gradient.

use crate::adapt::AdaptationConfig;
use crate::message::FirstStep;
use crate::round::Round;
use crate::step_sizes::StepSizes;
use crate::{Learner, MetaError, Task};

/// How the tasks of one iteration become one step of the meta-parameters.
///
/// Meta-parameters are the learner's parameters theta, with what an algorithm learns besides
/// (step sizes) behind them.
pub trait MetaAlgorithm: Sync {
    /// Name for people and files, as on the command line.
    fn name(&self) -> &'static str;

    /// The inner step size in force, for messages.
    fn inner_step_size(&self) -> f64;

    /// What is learned besides the learner's parameters, before the first iteration.
    fn initial_extras<L: Learner>(&self, learner: &L) -> Vec<f32> {
        let _ = learner;
        Vec::new()
    }

    /// At a site: one task's loss, and its contribution to the gradient, written into
    /// `slot.gradient`, which is as long as the meta-parameters.
    ///
    /// # Errors
    /// What the learner reports.
    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        task: &TaskAtHand<'_>,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError>;

    /// At the coordinator: one iteration. Writes the gradient that the outer optimizer steps
    /// along, and may move the meta-parameters before; returns the mean task loss.
    ///
    /// The sum over M tasks of any environments (Eq. 8), unless overridden.
    ///
    /// # Errors
    /// What the sites report.
    fn iterate(
        &self,
        round: &mut Round<'_>,
        meta_parameters: &mut [f32],
        gradient: &mut [f32],
    ) -> Result<f32, MetaError> {
        let tasks = round.tasks();
        round.gradient(&tasks, meta_parameters, |_| FirstStep::Own, gradient)
    }

    /// The step sizes with which `meta_parameters` are adapted to a new environment: one for all,
    /// unless overridden.
    fn adaptation_step_sizes<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        adaptation: AdaptationConfig,
    ) -> StepSizes {
        let _ = (learner, meta_parameters);
        StepSizes::uniform(adaptation.step_size)
    }
}

/// A task as an algorithm gets it at a site.
#[derive(Debug, Clone, Copy)]
pub struct TaskAtHand<'a> {
    /// The task.
    pub task: &'a Task,
    /// The iteration that asks for it.
    pub iteration: u64,
    /// Where the first inner step's direction comes from.
    pub first_step: &'a FirstStep<'a>,
}

/// Memory for one task at a time; made once, reused for others. What is empty grows where an
/// algorithm needs it.
pub struct TaskSlot<L: Learner> {
    /// The task's contribution to the meta-gradient.
    pub gradient: Vec<f32>,
    /// The task's own parameters theta'_i.
    pub task_parameters: Vec<f32>,
    /// `[steps, n]`: the parameters before each inner step.
    pub trajectory: Vec<f32>,
    /// `[steps, n]`: the support gradient of each inner step.
    pub directions: Vec<f32>,
    /// A Hessian-vector product.
    pub product: Vec<f32>,
    /// The vector that it is taken with.
    pub scaled: Vec<f32>,
    /// The gradient of a query loss on the way.
    pub query_gradient: Vec<f32>,
    /// The loss's derivatives with respect to the step sizes.
    pub rate_gradient: Vec<f32>,
    /// The learner's scratch memory.
    pub workspace: L::Workspace,
}

impl<L: Learner> TaskSlot<L> {
    /// Memory for one task of `learner`; the gradient gets its length with each task.
    #[must_use]
    pub fn new(learner: &L) -> Self {
        let n = learner.n_parameters();
        Self {
            gradient: vec![0.0; n],
            task_parameters: vec![0.0; n],
            trajectory: Vec::new(),
            directions: Vec::new(),
            product: Vec::new(),
            scaled: Vec::new(),
            query_gradient: Vec::new(),
            rate_gradient: Vec::new(),
            workspace: learner.workspace(),
        }
    }
}
