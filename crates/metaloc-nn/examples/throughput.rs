//! Measures forward and backward passes: `cargo run --release -p metaloc-nn --example throughput`.
#![allow(clippy::print_stdout)] // the example's whole output

use metaloc_nn::kernels::matmul::{Accumulate, MatrixRef, multiply};
use metaloc_nn::{
    Activation, Initializer, Loss, NetworkDescription, NetworkError, Objective, Targets,
};
use rand::{SeedableRng, rngs::StdRng};
use std::time::Instant;

/// Mean seconds of a call, after a warm-up.
fn seconds(mut call: impl FnMut()) -> f64 {
    for _ in 0..200 {
        call();
    }
    let start = Instant::now();
    for _ in 0..2000 {
        call();
    }
    start.elapsed().as_secs_f64() / 2000.0
}

fn report(name: &str, operations: f64, seconds: f64) {
    println!("{name}: {:.1} us, {:.1} GFLOP/s", seconds * 1e6, operations / seconds / 1e9);
}

fn mlp(n: usize, hidden: &[usize]) -> Result<(), NetworkError> {
    let network = NetworkDescription::mlp(15, hidden, 2, Activation::Relu).check()?;
    let mut rng = StdRng::seed_from_u64(1);
    let parameters: Vec<f32> = network.initial_parameters(Initializer::default(), &mut rng);
    let mut gradient = vec![0.0; parameters.len()];
    let inputs: Vec<f32> = (0..n * 15).map(|i| (i % 17) as f32 / 17.0).collect();
    let targets = vec![0.5; n * 2];
    let mut workspace = network.workspace();
    // Two operations a weight forward, four backward; the first layer needs no input gradient.
    let weights: usize =
        network.views().iter().filter(|v| v.shape.len() == 2).map(|v| v.n_values()).sum();
    let first = network.views()[0].n_values();
    let operations = (n * (6 * weights - 2 * first)) as f64;
    let mut outcome = Ok(0.0);
    let time = seconds(|| {
        outcome = network.loss_and_gradient(
            &parameters,
            Objective::new(&inputs, Targets::Values(&targets), Loss::SquaredError),
            &mut gradient,
            &mut workspace,
        );
    });
    outcome?;
    report(&format!("15-{hidden:?}-2, batch {n}, loss and gradient"), operations, time);
    Ok(())
}

fn product(rows: usize, columns: usize, depth: usize, transposed: (bool, bool)) {
    let (left, right) = (vec![1.0_f32; rows * depth], vec![1.0_f32; depth * columns]);
    let mut destination = vec![0.0_f32; rows * columns];
    let time = seconds(|| {
        let left = match transposed.0 {
            true => MatrixRef::new(&left, depth, rows).transposed(),
            false => MatrixRef::new(&left, rows, depth),
        };
        let right = match transposed.1 {
            true => MatrixRef::new(&right, columns, depth).transposed(),
            false => MatrixRef::new(&right, depth, columns),
        };
        multiply(&mut destination, left, right, Accumulate::Add);
    });
    let name = format!("{rows} x {columns} x {depth}, transposed {transposed:?}");
    report(&name, (2 * rows * columns * depth) as f64, time);
}

fn main() -> Result<(), NetworkError> {
    for n in [5, 30, 100, 1000] {
        mlp(n, &[128; 4])?;
    }
    product(100, 128, 15, (false, false));
    product(100, 128, 128, (false, false));
    product(100, 128, 128, (false, true));
    product(128, 128, 100, (true, false));
    product(15, 128, 100, (true, false));
    product(100, 2, 128, (false, false));
    product(100, 128, 2, (false, true));
    product(128, 2, 100, (true, false));
    Ok(())
}
