//! Losses, gradients and optimiser steps against PyTorch (`golden/make_golden.py`).
#![allow(clippy::unwrap_used)] // helpers of tests

use metaloc_nn::{
    Activation, Loss, Network, NetworkDescription, Objective, OptimizerDescription, Targets,
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Golden {
    tool: String,
    inputs: Vec<f64>,
    values: Vec<f64>,
    classes: Vec<u32>,
    gradients: Vec<GradientCase>,
    optimizers: Vec<OptimizerCase>,
}

#[derive(Deserialize)]
struct GradientCase {
    activation: Activation,
    parameters: Vec<f64>,
    outputs: Vec<f64>,
    losses: BTreeMap<String, LossRow>,
}

#[derive(Deserialize)]
struct LossRow {
    loss: f64,
    gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct OptimizerCase {
    optimizer: OptimizerDescription,
    parameters: Vec<f64>,
    after_steps: Vec<Vec<f64>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/golden.json")).unwrap()
}

fn network(activation: Activation) -> Network {
    NetworkDescription::mlp(5, &[7, 6], 3, activation).check().unwrap()
}

fn assert_near(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs();
        assert!(error < 1e-11 * (1.0 + expected.abs()), "{what}[{index}]: {got} != {expected}");
    }
}

#[test]
fn outputs_losses_and_gradients_are_pytorchs() {
    let golden = golden();
    assert!(golden.tool.starts_with("PyTorch "));
    for case in &golden.gradients {
        let network = network(case.activation);
        let mut workspace = network.workspace();
        let outputs = network.predict(&case.parameters, &golden.inputs, &mut workspace).unwrap();
        assert_near(outputs, &case.outputs, "outputs");
        assert_eq!(case.losses.len(), 4);
        for (name, row) in &case.losses {
            let loss: Loss = serde_json::from_value(name.clone().into()).unwrap();
            let targets = match loss {
                Loss::CrossEntropy => Targets::Classes(&golden.classes),
                _ => Targets::Values(&golden.values),
            };
            let mut gradient = vec![f64::NAN; network.n_parameters()];
            let objective = Objective::new(&golden.inputs, targets, loss);
            let value = network
                .loss_and_gradient(&case.parameters, objective, &mut gradient, &mut workspace)
                .unwrap();
            assert_near(&[value], &[row.loss], name);
            assert_near(&gradient, &row.gradient, name);
        }
    }
}

#[test]
fn optimizer_steps_are_pytorchs() {
    let golden = golden();
    let network = network(Activation::Tanh);
    let mut workspace = network.workspace();
    let mut gradient = vec![0.0; network.n_parameters()];
    for case in &golden.optimizers {
        let mut optimizer = case.optimizer.start(network.n_parameters()).unwrap();
        let mut parameters = case.parameters.clone();
        assert_eq!(case.after_steps.len(), 5);
        for expected in &case.after_steps {
            let targets = Targets::Values(&golden.values);
            let objective = Objective::new(&golden.inputs, targets, Loss::SquaredError);
            network
                .loss_and_gradient(&parameters, objective, &mut gradient, &mut workspace)
                .unwrap();
            optimizer.step(&mut parameters, &gradient).unwrap();
            assert_near(&parameters, expected, "parameters");
        }
    }
}
