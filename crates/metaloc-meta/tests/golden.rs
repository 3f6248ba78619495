//! A first-order MAML meta-gradient against PyTorch (`golden/make_golden.py`).
#![allow(clippy::unwrap_used)] // helpers of tests

use metaloc_meta::maml::MamlConfig;
use metaloc_meta::message::{FirstStep, TaskNumber};
use metaloc_meta::round::{Round, SiteTask};
use metaloc_meta::site::{Environment, in_process};
use metaloc_meta::{Batch, Labels, NetworkLearner, Task};
use metaloc_nn::{Activation, Initializer, Loss, NetworkDescription};

const GOLDEN: &str = include_str!("golden/golden.json");
const N_INPUTS: usize = 3;
const N_OUTPUTS: usize = 2;
const N_TASKS: usize = 2;

/// The numbers of one flat list of the file, which is all that it holds besides its tool.
fn numbers(key: &str) -> Vec<f64> {
    let (_, behind_key) = GOLDEN.split_once(&format!("\"{key}\": [")).unwrap();
    let (list, _) = behind_key.split_once(']').unwrap();
    list.split(',').map(|number| number.trim().parse().unwrap()).collect()
}

fn floats(key: &str) -> Vec<f32> {
    numbers(key).into_iter().map(|number| number as f32).collect()
}

/// The `task`-th of the equal parts of a list.
fn part(key: &str, task: usize) -> Vec<f32> {
    let list = floats(key);
    let length = list.len() / N_TASKS;
    list[task * length..(task + 1) * length].to_vec()
}

fn batch(set: &str, task: usize) -> Batch {
    let values = part(&format!("{set}_values"), task);
    Batch {
        inputs: part(&format!("{set}_inputs"), task),
        n_inputs: N_INPUTS,
        labels: Labels::Values { values, n_outputs: N_OUTPUTS },
    }
}

#[test]
fn meta_gradient_as_pytorch() {
    assert!(GOLDEN.contains("\"tool\": \"PyTorch "));
    let learner = NetworkLearner {
        network: NetworkDescription::mlp(N_INPUTS, &[5], N_OUTPUTS, Activation::Tanh)
            .check()
            .unwrap(),
        loss: Loss::Euclidean,
        initializer: Initializer::XavierUniform,
    };
    let maml =
        MamlConfig { inner_step_size: 0.1, inner_steps: 2, second_order: false }.check().unwrap();
    let parameters = floats("parameters");
    let tasks: [Task; N_TASKS] =
        std::array::from_fn(|i| Task { support: batch("support", i), query: batch("query", i) });
    let environments: [Environment<'_>; N_TASKS] = tasks.each_ref().map(|task| ("", task as _));
    let number = TaskNumber { iteration: 0, task: 0 };
    let tasks: [SiteTask; N_TASKS] = std::array::from_fn(|site| SiteTask { site, number });
    let mut gradient = vec![0.0; parameters.len()];
    let loss = in_process(&environments, (&learner, &maml), 1, |sites| {
        let mut round = Round::new(sites, N_TASKS, 1);
        round.gradient(&tasks, &parameters, |_| FirstStep::Own, &mut gradient).unwrap()
    });

    let expected_loss = numbers("task_losses").iter().sum::<f64>() / N_TASKS as f64;
    assert!((f64::from(loss) / expected_loss - 1.0).abs() < 1e-5, "{loss} {expected_loss}");
    let expected = numbers("meta_gradient");
    assert_eq!(gradient.len(), expected.len());
    let norm = expected.iter().map(|g| g * g).sum::<f64>().sqrt();
    for (index, (&got, &expected)) in gradient.iter().zip(&expected).enumerate() {
        let error = (f64::from(got) - expected).abs();
        assert!(
            error < 1e-5 * expected.abs() + 1e-6 * norm,
            "parameter {index}: {got}, PyTorch {expected}"
        );
    }
}
