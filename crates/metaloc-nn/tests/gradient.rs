//! Gradients and Hessian-vector products against central finite differences, in double precision.
//!
//! Every layer and every loss stands in some network here. Differences say nothing at a kink, so
//! networks with kinks are compared where none is near: at parameters where halving the step of the
//! difference does not change it.
#![allow(clippy::unwrap_used)] // helpers of tests
#![allow(clippy::needless_pass_by_value)] // `json!` makes values

use metaloc_nn::{Loss, Mode, Network, NetworkDescription, Objective, Targets, Workspace};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use serde_json::{Value, json};

const LOSSES: [Loss; 4] =
    [Loss::SquaredError, Loss::RootMeanSquaredError, Loss::Euclidean, Loss::CrossEntropy];
const DIFFERENCE: f64 = 1e-5;

/// A network from its description as a user writes it.
fn network(inputs: Value, layers: Value) -> Network {
    let description = json!({ "inputs": inputs, "layers": layers });
    serde_json::from_value::<NetworkDescription>(description).unwrap().check().unwrap()
}

struct Batch {
    inputs: Vec<f64>,
    values: Vec<f64>,
    classes: Vec<u32>,
}

fn draw(n: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
}

impl Batch {
    fn draw(network: &Network, n: usize, rng: &mut ChaCha8Rng) -> Self {
        let (inputs, values) =
            (draw(n * network.n_inputs(), rng), draw(n * network.n_outputs(), rng));
        let n_classes = u32::try_from(network.n_outputs()).unwrap();
        let classes = (0..n).map(|_| rng.random_range(0..n_classes)).collect();
        Self { inputs, values, classes }
    }

    fn objective<'a>(&'a self, loss: Loss, mode: Mode<'a, f64>) -> Objective<'a, f64> {
        let targets = match loss {
            Loss::CrossEntropy => Targets::Classes(&self.classes),
            _ => Targets::Values(&self.values),
        };
        Objective { mode, ..Objective::new(&self.inputs, targets, loss) }
    }
}

/// Parameters that no initializer draws: nothing is zero, nothing is the same.
fn draw_parameters(network: &Network, rng: &mut ChaCha8Rng) -> Vec<f64> {
    draw(network.n_parameters(), rng)
}

fn gradient(
    network: &Network,
    parameters: &[f64],
    objective: Objective<'_, f64>,
    workspace: &mut Workspace<f64>,
) -> (f64, Vec<f64>) {
    let mut gradient = vec![f64::NAN; network.n_parameters()];
    let loss = network.loss_and_gradient(parameters, objective, &mut gradient, workspace).unwrap();
    (loss, gradient)
}

fn moved(parameters: &[f64], direction: &[f64], step: f64) -> Vec<f64> {
    parameters.iter().zip(direction).map(|(p, d)| p + step * d).collect()
}

/// The greatest difference, relative to the values' size.
fn distance(got: &[f64], expected: &[f64]) -> f64 {
    let size = expected.iter().fold(1.0_f64, |size, value| size.max(value.abs()));
    let differences = got.iter().zip(expected).map(|(got, expected)| (got - expected).abs());
    differences.fold(0.0, f64::max) / size
}

/// How far gradient and Hessian-vector product are from their differences; `None` near a kink.
fn errors(
    network: &Network,
    parameters: &[f64],
    objective: Objective<'_, f64>,
    rng: &mut ChaCha8Rng,
) -> Option<(f64, f64)> {
    let mut workspace = network.workspace();
    let (loss, got) = gradient(network, parameters, objective, &mut workspace);
    let mut loss_at =
        |parameters: &[f64]| network.loss(parameters, objective, &mut workspace).unwrap();
    assert_eq!(loss.to_bits(), loss_at(parameters).to_bits());
    let mut differences = |step: f64| -> Vec<f64> {
        let mut moved = parameters.to_vec();
        let mut difference = |index: usize| {
            moved[index] = parameters[index] + step;
            let above = loss_at(&moved);
            moved[index] = parameters[index] - step;
            let below = loss_at(&moved);
            moved[index] = parameters[index];
            (above - below) / (2.0 * step)
        };
        (0..parameters.len()).map(&mut difference).collect()
    };
    let expected = differences(DIFFERENCE);
    if distance(&differences(DIFFERENCE / 2.0), &expected) > 1e-7 {
        return None;
    }
    let gradient_error = distance(&got, &expected);

    let direction = draw(parameters.len(), rng);
    let mut product = vec![f64::NAN; parameters.len()];
    network
        .hessian_vector_product(parameters, objective, &direction, &mut product, &mut workspace)
        .unwrap();
    let mut difference = |step: f64| -> Vec<f64> {
        let mut at = |step| {
            gradient(network, &moved(parameters, &direction, step), objective, &mut workspace).1
        };
        let (above, below) = (at(step), at(-step));
        above.iter().zip(&below).map(|(above, below)| (above - below) / (2.0 * step)).collect()
    };
    let expected = difference(DIFFERENCE);
    if distance(&difference(DIFFERENCE / 2.0), &expected) > 1e-6 {
        return None;
    }
    Some((gradient_error, distance(&product, &expected)))
}

