//! Networks of every layer against PyTorch (`golden/make_layers.py`): outputs, loss, gradient and
//! Hessian-vector product.
#![allow(clippy::unwrap_used)] // helpers of tests

use metaloc_nn::{Loss, NetworkDescription, Objective, Targets};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    tool: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    network: NetworkDescription,
    parameters: Vec<f64>,
    inputs: Vec<f64>,
    values: Vec<f64>,
    outputs: Vec<f64>,
    loss: f64,
    gradient: Vec<f64>,
    direction: Vec<f64>,
    product: Vec<f64>,
}

fn assert_near(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let size = expected.iter().fold(1.0_f64, |size, value| size.max(value.abs()));
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs() / size;
        assert!(error < 1e-10, "{what}[{index}]: {got} != {expected}");
    }
}

#[test]
fn every_layer_is_pytorchs() {
    let golden: Golden = serde_json::from_str(include_str!("golden/layers.json")).unwrap();
    assert!(golden.tool.starts_with("PyTorch "));
    for (index, case) in golden.cases.iter().enumerate() {
        let network = case.network.check().unwrap();
        assert_eq!(network.n_parameters(), case.parameters.len(), "case {index}");
        let mut workspace = network.workspace();
        let outputs = network.predict(&case.parameters, &case.inputs, &mut workspace).unwrap();
        assert_near(outputs, &case.outputs, &format!("case {index}: outputs"));

        let targets = Targets::Values(&case.values);
        let objective = Objective::new(&case.inputs, targets, Loss::SquaredError);
        let mut found = vec![f64::NAN; network.n_parameters()];
        let loss = network
            .loss_and_gradient(&case.parameters, objective, &mut found, &mut workspace)
            .unwrap();
        assert_near(&[loss], &[case.loss], &format!("case {index}: loss"));
        assert_near(&found, &case.gradient, &format!("case {index}: gradient"));
        let (parameters, direction) = (&case.parameters, &case.direction);
        network
            .hessian_vector_product(parameters, objective, direction, &mut found, &mut workspace)
            .unwrap();
        assert_near(&found, &case.product, &format!("case {index}: Hessian-vector product"));
    }
}
