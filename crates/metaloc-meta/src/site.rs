//! Where historical samples live: a site answers messages, and its samples never leave it.

use std::borrow::Cow;
use std::sync::Mutex;

use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::message::{
    GradientReply, GradientRequest, LossReply, LossRequest, SupportGradientRequest, TaskNumber,
};
use crate::seed::{Purpose, stream};
use crate::trace::distance;
use crate::{Learner, MetaAlgorithm, MetaError, Task, TaskSource, adapt_with};

/// A site as the coordinator sees it: it may be anywhere, behind any wire.
pub trait Site: Sync {
    /// Name of its environment.
    fn environment(&self) -> &str;

    /// One task's loss and contribution to the meta-gradient.
    ///
    /// # Errors
    /// What tasks and learner report.
    fn gradient(
        &self,
        request: &GradientRequest<'_>,
        reply: &mut GradientReply,
    ) -> Result<(), MetaError>;

    /// A task's support loss and its gradient at given parameters.
    ///
    /// # Errors
    /// As [`Site::gradient`].
    fn support_gradient(
        &self,
        request: &SupportGradientRequest<'_>,
        reply: &mut GradientReply,
    ) -> Result<(), MetaError>;

    /// A validation task's query loss after adaptation, and how far that moved the parameters.
    ///
    /// # Errors
    /// As [`Site::gradient`].
    fn query_loss(&self, request: &LossRequest<'_>) -> Result<LossReply, MetaError>;
}

/// The learner of one site: the only one that draws tasks from its samples.
pub struct SiteLearner<'a, L: Learner, A> {
    /// Name of the environment.
    environment: &'a str,
    tasks: &'a dyn TaskSource,
    learner: &'a L,
    algorithm: &'a A,
    seed: u64,
    slots: &'a Slots<L>,
}

impl<'a, L: Learner, A: MetaAlgorithm> SiteLearner<'a, L, A> {
    /// The learner of the environment that `tasks` draws from. Sites of one process share `slots`.
    #[must_use]
    pub fn new(
        (environment, tasks): Environment<'a>,
        (learner, algorithm): (&'a L, &'a A),
        seed: u64,
        slots: &'a Slots<L>,
    ) -> Self {
        Self { environment, tasks, learner, algorithm, seed, slots }
    }

    fn draw(&self, purpose: Purpose, number: TaskNumber) -> Result<Cow<'_, Task>, MetaError> {
        self.tasks.draw(&mut stream(self.seed, purpose, number.iteration, number.task))
    }
}

impl<L: Learner, A: MetaAlgorithm> Site for SiteLearner<'_, L, A> {
    fn environment(&self) -> &str {
        self.environment
    }

    fn gradient(
        &self,
        request: &GradientRequest<'_>,
        reply: &mut GradientReply,
    ) -> Result<(), MetaError> {
        let task = self.draw(Purpose::Training, request.task)?;
        let (task, iteration) = (&task, request.task.iteration);
        let task = TaskAtHand { task, iteration, first_step: &request.first_step };
        reply.gradient.resize(request.meta_parameters.len(), 0.0);
        reply.loss = self.slots.with(self.learner, |slot| {
            std::mem::swap(&mut slot.gradient, &mut reply.gradient);
            let meta_parameters = &request.meta_parameters;
            let loss = self.algorithm.task_gradient(self.learner, meta_parameters, &task, slot);
            std::mem::swap(&mut slot.gradient, &mut reply.gradient);
            loss
        })?;
        Ok(())
    }

    fn support_gradient(
        &self,
        request: &SupportGradientRequest<'_>,
        reply: &mut GradientReply,
    ) -> Result<(), MetaError> {
        let task = self.draw(Purpose::Training, request.task)?;
        reply.gradient.resize(request.parameters.len(), 0.0);
        reply.loss = self.slots.with(self.learner, |slot| {
            let (gradient, workspace) = (&mut reply.gradient, &mut slot.workspace);
            self.learner.loss_and_gradient(&request.parameters, &task.support, gradient, workspace)
        })?;
        Ok(())
    }

    fn query_loss(&self, request: &LossRequest<'_>) -> Result<LossReply, MetaError> {
        let task = self.draw(Purpose::Validation, request.task)?;
        let (learner, meta, adaptation) =
            (self.learner, &request.meta_parameters[..], request.adaptation);
        let sizes = self.algorithm.adaptation_step_sizes(learner, meta, adaptation);
        let start = &meta[..learner.n_parameters()];
        self.slots.with(learner, |slot| {
            let workspace = &mut slot.workspace;
            let adaptation = (&sizes, adaptation.steps);
            let adapted = adapt_with(learner, start, &task.support, adaptation, workspace)?;
            let loss = learner.loss(&adapted.parameters, &task.query, workspace)?;
            Ok(LossReply { loss, distance: distance(start, &adapted.parameters) })
        })
    }
}

/// An environment's name, and the source of its tasks.
pub type Environment<'a> = (&'a str, &'a dyn TaskSource);

/// Runs with a site in this process for each environment.
pub fn in_process<L: Learner, A: MetaAlgorithm, T>(
    environments: &[Environment<'_>],
    (learner, algorithm): (&L, &A),
    seed: u64,
    run: impl FnOnce(&[&dyn Site]) -> T,
) -> T {
    let slots = Slots::new(learner);
    let learners: Vec<_> = environments
        .iter()
        .map(|&environment| SiteLearner::new(environment, (learner, algorithm), seed, &slots))
        .collect();
    let sites: Vec<&dyn Site> = learners.iter().map(|site| site as &dyn Site).collect();
    run(&sites)
}

/// Scratch memory that the sites of one process share: one slot a thread, so that what a task
/// leaves in the thread's cache serves the next one.
pub struct Slots<L: Learner> {
    slots: Vec<Mutex<TaskSlot<L>>>,
}

impl<L: Learner> Slots<L> {
    /// A slot for each thread of the current pool.
    #[must_use]
    pub fn new(learner: &L) -> Self {
        let slots = (0..rayon::current_num_threads()).map(|_| Mutex::new(TaskSlot::new(learner)));
        Self { slots: slots.collect() }
    }

    /// Runs with the slot of this thread or, where a learner's own threads have come between,
    /// another.
    fn with<T>(&self, learner: &L, run: impl FnOnce(&mut TaskSlot<L>) -> T) -> T {
        let (own, n) = (rayon::current_thread_index().unwrap_or(0), self.slots.len());
        let free = (0..n).find_map(|offset| self.slots[(own + offset) % n].try_lock().ok());
        match free {
            Some(mut slot) => run(&mut slot),
            None => run(&mut TaskSlot::new(learner)),
        }
    }
}
