//! A warm workspace allocates nothing.
#![allow(unsafe_code)] // a global allocator can only be written with it

use metaloc_nn::{
    Activation, Initializer, Loss, NetworkDescription, Objective, OptimizerDescription, Targets,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Allocations of this thread; other threads are the test harness.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `alloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_warm_workspace_allocates_nothing() {
    let network = NetworkDescription::mlp(15, &[128, 33], 3, Activation::Relu).check().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut parameters: Vec<f32> = network.initial_parameters(Initializer::default(), &mut rng);
    let mut gradient = vec![0.0; network.n_parameters()];
    let mut workspace = network.workspace();
    let optimizer = OptimizerDescription::adam(0.001);
    let mut optimizer = optimizer.start(network.n_parameters()).unwrap();
    let inputs = vec![0.5; 300 * 15];
    let (values, classes) = (vec![0.5; 300 * 3], vec![2; 300]);

    let mut pass = |n: usize| {
        let inputs = &inputs[..n * 15];
        let values = Targets::Values(&values[..n * 3]);
        let cases = [
            (Loss::SquaredError, values),
            (Loss::RootMeanSquaredError, values),
            (Loss::Euclidean, values),
            (Loss::CrossEntropy, Targets::Classes(&classes[..n])),
        ];
        for (loss, targets) in cases {
            let objective = Objective::new(inputs, targets, loss);
            network
                .loss_and_gradient(&parameters, objective, &mut gradient, &mut workspace)
                .unwrap();
            optimizer.step(&mut parameters, &gradient).unwrap();
            network.loss(&parameters, objective, &mut workspace).unwrap();
        }
        network.predict(&parameters, inputs, &mut workspace).unwrap();
    };

    let before_growth = ALLOCATIONS.get();
    pass(300);
    let warm = ALLOCATIONS.get();
    assert!(warm > before_growth, "the counter counts");
    for n in [300, 1, 299, 100, 300] {
        pass(n);
    }
    assert_eq!(ALLOCATIONS.get(), warm);
}

#[test]
fn nor_do_convolutions_second_order_and_every_other_layer() {
    let description = serde_json::json!({ "inputs": [12, 11, 3], "layers": [
        { "kind": "conv2d", "filters": 16, "kernel": [3, 3], "padding": [1, 1] },
        { "kind": "relu" },
        { "kind": "max_pool", "kernel": [2, 2] },
        { "kind": "conv2d", "filters": 16, "kernel": [3, 3], "padding": [1, 1] },
        { "kind": "batch_norm" },
        { "kind": "residual", "layers": [
            { "kind": "conv2d", "filters": 16, "kernel": [1, 1] },
            { "kind": "group_norm", "groups": 4 },
            { "kind": "leaky_relu" },
        ] },
        { "kind": "average_pool", "kernel": [2, 2] },
        { "kind": "concatenate", "branches": [[{ "kind": "tanh" }], [{ "kind": "sigmoid" }]] },
        { "kind": "dropout", "rate": 0.1 },
        { "kind": "dense", "outputs": 12 },
        { "kind": "layer_norm" },
        { "kind": "dense", "outputs": 3 },
    ] });
    let network: NetworkDescription = serde_json::from_value(description).unwrap();
    let network = network.check().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let parameters: Vec<f32> = network.initial_parameters(Initializer::default(), &mut rng);
    let direction = parameters.clone();
    let (mut gradient, mut product) = (vec![0.0; parameters.len()], vec![0.0; parameters.len()]);
    let mut statistics = vec![0.0; network.n_statistics()];
    let mut workspace = network.workspace();
    let inputs: Vec<f32> =
        (0..20 * network.n_inputs()).map(|i| (i % 23) as f32 / 11.0 - 1.0).collect();
    let classes: Vec<u32> = (0..20).map(|i| i % 3).collect();
    let mut pass = |n: usize| {
        let inputs = &inputs[..n * network.n_inputs()];
        let targets = Targets::Classes(&classes[..n]);
        let objective = Objective::new(inputs, targets, Loss::CrossEntropy);
        let (p, w) = (&parameters, &mut workspace);
        network.loss_and_gradient(p, objective, &mut gradient, w).unwrap();
        network.hessian_vector_product(p, objective, &direction, &mut product, w).unwrap();
        network.statistics(p, inputs, &mut statistics, w).unwrap();
        network.predict(p, inputs, w).unwrap();
    };
    pass(20);
    let warm = ALLOCATIONS.get();
    for n in [20, 1, 7, 20] {
        pass(n);
    }
    assert_eq!(ALLOCATIONS.get(), warm);
}
