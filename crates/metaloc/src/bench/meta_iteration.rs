//! One iteration of meta-training, which most workloads repeat.

use metaloc_meta::maml::{Maml, MamlConfig};
use metaloc_meta::message::{FirstStep, GradientReply, TaskNumber};
use metaloc_meta::round::{Round, SiteTask};
use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::site::{Site, SiteLearner, Slots};
use metaloc_meta::{Learner, NetworkLearner, Task, TaskSource};
use metaloc_nn::{
    Initializer, Loss, NetworkDescription, Optimizer, OptimizerDescription, Workspace,
};
use rayon::prelude::*;

use super::operations::Products;
use crate::error::Error;

pub(super) const TASKS_PER_ITERATION: usize = 4;
/// Tasks drawn beforehand, which the iterations take in turn.
const N_TASKS: usize = 8;
const SEED: u64 = 2;
/// So small that the weights, and the share of rectifiers that are off, stay nearly as they were
/// drawn, however long the workload runs.
const OUTER_STEP_SIZE: f64 = 1e-5;

/// What an iteration works on.
pub(super) struct Setting<'a> {
    pub(super) network: &'a NetworkDescription,
    pub(super) loss: Loss,
    pub(super) maml: MamlConfig,
    pub(super) tasks: &'a dyn TaskSource,
}

/// MAML on 4 tasks and a step of Adam, with everything that this needs.
pub(super) struct MetaIteration {
    learner: NetworkLearner,
    maml: Maml,
    tasks: Vec<Task>,
    parameters: Vec<f32>,
    optimizer: Optimizer<f32>,
    slots: Slots<NetworkLearner>,
    replies: Vec<GradientReply>,
    gradient: Vec<f32>,
    operations: f64,
    done: usize,
    /// The algorithm's settings as given, and a task's buffers, for [`MetaIteration::run_bare`].
    steps: MamlConfig,
    bare: Vec<Bare>,
}

impl MetaIteration {
    pub(super) fn new(setting: &Setting<'_>) -> Result<Self, Error> {
        let &Setting { network, loss, maml, tasks } = setting;
        let initializer = Initializer::KaimingUniform;
        let learner = NetworkLearner { network: network.check()?, loss, initializer };
        let tasks = (0..N_TASKS as u64)
            .map(|task| Ok(tasks.draw(&mut stream(SEED, Purpose::Training, 0, task))?.into_owned()))
            .collect::<Result<Vec<_>, Error>>()?;
        let parameters =
            learner.initial_parameters(&mut stream(SEED, Purpose::Initialization, 0, 0));
        let optimizer = OptimizerDescription::adam(OUTER_STEP_SIZE).start(parameters.len())?;
        let (slots, replies) = (Slots::new(&learner), Vec::new());
        let gradient = vec![0.0; parameters.len()];
        let operations =
            TASKS_PER_ITERATION as f64 * task_operations(&learner, maml, tasks.first())?;
        let (steps, maml) = (maml, maml.check()?);
        let bare = (0..TASKS_PER_ITERATION).map(|_| Bare::new(&learner)).collect();
        let done = 0;
        Ok(Self {
            learner,
            maml,
            tasks,
            parameters,
            optimizer,
            slots,
            replies,
            gradient,
            operations,
            done,
            steps,
            bare,
        })
    }

    /// Arithmetic operations of one iteration.
    pub(super) fn operations(&self) -> f64 {
        self.operations
    }

    pub(super) fn run(&mut self) -> Result<(), Error> {
        let first = self.done * TASKS_PER_ITERATION;
        let both = (&self.learner, &self.maml);
        let site = |task| SiteLearner::new(("", task), both, SEED, &self.slots);
        let learners: Vec<_> = self.tasks.iter().map(|task| site(task)).collect();
        let sites: Vec<&dyn Site> = learners.iter().map(|site| site as _).collect();
        let mut round = Round::new(&sites, TASKS_PER_ITERATION, SEED);
        round.replies = std::mem::take(&mut self.replies);
        let number = TaskNumber { iteration: 0, task: 0 };
        let tasks: Vec<SiteTask> = (first..first + TASKS_PER_ITERATION)
            .map(|task| SiteTask { site: task % N_TASKS, number })
            .collect();
        round.gradient(&tasks, &self.parameters, |_| FirstStep::Own, &mut self.gradient)?;
        self.replies = round.replies;
        self.optimizer.step(&mut self.parameters, &self.gradient)?;
        self.done += 1;
        Ok(())
    }
}

