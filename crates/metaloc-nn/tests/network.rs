//! Checking, layout, refusals, invariants and determinism of networks.
#![allow(clippy::unwrap_used)] // helpers of tests

use metaloc_nn::{
    Activation, Initializer, LayerDescription, Loss, NetworkDescription, NetworkError, Objective,
    Targets,
};
use proptest::prelude::*;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

fn description(inputs: usize, layers: &[LayerDescription]) -> NetworkDescription {
    NetworkDescription { inputs: inputs.into(), layers: layers.to_vec() }
}

fn dense(outputs: usize) -> LayerDescription {
    LayerDescription::Dense { outputs }
}

#[test]
fn descriptions_that_cannot_be_are_refused() {
    let cases = [
        (description(3, &[]), NetworkError::NoLayers),
        (description(3, &[LayerDescription::Relu {}]), NetworkError::NoParameters { layers: 1 }),
        (description(0, &[dense(2)]), NetworkError::Inputs { got: "0".to_owned() }),
        (
            description(3, &[dense(2), LayerDescription::Tanh {}, dense(0)]),
            NetworkError::LayerSetting {
                layer: "layer2".to_owned(),
                kind: "dense",
                setting: "outputs",
                expected: "at least 1".to_owned(),
                got: "0".to_owned(),
            },
        ),
        (
            description(3, &[dense(2), dense(usize::MAX)]),
            NetworkError::TooLarge { layer: "layer1".to_owned(), kind: "dense" },
        ),
        (
            description(usize::MAX, &[dense(1)]),
            NetworkError::Inputs { got: usize::MAX.to_string() },
        ),
    ];
    for (description, error) in cases {
        assert_eq!(description.check().unwrap_err(), error);
    }
}

#[test]
fn parameters_lie_in_order_without_gaps() {
    let network = NetworkDescription::mlp(5, &[7], 3, Activation::Relu).check().unwrap();
    assert_eq!((network.n_inputs(), network.n_outputs()), (5, 3));
    let views = network.views();
    let names: Vec<&str> = views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(names, ["layer0.weight", "layer0.bias", "layer2.weight", "layer2.bias"]);
    let mut next = 0;
    for view in views {
        assert_eq!(view.offset, next);
        next += view.n_values();
    }
    assert_eq!(next, network.n_parameters());
    assert_eq!(views[0].shape, [5, 7]);

    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let parameters: Vec<f32> = network.initial_parameters(Initializer::default(), &mut rng);
    assert!(views[0].of(&parameters).unwrap().iter().all(|weight| weight.abs() > 0.0));
    assert!(views[1].of(&parameters).unwrap().iter().all(|bias| bias.to_bits() == 0));
    assert!(views[3].of(&parameters[..4]).is_none());
}

#[test]
fn descriptions_are_read_back_and_misspellings_refused() {
    let written = NetworkDescription::mlp(5, &[7], 3, Activation::Tanh);
    let text = serde_json::to_string(&written).unwrap();
    let expected = concat!(
        r#"{"inputs":5,"layers":[{"kind":"dense","outputs":7},"#,
        r#"{"kind":"tanh"},{"kind":"dense","outputs":3}]}"#
    );
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<NetworkDescription>(&text).unwrap(), written);
    for wrong in [
        r#"{"inputs":5,"layers":[],"name":"x"}"#,
        r#"{"inputs":5,"layers":[{"kind":"dense","outputs":7,"bias":false}]}"#,
        r#"{"inputs":5,"layers":[{"kind":"relu","slope":0.1}]}"#,
        r#"{"inputs":5,"layers":[{"kind":"gelu"}]}"#,
    ] {
        assert!(serde_json::from_str::<NetworkDescription>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn batches_that_do_not_fit_are_refused_and_leave_the_gradient() {
    let network = description(2, &[dense(3)]).check().unwrap();
    let mut workspace = network.workspace();
    let run =
        |parameters: &[f32], inputs: &[f32], targets, loss, gradient: &mut [f32], w: &mut _| {
            let objective = Objective::new(inputs, targets, loss);
            network.loss_and_gradient(parameters, objective, gradient, w).unwrap_err()
        };
    let (good, inputs) = ([0.5_f32; 9], [1.0_f32; 4]);
    let (values, classes) = (Targets::Values(&[0.0; 6]), Targets::Classes(&[0, 2]));
    let squared = Loss::SquaredError;
    let infinite = [1.0, f32::NAN, 1.0, 1.0];
    type Case<'a> = (&'a [f32], &'a [f32], Targets<'a, f32>, Loss, usize, &'a str);
    let cases: [Case<'_>; 10] = [
        (&[0.5; 8], &inputs, values, squared, 9, "parameters: expected 9 values, got 8"),
        (&good, &[], values, squared, 9, "inputs: expected at least one sample, got an empty"),
        (&good, &[1.0; 3], values, squared, 9, "a multiple of 2 values (one sample), got 3"),
        (&good, &inputs, values, squared, 8, "gradient: expected 9 values, got 8"),
        (&good, &inputs, Targets::Values(&[0.0; 5]), squared, 9, "expected 6 values, got 5"),
        (&good, &inputs, classes, squared, 9, "expected values as targets, got classes"),
        (&good, &inputs, values, Loss::CrossEntropy, 9, "expected classes as targets, got values"),
        (
            &good,
            &inputs,
            Targets::Classes(&[0, 3]),
            Loss::CrossEntropy,
            9,
            "sample 1: expected a class below 3, got 3",
        ),
        (&good, &inputs, Targets::Classes(&[0]), Loss::CrossEntropy, 9, "expected 2 values, got 1"),
        (&good, &infinite, values, squared, 9, "squared-error loss: expected a finite value, got"),
    ];
    for (parameters, inputs, targets, loss, n_gradient, text) in cases {
        let mut gradient = vec![7.0_f32; n_gradient];
        let error = run(parameters, inputs, targets, loss, &mut gradient, &mut workspace);
        assert!(error.to_string().contains(text), "{error}");
        assert!(gradient.iter().all(|value| value.to_bits() == 7.0_f32.to_bits()));
    }
}

#[test]
fn not_a_number_is_never_hidden() {
    let network = NetworkDescription::mlp(1, &[2], 2, Activation::Relu).check().unwrap();
    let mut workspace = network.workspace();
    for loss in [Loss::SquaredError, Loss::RootMeanSquaredError, Loss::Euclidean] {
        let targets = Targets::Values(&[0.0; 2]);
        let parameters = vec![0.1; network.n_parameters()];
        let outcome =
            network.loss(&parameters, Objective::new(&[f64::NAN], targets, loss), &mut workspace);
        assert!(matches!(outcome, Err(NetworkError::NonFiniteLoss { .. })));
    }
    for bad in [f64::NAN, f64::INFINITY] {
        for class in 0..2 {
            let targets = Targets::Classes(std::slice::from_ref(&class));
            let parameters = vec![0.1; network.n_parameters()];
            let outcome = network.loss(
                &parameters,
                Objective::new(&[bad], targets, Loss::CrossEntropy),
                &mut workspace,
            );
            assert!(matches!(outcome, Err(NetworkError::NonFiniteLoss { .. })));
        }
    }
}

/// Loss and gradient of a fixed case, as bits.
fn bits(workspace: &mut metaloc_nn::Workspace<f32>) -> Vec<u32> {
    let network = NetworkDescription::mlp(15, &[40, 33], 3, Activation::Relu).check().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let parameters: Vec<f32> = network.initial_parameters(Initializer::KaimingNormal, &mut rng);
    let inputs: Vec<f32> = (0..300 * 15).map(|i| (i % 31) as f32 / 31.0).collect();
    let classes: Vec<u32> = (0..300).map(|i| i % 3).collect();
    let mut gradient = vec![0.0; network.n_parameters()];
    let targets = Targets::Classes(&classes);
    let loss = network
        .loss_and_gradient(
            &parameters,
            Objective::new(&inputs, targets, Loss::CrossEntropy),
            &mut gradient,
            workspace,
        )
        .unwrap();
    gradient.push(loss);
    gradient.into_iter().map(f32::to_bits).collect()
}

#[test]
fn same_bytes_in_any_workspace_and_thread() {
    let expected = bits(&mut metaloc_nn::Workspace::default());
    let mut used = metaloc_nn::Workspace::default();
    let other = NetworkDescription::mlp(3, &[200; 6], 9, Activation::Tanh).check().unwrap();
    let parameters = vec![0.1; other.n_parameters()];
    other.predict(&parameters, &[1.0; 3 * 500], &mut used).unwrap();
    assert_eq!(bits(&mut used), expected);
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| bits(&mut metaloc_nn::Workspace::default()))).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}

