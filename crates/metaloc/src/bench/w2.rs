//! W2: meta-learning a dense network.

use metaloc_meta::maml::MamlConfig;
use metaloc_meta::task::RegressionSampler;
use metaloc_nn::{Activation, Loss, NetworkDescription};

use super::Prepared;
use super::meta_iteration::{MetaIteration, Setting};
use crate::error::Error;

const WIDTHS: [usize; 6] = [15, 128, 128, 128, 128, 2];
const N_INPUTS: usize = WIDTHS[0];
const N_OUTPUTS: usize = WIDTHS[WIDTHS.len() - 1];
const K_SUPPORT: usize = 100;
const K_QUERY: usize = 30;

pub(super) fn prepare() -> Result<Prepared, Error> {
    let hidden = &WIDTHS[1..WIDTHS.len() - 1];
    Ok(Prepared::from(MetaIteration::new(&Setting {
        network: &NetworkDescription::mlp(N_INPUTS, hidden, N_OUTPUTS, Activation::Relu),
        loss: Loss::Euclidean,
        maml: MamlConfig { inner_step_size: 0.01, inner_steps: 1, second_order: false },
        tasks: &sampler()?,
    })?))
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
        let prepared = prepare().unwrap();
        assert!((prepared.operations - f64::from(4 * 130 * per_sample)).abs() < 0.5);
    }
}
