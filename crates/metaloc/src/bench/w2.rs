//! W2: meta-learning a dense network.
//!
//! One meta-iteration of first-order MAML: 4 tasks of 100 support and 30 query samples on a
//! 15-128-128-128-128-2 network with ReLU and the Euclidean loss, one inner step each, and a step
//! of Adam. Tasks are drawn beforehand; copying one into place, about 8 kB, is part of the time.

use metaloc_meta::algorithm::{TaskSlot, meta_gradient};
use metaloc_meta::maml::{Maml, MamlConfig};
use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::task::RegressionSampler;
use metaloc_meta::{Learner, NetworkLearner, Task, TaskSource};
use metaloc_nn::{
    Activation, Initializer, Loss, NetworkDescription, Optimizer, OptimizerDescription,
};

use crate::error::Error;

const WIDTHS: [usize; 6] = [15, 128, 128, 128, 128, 2];
const N_INPUTS: usize = WIDTHS[0];
const N_OUTPUTS: usize = WIDTHS[WIDTHS.len() - 1];
const K_SUPPORT: usize = 100;
const K_QUERY: usize = 30;
const TASKS_PER_ITERATION: usize = 4;
const INNER_STEPS: usize = 1;
/// Tasks drawn beforehand, which the iterations take in turn.
const N_TASKS: usize = 64;
const SEED: u64 = 2;

/// Everything that one repetition needs.
pub(super) struct W2 {
    learner: NetworkLearner,
    maml: Maml,
    tasks: Vec<Task>,
    parameters: Vec<f32>,
    optimizer: Optimizer<f32>,
    slots: Vec<TaskSlot<NetworkLearner>>,
    gradient: Vec<f32>,
    iteration: usize,
}

impl W2 {
    /// Arithmetic operations of one repetition.
    pub(super) const OPERATIONS: f64 =
        (TASKS_PER_ITERATION * (INNER_STEPS * pass(K_SUPPORT) + pass(K_QUERY))) as f64;

    pub(super) fn new() -> Result<Self, Error> {
        let hidden = &WIDTHS[1..WIDTHS.len() - 1];
        let network =
            NetworkDescription::mlp(N_INPUTS, hidden, N_OUTPUTS, Activation::Relu).check()?;
        let initializer = Initializer::KaimingUniform;
        let learner = NetworkLearner { network, loss: Loss::Euclidean, initializer };
        let maml =
            MamlConfig { inner_step_size: 0.01, inner_steps: INNER_STEPS, second_order: false }
                .check()?;
        let sampler = sampler()?;
        let tasks = (0..N_TASKS as u64)
            .map(|task| sampler.draw(&mut stream(SEED, Purpose::Training, 0, task)))
            .collect::<Result<_, _>>()?;
        let parameters =
            learner.initial_parameters(&mut stream(SEED, Purpose::Initialization, 0, 0));
        let optimizer = OptimizerDescription::adam(1e-3).start(parameters.len())?;
        let slots = (0..TASKS_PER_ITERATION).map(|_| TaskSlot::new(&learner)).collect();
        let gradient = vec![0.0; parameters.len()];
        Ok(Self { learner, maml, tasks, parameters, optimizer, slots, gradient, iteration: 0 })
    }

    /// Runs one meta-iteration.
    pub(super) fn run(&mut self) -> Result<(), Error> {
        let (tasks, first) = (&self.tasks, self.iteration * TASKS_PER_ITERATION);
        meta_gradient(
            &self.maml,
            &self.learner,
            &self.parameters,
            &mut self.slots,
            |task| Ok(tasks[(first + task as usize) % N_TASKS].clone()),
            &mut self.gradient,
        )?;
        self.optimizer.step(&mut self.parameters, &self.gradient)?;
        self.iteration += 1;
        Ok(())
    }
}

/// Operations of a forward and a backward pass over `batch` samples.
const fn pass(batch: usize) -> usize {
    let (mut layer, mut operations) = (0, 0);
    while layer + 1 < WIDTHS.len() {
        let product = 2 * batch * WIDTHS[layer] * WIDTHS[layer + 1];
        operations += if layer == 0 { 2 * product } else { 3 * product };
        layer += 1;
    }
    operations
}

/// 1,000 samples of a smooth relation, so that the loss stays finite however long it runs.
fn sampler() -> Result<RegressionSampler, Error> {
    let inputs: Vec<f32> =
        (0..1000 * N_INPUTS).map(|i| ((i * 37 + i * i) % 211) as f32 / 105.0 - 1.0).collect();
    let values = inputs.chunks(N_INPUTS).flat_map(|x| [x[0] + x[1] * x[2], x[3] - x[4]]).collect();
    Ok(RegressionSampler::new((inputs, N_INPUTS), (values, N_OUTPUTS), (K_SUPPORT, K_QUERY))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_by_hand() {
        // Weights: 15 * 128 + 3 * 128 * 128 + 128 * 2 = 51,328; a sample takes 2 a weight forward
        // and 4 backward, less 2 for each of the first layer's 1,920.
        let per_sample = 6 * 51_328 - 2 * 1_920;
        assert_eq!(pass(1), per_sample);
        assert!((W2::OPERATIONS - f64::from(4 * 130 * per_sample as u32)).abs() < 0.5);
    }

    #[test]
    fn a_repetition_learns() {
        let mut w2 = W2::new().unwrap();
        let before = w2.parameters.clone();
        w2.run().unwrap();
        assert_eq!(w2.iteration, 1);
        assert_ne!(w2.parameters, before);
        assert!(w2.parameters.iter().all(|value| value.is_finite()));
    }
}