/// Compares at a few parameters and batches, with every loss and number of samples.
fn compare(network: &Network, seed: u64) {
    compare_in(network, seed, Mode::default());
}

fn compare_in(network: &Network, seed: u64, mode: Mode<'_, f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for loss in LOSSES {
        for n in [2, 5] {
            let (mut compared, mut tried) = (0, 0);
            while compared < 2 {
                tried += 1;
                assert!(tried < 40, "{loss:?}: differences never settle");
                let parameters = draw_parameters(network, &mut rng);
                let batch = Batch::draw(network, n, &mut rng);
                let objective = batch.objective(loss, mode);
                let Some((gradient, product)) = errors(network, &parameters, objective, &mut rng)
                else {
                    continue;
                };
                assert!(gradient < 2e-7, "{loss:?}, n = {n}: gradient off by {gradient}");
                assert!(product < 2e-6, "{loss:?}, n = {n}: Hessian product off by {product}");
                compared += 1;
            }
        }
    }
}

fn dense(outputs: usize) -> Value {
    json!({ "kind": "dense", "outputs": outputs })
}

#[test]
fn dense_and_tanh() {
    compare(&network(json!(5), json!([dense(3)])), 1);
    let layers = json!([{ "kind": "tanh" }, dense(4), dense(3), { "kind": "tanh" }]);
    compare(&network(json!(3), layers), 2);
    let tanh = json!({ "kind": "tanh" });
    compare(&network(json!(5), json!([dense(7), tanh, dense(5), tanh, dense(3)])), 3);
}

#[test]
fn relu() {
    let relu = json!({ "kind": "relu" });
    compare(&network(json!(4), json!([dense(6), relu, dense(5), relu, dense(3)])), 4);
}

#[test]
fn convolutions_of_every_window_stride_and_padding() {
    let cases = [
        ([4, 5, 2], [3, 3], [1, 1], [1, 1]),
        ([5, 4, 1], [3, 2], [2, 1], [0, 1]),
        ([5, 7, 3], [1, 3], [2, 3], [0, 0]),
        ([3, 3, 2], [2, 2], [1, 2], [2, 3]),
        ([4, 4, 2], [1, 1], [3, 3], [1, 0]),
        ([2, 3, 1], [4, 5], [1, 1], [1, 1]),
    ];
    for (seed, (inputs, kernel, stride, padding)) in (10..).zip(cases) {
        let convolution = json!({
            "kind": "conv2d", "filters": 3, "kernel": kernel, "stride": stride, "padding": padding,
        });
        let second = json!({ "kind": "conv2d", "filters": 2, "kernel": [1, 1] });
        // Twice: the first one has no input gradient.
        compare(&network(json!(inputs), json!([convolution, dense(2)])), seed);
        let tanh = json!({ "kind": "tanh" });
        compare(&network(json!(inputs), json!([second, tanh, convolution, dense(2)])), seed);
    }
}

#[test]
fn fused_rectifier_and_pooling_with_odd_sizes() {
    let convolution =
        json!({ "kind": "conv2d", "filters": 3, "kernel": [2, 3], "padding": [1, 1] });
    let relu = json!({ "kind": "relu" });
    let pool = json!({ "kind": "max_pool", "kernel": [2, 2] });
    let shape = json!([5, 7, 2]);
    for (seed, layers) in (30..).zip([
        json!([convolution, relu, dense(2)]),
        json!([convolution, pool, dense(2)]),
        json!([convolution, relu, pool, convolution, relu, dense(2)]),
        json!([convolution, relu, { "kind": "max_pool", "kernel": [3, 2] }, dense(2)]),
        // Not fused: windows that overlap.
        json!([convolution, relu, { "kind": "max_pool", "kernel": [2, 3], "stride": [1, 2] }, dense(2)]),
    ]) {
        compare(&network(shape.clone(), layers), seed);
    }
}