proptest! {
    /// A dense network without biases is linear, and a ReLU network is positively homogeneous.
    #[test]
    fn outputs_scale_with_inputs(scale in 0.01..100.0_f64, seed: u64, relu: bool, n in 1_usize..9) {
        let layers: &[LayerDescription] = if relu {
            &[dense(7), LayerDescription::Relu {}, dense(3)]
        } else {
            &[dense(7), dense(3)]
        };
        let network = description(4, layers).check().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let parameters: Vec<f64> = network.initial_parameters(Initializer::default(), &mut rng);
        let inputs: Vec<f64> = (0..n * 4).map(|i| ((i * 7) % 11) as f64 / 5.0 - 1.0).collect();
        let scaled: Vec<f64> = inputs.iter().map(|value| value * scale).collect();
        let (mut first, mut second) = (network.workspace(), network.workspace());
        let outputs = network.predict(&parameters, &inputs, &mut first).unwrap();
        let scaled_outputs = network.predict(&parameters, &scaled, &mut second).unwrap();
        for (output, scaled_output) in outputs.iter().zip(scaled_outputs) {
            prop_assert!((output * scale - scaled_output).abs() < 1e-10 * scale.max(1.0));
        }
    }

    /// Repeating a batch changes neither the mean loss nor its gradient.
    #[test]
    fn repeated_batches_have_the_same_mean(seed: u64, n in 1_usize..9, euclidean: bool) {
        let loss = if euclidean { Loss::Euclidean } else { Loss::RootMeanSquaredError };
        let network = NetworkDescription::mlp(2, &[5], 2, Activation::Tanh).check().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let parameters: Vec<f64> = network.initial_parameters(Initializer::default(), &mut rng);
        let inputs: Vec<f64> = (0..n * 2).map(|i| ((i * 7) % 11) as f64 / 5.0 - 1.0).collect();
        let values: Vec<f64> = (0..n * 2).map(|i| ((i * 5) % 7) as f64 + 2.0).collect();
        let mut gradients = [vec![0.0; network.n_parameters()], vec![0.0; network.n_parameters()]];
        let mut workspace = network.workspace();
        let mut run = |times: usize, gradient: &mut [f64]| {
            let (inputs, values) = (inputs.repeat(times), values.repeat(times));
            let targets = Targets::Values(&values);
            network
                .loss_and_gradient(
                    &parameters, Objective::new(&inputs, targets, loss), gradient, &mut workspace)
                .unwrap()
        };
        let (once, thrice) = (run(1, &mut gradients[0]), run(3, &mut gradients[1]));
        prop_assert!((once - thrice).abs() < 1e-10);
        for (once, thrice) in gradients[0].iter().zip(&gradients[1]) {
            prop_assert!((once - thrice).abs() < 1e-10);
        }
    }
}
