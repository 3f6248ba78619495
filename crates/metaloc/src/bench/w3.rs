//! W3: adapting a convolutional network to one new environment, and one answer from it.

use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::{AdaptationConfig, Batch, Learner, NetworkLearner, TaskSource, adapt};
use metaloc_nn::{Initializer, Loss, Workspace};

use super::operations::Products;
use super::{Prepared, cnn_tasks, w1};
use crate::error::Error;
use crate::learning::presets;

const ADAPTATION: AdaptationConfig = AdaptationConfig { step_size: 0.01, steps: 10 };
const SEED: u64 = 3;

/// Everything that one repetition needs.
struct W3 {
    learner: NetworkLearner,
    start: Vec<f32>,
    support: Batch,
    image: Vec<f32>,
    workspace: Workspace<f32>,
    answer: Vec<f32>,
}

impl W3 {
    fn run(&mut self) -> Result<(), Error> {
        let Self { learner, start, support, image, workspace, answer } = self;
        let adapted = adapt(learner, start, support, ADAPTATION, workspace)?;
        answer.clear();
        Ok(learner.predict(&adapted.parameters, image, workspace, answer)?)
    }
}

pub(super) fn prepare() -> Result<Prepared, Error> {
    prepare_for(w1::INPUTS)
}

fn prepare_for(inputs: [usize; 3]) -> Result<Prepared, Error> {
    let network = presets::cnn(inputs.into(), cnn_tasks::N_WAYS).check()?;
    let (loss, initializer) = (Loss::CrossEntropy, Initializer::KaimingUniform);
    let learner = NetworkLearner { network, loss, initializer };
    let sampler = cnn_tasks::sampler(inputs)?;
    let task = sampler.draw(&mut stream(SEED, Purpose::Training, 0, 0))?.into_owned();
    let products = Products::of(&learner.network)?;
    let n_support = cnn_tasks::N_WAYS * cnn_tasks::K_SUPPORT;
    let mut w3 = W3 {
        start: learner.initial_parameters(&mut stream(SEED, Purpose::Initialization, 0, 0)),
        image: task.query.inputs[..learner.network.n_inputs()].to_vec(),
        support: task.support,
        workspace: learner.splitting_workspace(),
        answer: Vec::new(),
        learner,
    };
    let steps = ADAPTATION.steps as f64;
    let operations = steps * products.gradient(n_support) + products.forward(1);
    Ok(Prepared::new(operations, move || w3.run()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_one_runs() {
        prepare_for([16, 16, 2]).unwrap().repeat().unwrap();
    }
}