#[test]
fn branches() {
    let tanh = json!({ "kind": "tanh" });
    let residual = json!({ "kind": "residual", "layers": [tanh, dense(4), tanh] });
    compare(&network(json!(3), json!([dense(4), residual, dense(2)])), 50);
    compare(&network(json!(4), json!([residual, dense(2)])), 51);
    let branches = json!([[dense(3), tanh], [], [dense(2), dense(3)]]);
    let sum = json!({ "kind": "sum", "branches": branches });
    compare(&network(json!(2), json!([dense(3), sum, tanh, dense(2)])), 52);
    let concatenation = json!({ "kind": "concatenate", "branches": branches });
    compare(&network(json!(2), json!([dense(3), concatenation, tanh, dense(2)])), 53);
    compare(&network(json!(2), json!([concatenation, tanh, dense(2)])), 54);
    let convolution = json!({ "kind": "conv2d", "filters": 2, "kernel": [1, 1] });
    let channels = json!({ "kind": "concatenate", "branches": [[convolution, tanh], [], []] });
    compare(&network(json!([2, 3, 2]), json!([convolution, channels, dense(2)])), 55);
}

/// A layer behind a dense one of its input's shape: a convolution of 1 x 1 keeps the shape.
fn behind(inputs: Value, layer: Value) -> Network {
    let first = match inputs.as_array().map(Vec::len) {
        Some(3) => json!({ "kind": "conv2d", "filters": inputs[2], "kernel": [1, 1] }),
        Some(_) => json!({ "kind": "layer_norm" }),
        None => dense(usize::try_from(inputs.as_u64().unwrap()).unwrap()),
    };
    network(inputs, json!([first, layer, dense(2)]))
}

#[test]
fn pooling() {
    let average = json!({ "kind": "average_pool", "kernel": [2, 3], "stride": [1, 2] });
    compare(&behind(json!([4, 6, 2]), average), 80);
    let average = json!({ "kind": "average_pool", "kernel": [2, 2] });
    compare(&behind(json!([5, 3, 2]), average), 81);
    compare(&behind(json!([3, 2, 3]), json!({ "kind": "global_average_pool" })), 82);
    compare(&behind(json!([4, 3]), json!({ "kind": "global_average_pool" })), 83);
    let unfused = json!({ "kind": "max_pool", "kernel": [2, 2], "stride": [1, 1] });
    compare(&behind(json!([3, 3, 2]), unfused), 84);
}

#[test]
fn means_of_slots() {
    compare(&behind(json!([4, 5]), json!({ "kind": "softmax_mean", "values": 2 })), 85);
    let two = json!({ "kind": "softmax_mean", "scores": 2, "values": 1 });
    compare(&behind(json!([3, 2, 3]), two), 86);
    compare(&behind(json!([4, 5]), json!({ "kind": "slice", "first": 1, "count": 3 })), 87);
}

#[test]
fn activations() {
    for (seed, layer) in (90..).zip([
        json!({ "kind": "leaky_relu", "slope": 0.2 }),
        json!({ "kind": "sigmoid" }),
        json!({ "kind": "softmax" }),
        json!({ "kind": "flatten" }),
    ]) {
        compare(&behind(json!(5), layer.clone()), seed);
        compare(&behind(json!([2, 2, 3]), layer), seed + 10);
    }
}

#[test]
fn normalisation() {
    for (seed, inputs) in (110..).zip([json!(4), json!([3, 4]), json!([2, 3, 4])]) {
        compare(&behind(inputs.clone(), json!({ "kind": "layer_norm", "epsilon": 0.1 })), seed);
        let groups = json!({ "kind": "group_norm", "groups": 2, "epsilon": 0.1 });
        compare(&behind(inputs.clone(), groups), seed + 10);
        let batch = json!({ "kind": "batch_norm", "epsilon": 0.1 });
        compare(&behind(inputs.clone(), batch.clone()), seed + 20);
        let network = behind(inputs, batch);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let given: Vec<f64> =
            (0..network.n_statistics()).map(|_| rng.random_range(0.2..1.0)).collect();
        compare_in(&network, seed + 30, Mode { statistics: Some(&given), ..Mode::default() });
    }
}

#[test]
fn dropout() {
    let network = behind(json!(6), json!({ "kind": "dropout", "rate": 0.4 }));
    compare(&network, 150);
    compare_in(&network, 151, Mode { dropout: Some(7), ..Mode::default() });
}