impl MetaIteration {
    /// The same on the engine alone, first order: gradients and steps, as a program without
    /// `metaloc-meta` would write them.
    pub(super) fn run_bare(&mut self) -> Result<(), Error> {
        let first = self.done * TASKS_PER_ITERATION;
        let alpha = self.steps.inner_step_size as f32;
        let (learner, tasks, start) = (&self.learner, &self.tasks, &self.parameters);
        let done = self.bare.par_iter_mut().enumerate().map(|(at, own)| -> Result<(), Error> {
            let task = &tasks[(first + at) % N_TASKS];
            let Bare { workspace, theta, gradient } = own;
            theta.copy_from_slice(start);
            for _ in 0..self.steps.inner_steps {
                learner.loss_and_gradient(theta, &task.support, gradient, workspace)?;
                theta.iter_mut().zip(&*gradient).for_each(|(t, g)| *t -= alpha * g);
            }
            learner.loss_and_gradient(theta, &task.query, gradient, workspace)?;
            Ok(())
        });
        done.collect::<Result<(), Error>>()?;
        self.gradient.fill(0.0);
        for own in &self.bare {
            self.gradient.iter_mut().zip(&own.gradient).for_each(|(sum, g)| *sum += g);
        }
        self.optimizer.step(&mut self.parameters, &self.gradient)?;
        self.done += 1;
        Ok(())
    }
}

/// What a task of the bare engine works in.
struct Bare {
    workspace: Workspace<f32>,
    theta: Vec<f32>,
    gradient: Vec<f32>,
}

impl Bare {
    fn new(learner: &NetworkLearner) -> Self {
        let zeros = vec![0.0; learner.n_parameters()];
        Self { workspace: learner.workspace(), theta: zeros.clone(), gradient: zeros }
    }
}

/// Operations of the inner steps and the query gradient of one task, all tasks being of one size.
fn task_operations(
    learner: &NetworkLearner,
    maml: MamlConfig,
    task: Option<&Task>,
) -> Result<f64, Error> {
    let [support, query] = task.map_or([0; 2], |task| {
        [&task.support, &task.query].map(|batch| batch.inputs.len() / batch.n_inputs)
    });
    let products = Products::of(&learner.network)?;
    let mut step = products.gradient(support);
    if maml.second_order {
        step += products.hessian_vector_product(support);
    }
    Ok(maml.inner_steps as f64 * step + products.gradient(query))
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaloc_meta::task::RegressionSampler;
    use metaloc_nn::Activation;

    #[test]
    fn an_iteration_counts_and_learns() {
        let network = NetworkDescription::mlp(3, &[5], 2, Activation::Tanh);
        let inputs = (0..90).map(|i| i as f32 / 90.0).collect();
        let values = (0..60).map(|i| i as f32 / 60.0).collect();
        let tasks = RegressionSampler::new((inputs, 3), (values, 2), (7, 11)).unwrap();
        for second_order in [false, true] {
            let maml = MamlConfig { inner_step_size: 0.01, inner_steps: 3, second_order };
            let (network, tasks) = (&network, &tasks);
            let setting = Setting { network, loss: Loss::SquaredError, maml, tasks };
            let mut iteration = MetaIteration::new(&setting).unwrap();
            // Multiply-adds a sample: 60 for a gradient, 125 for a Hessian-vector product.
            let products = 3 * 7 * (60 + if second_order { 125 } else { 0 }) + 11 * 60;
            assert!((iteration.operations() - f64::from(4 * 2 * products)).abs() < 0.5);
            let before = iteration.parameters.clone();
            iteration.run().unwrap();
            assert_eq!(iteration.done, 1);
            assert_ne!(iteration.parameters, before);
            assert!(iteration.parameters.iter().all(|value| value.is_finite()));
            // The bare engine does the same.
            let mut bare = MetaIteration::new(&setting).unwrap();
            if !second_order {
                bare.run_bare().unwrap();
                let apart = bare.parameters.iter().zip(&iteration.parameters);
                assert!(apart.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-6);
            }
        }
    }
}
