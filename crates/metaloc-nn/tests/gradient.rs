//! Gradients against central finite differences, in double precision.
#![allow(clippy::unwrap_used)] // helpers of tests

use metaloc_nn::{
    Activation, Initializer, LayerDescription, Loss, Network, NetworkDescription, Targets,
    Workspace,
};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

const LOSSES: [Loss; 4] =
    [Loss::SquaredError, Loss::RootMeanSquaredError, Loss::Euclidean, Loss::CrossEntropy];
const DIFFERENCE: f64 = 1e-5;

struct Batch {
    inputs: Vec<f64>,
    values: Vec<f64>,
    classes: Vec<u32>,
}

impl Batch {
    fn draw(network: &Network, n: usize, rng: &mut ChaCha8Rng) -> Self {
        let mut draw = |n: usize| (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
        let (inputs, values) = (draw(n * network.n_inputs()), draw(n * network.n_outputs()));
        let n_classes = u32::try_from(network.n_outputs()).unwrap();
        let classes = (0..n).map(|_| rng.random_range(0..n_classes)).collect();
        Self { inputs, values, classes }
    }

    fn targets(&self, loss: Loss) -> Targets<'_, f64> {
        match loss {
            Loss::CrossEntropy => Targets::Classes(&self.classes),
            _ => Targets::Values(&self.values),
        }
    }
}

/// Parameters with biases that are not zero.
fn draw_parameters(network: &Network, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut parameters: Vec<f64> = network.initial_parameters(Initializer::XavierUniform, rng);
    for parameter in &mut parameters {
        *parameter += rng.random_range(-0.3..0.3);
    }
    parameters
}

fn compare(network: &Network, parameters: &[f64], batch: &Batch, loss: Loss) {
    let mut workspace: Workspace<f64> = network.workspace();
    let mut gradient = vec![f64::NAN; network.n_parameters()];
    let targets = batch.targets(loss);
    let value = network
        .loss_and_gradient(parameters, &batch.inputs, targets, loss, &mut gradient, &mut workspace)
        .unwrap();
    let mut loss_at = |parameters: &[f64]| {
        network.loss(parameters, &batch.inputs, targets, loss, &mut workspace).unwrap()
    };
    assert_eq!(value.to_bits(), loss_at(parameters).to_bits());
    let mut moved = parameters.to_vec();
    for (index, &got) in gradient.iter().enumerate() {
        moved[index] = parameters[index] + DIFFERENCE;
        let above = loss_at(&moved);
        moved[index] = parameters[index] - DIFFERENCE;
        let below = loss_at(&moved);
        moved[index] = parameters[index];
        let expected = (above - below) / (2.0 * DIFFERENCE);
        let error = (got - expected).abs();
        assert!(error < 1e-8 * (1.0 + expected.abs()), "{loss:?} [{index}]: {got} != {expected}");
    }
}

#[test]
fn tanh_networks_with_every_loss() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for hidden in [&[][..], &[6], &[7, 5, 4]] {
        let network = NetworkDescription::mlp(5, hidden, 3, Activation::Tanh).check().unwrap();
        for n in [1, 4] {
            let parameters = draw_parameters(&network, &mut rng);
            let batch = Batch::draw(&network, n, &mut rng);
            for loss in LOSSES {
                compare(&network, &parameters, &batch, loss);
            }
        }
    }
}

#[test]
fn activations_may_stand_first_and_last() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let dense = |outputs| LayerDescription::Dense { outputs };
    let layers = vec![LayerDescription::Tanh, dense(4), dense(3), LayerDescription::Tanh];
    let network = NetworkDescription { inputs: 3, layers }.check().unwrap();
    let parameters = draw_parameters(&network, &mut rng);
    let batch = Batch::draw(&network, 5, &mut rng);
    for loss in LOSSES {
        compare(&network, &parameters, &batch, loss);
    }
}

/// The nearest that any value before a ReLU comes to zero.
fn distance_to_kink(description: &NetworkDescription, parameters: &[f64], inputs: &[f64]) -> f64 {
    let relu = |layer: &LayerDescription| *layer == LayerDescription::Relu;
    let kinks = description.layers.iter().enumerate().filter(|(_, layer)| relu(layer));
    let mut nearest = f64::INFINITY;
    for (index, _) in kinks {
        let layers = description.layers[..index].to_vec();
        let head = NetworkDescription { inputs: description.inputs, layers }.check().unwrap();
        let mut workspace = head.workspace();
        let head_parameters = &parameters[..head.n_parameters()];
        let outputs = head.predict(head_parameters, inputs, &mut workspace).unwrap();
        nearest = outputs.iter().fold(nearest, |nearest, output| nearest.min(output.abs()));
    }
    nearest
}

#[test]
fn relu_networks_away_from_kinks() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let description = NetworkDescription::mlp(4, &[6, 5], 3, Activation::Relu);
    let network = description.check().unwrap();
    let mut compared = 0;
    while compared < 3 {
        let parameters = draw_parameters(&network, &mut rng);
        let batch = Batch::draw(&network, 3, &mut rng);
        if distance_to_kink(&description, &parameters, &batch.inputs) < 100.0 * DIFFERENCE {
            continue;
        }
        for loss in LOSSES {
            compare(&network, &parameters, &batch, loss);
        }
        compared += 1;
    }
}