#[test]
fn attention() {
    let self_attention = json!({ "kind": "attention", "width": 4, "heads": 2 });
    compare(&network(json!([3, 2]), json!([self_attention, dense(2)])), 160);
    let summary = json!({ "kind": "attention", "width": 4, "heads": 2, "summary": true });
    compare(&network(json!([3, 2]), json!([summary, dense(2)])), 161);
    compare(&network(json!([3, 2]), json!([self_attention, summary, dense(2)])), 162);
}

#[test]
fn ridge_regression_from_a_support_set() {
    let tanh = json!({ "kind": "tanh" });
    let ridge = json!({ "kind": "ridge", "outputs": 2 });
    let network = network(json!(3), json!([dense(4), tanh, ridge]));
    let mut rng = ChaCha8Rng::seed_from_u64(170);
    for n_support in [2, 6] {
        let support = draw(n_support * 2, &mut rng);
        let mode = Mode { support: Some(&support), ..Mode::default() };
        let n = n_support + 3;
        for loss in [Loss::SquaredError, Loss::Euclidean, Loss::CrossEntropy] {
            let batch = Batch::draw(&network, n, &mut rng);
            let mut judged = Batch::draw(&network, 3, &mut rng);
            judged.inputs = batch.inputs;
            let parameters = draw_parameters(&network, &mut rng);
            let objective = judged.objective(loss, mode);
            let (gradient, product) =
                errors(&network, &parameters, objective, &mut rng).expect("no kinks here");
            assert!(gradient < 2e-7, "{loss:?}: gradient off by {gradient}");
            assert!(product < 2e-6, "{loss:?}: Hessian product off by {product}");
        }
    }
}

/// Networks too large for a difference along every parameter: along some directions only.
fn compare_along_directions(network: &Network, n: usize, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut workspace = network.workspace();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let size = |a: &[f64]| dot(a, a).sqrt();
    let (mut compared, mut tried) = (0, 0);
    while compared < 3 {
        tried += 1;
        assert!(tried < 12, "{seed}: differences never settle");
        let scale = 3.0 / (network.n_parameters() as f64).sqrt();
        let parameters: Vec<f64> =
            draw(network.n_parameters(), &mut rng).iter().map(|p| scale * p).collect();
        let batch = Batch::draw(network, n, &mut rng);
        let objective = batch.objective(Loss::SquaredError, Mode::default());
        let direction = draw(network.n_parameters(), &mut rng);
        let mut difference = |step: f64| {
            let mut at = |step: f64| {
                gradient(network, &moved(&parameters, &direction, step), objective, &mut workspace)
            };
            let ((above, gradient_above), (below, gradient_below)) = (at(step), at(-step));
            let gradients = gradient_above.iter().zip(&gradient_below);
            let products = gradients.map(|(above, below)| (above - below) / (2.0 * step));
            ((above - below) / (2.0 * step), products.collect::<Vec<f64>>())
        };
        let (expected, products) = difference(1e-7);
        if distance(&difference(5e-8).1, &products) > 1e-6 {
            continue;
        }
        let (_, got) = gradient(network, &parameters, objective, &mut workspace);
        let error = (dot(&got, &direction) - expected).abs() / (size(&got) * size(&direction));
        assert!(error < 1e-8, "{seed}: gradient off by {error}");
        let mut product = vec![f64::NAN; parameters.len()];
        network
            .hessian_vector_product(
                &parameters,
                objective,
                &direction,
                &mut product,
                &mut workspace,
            )
            .unwrap();
        let error = distance(&product, &products);
        assert!(error < 1e-6, "{seed}: Hessian product off by {error}");
        compared += 1;
    }
}

#[test]
fn minimal_filtering_on_even_and_odd_sizes() {
    let tanh = json!({ "kind": "tanh" });
    let pool = json!({ "kind": "max_pool", "kernel": [2, 2] });
    for (seed, size, padding, pooled) in [
        (70, [6, 8], [1, 1], false),
        (71, [7, 5], [1, 1], false),
        (72, [7, 9], [0, 0], false),
        (73, [6, 7], [0, 1], true),
        (74, [9, 8], [2, 2], true),
        (75, [4, 4], [1, 1], true),
    ] {
        let layer = |filters: usize, padding: [usize; 2]| json!({ "kind": "conv2d", "filters": filters, "kernel": [3, 3], "padding": padding });
        let mut layers = vec![layer(16, [1, 1]), tanh.clone(), layer(32, padding)];
        if pooled {
            layers.push(pool.clone());
        }
        layers.extend([tanh.clone(), layer(48, [1, 1]), tanh.clone(), dense(2)]);
        compare_along_directions(&network(json!([size[0], size[1], 2]), json!(layers)), 3, seed);
    }
}
