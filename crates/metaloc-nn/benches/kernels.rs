//! Speed of the kernels alone: `cargo bench -p metaloc-nn`, on one thread.
//!
//! Items are multiply-adds, so that "Gitem/s" times two is GFLOP/s. `METALOC_SIMD` forces the vector
//! instructions; a word behind `--` selects, as in `cargo bench -p metaloc-nn -- convolution`.
#![allow(clippy::unwrap_used)] // a bench has nobody to hand an error to

use std::fmt;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use metaloc_nn::kernels::matmul::{Accumulate, MatrixRef, multiply};
use metaloc_nn::{
    Activation, Initializer, LayerDescription, Loss, Network, NetworkDescription, Objective,
    Targets,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

fn main() {
    divan::main();
}

/// `[rows, depth] x [depth, columns]`, with which sides stored transposed.
#[derive(Clone, Copy)]
struct Product {
    rows: usize,
    columns: usize,
    depth: usize,
    transposed: [bool; 2],
}

const fn product(rows: usize, columns: usize, depth: usize, transposed: [bool; 2]) -> Product {
    Product { rows, columns, depth, transposed }
}

impl fmt::Display for Product {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = |transposed| if transposed { "^T" } else { "" };
        let [left, right] = self.transposed.map(mark);
        let Self { rows, columns, depth, .. } = self;
        write!(formatter, "{rows}x{depth}{left} {depth}x{columns}{right}")
    }
}

/// Those of W2: there, the gradient of the inputs, that of the weights; wide and narrow.
const PRODUCTS: [Product; 8] = [
    product(100, 128, 15, [false, false]),
    product(100, 128, 128, [false, false]),
    product(100, 128, 128, [false, true]),
    product(128, 128, 100, [true, false]),
    product(15, 128, 100, [true, false]),
    product(100, 2, 128, [false, false]),
    product(100, 128, 2, [false, true]),
    product(128, 2, 100, [true, false]),
];

#[divan::bench(args = PRODUCTS)]
fn matrix_product(bencher: Bencher<'_, '_>, case: Product) {
    let Product { rows, columns, depth, transposed } = case;
    let (left, right) = (vec![1.0_f32; rows * depth], vec![1.0_f32; depth * columns]);
    let mut destination = vec![0.0_f32; rows * columns];
    let matrix = |values, rows, columns, transposed| match transposed {
        true => MatrixRef::new(values, columns, rows).transposed(),
        false => MatrixRef::new(values, rows, columns),
    };
    bencher.counter(ItemsCount::new(rows * columns * depth)).bench_local(|| {
        let left = matrix(black_box(&left), rows, depth, transposed[0]);
        let right = matrix(black_box(&right), depth, columns, transposed[1]);
        multiply(black_box(&mut destination), left, right, Accumulate::Overwrite);
    });
}

/// Samples of a batch: the support of W1, 10 classes of 3 images.
const BATCH: usize = 30;

/// A network with parameters and a batch for it.
struct Case {
    network: Network,
    parameters: Vec<f32>,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    loss: Loss,
}

impl Case {
    fn new(description: &NetworkDescription, n: usize) -> Self {
        let network = description.check().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let parameters = network.initial_parameters(Initializer::default(), &mut rng);
        let values = |length| (0..length).map(|i| (i % 17) as f32 / 8.0 - 1.0).collect();
        let (inputs, targets) = (values(n * network.n_inputs()), values(n * network.n_outputs()));
        Self { network, parameters, inputs, targets, loss: Loss::SquaredError }
    }

    fn objective(&self) -> Objective<'_, f32> {
        Objective::new(&self.inputs, Targets::Values(&self.targets), self.loss)
    }

    /// Multiply-adds there, for the whole batch.
    fn n_products(&self) -> usize {
        self.network.n_products() * self.inputs.len() / self.network.n_inputs()
    }

    /// Multiply-adds of the first layer, which is `layers` alone.
    fn n_first(&self, layers: &[LayerDescription]) -> usize {
        let inputs = self.network.description().inputs.clone();
        let first = NetworkDescription { inputs, layers: layers.to_vec() }.check().unwrap();
        first.n_products() * self.inputs.len() / self.network.n_inputs()
    }

    fn bench_there(&self, bencher: Bencher<'_, '_>) {
        let mut workspace = self.network.workspace();
        bencher.counter(ItemsCount::new(self.n_products())).bench_local(|| {
            let inputs = black_box(&self.inputs);
            self.network.predict(&self.parameters, inputs, &mut workspace).unwrap()[0]
        });
    }

    fn bench_there_and_back(&self, bencher: Bencher<'_, '_>, items: usize) {
        let mut workspace = self.network.workspace();
        let mut gradient = vec![0.0; self.parameters.len()];
        bencher.counter(ItemsCount::new(items)).bench_local(|| {
            let (parameters, objective) = (black_box(&self.parameters), self.objective());
            self.network
                .loss_and_gradient(parameters, objective, &mut gradient, &mut workspace)
                .unwrap()
        });
    }
}

/// A 3x3 convolution with zeros around the image.
#[derive(Clone, Copy)]
struct Convolution {
    image: [usize; 3],
    filters: usize,
    pooled: bool,
}

impl fmt::Display for Convolution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([height, width, channels], filters) = (self.image, self.filters);
        write!(formatter, "{height}x{width}x{channels} to {filters}")?;
        formatter.write_str(if self.pooled { ", pooled" } else { "" })
    }
}

/// The layers of W1.
const CONVOLUTIONS: [Convolution; 5] = [
    Convolution { image: [50, 52, 3], filters: 32, pooled: true },
    Convolution { image: [25, 26, 32], filters: 32, pooled: true },
    Convolution { image: [12, 13, 32], filters: 64, pooled: true },
    Convolution { image: [6, 6, 64], filters: 64, pooled: true },
    Convolution { image: [3, 3, 64], filters: 64, pooled: false },
];

impl Convolution {
    /// The layer with its rectifier and pool.
    fn layers(self) -> Vec<LayerDescription> {
        let Self { filters, pooled, .. } = self;
        let mut layers = vec![
            LayerDescription::Conv2d { filters, kernel: [3; 2], stride: [1; 2], padding: [1; 2] },
            LayerDescription::Relu {},
        ];
        if pooled {
            layers.push(LayerDescription::MaxPool { kernel: [2, 2], stride: None });
        }
        layers
    }

    /// The layer behind a 1x1 convolution, so that it needs the gradient of its inputs.
    fn inner(self) -> (Vec<LayerDescription>, NetworkDescription) {
        let first = vec![LayerDescription::Conv2d {
            filters: self.image[2],
            kernel: [1; 2],
            stride: [1; 2],
            padding: [0; 2],
        }];
        let layers = [first.clone(), self.layers()].concat();
        (first, NetworkDescription { inputs: self.image.into(), layers })
    }
}

#[divan::bench(args = CONVOLUTIONS)]
fn convolution_there(bencher: Bencher<'_, '_>, case: Convolution) {
    let description = NetworkDescription { inputs: case.image.into(), layers: case.layers() };
    Case::new(&description, BATCH).bench_there(bencher);
}

/// As a first layer: no gradient of the inputs.
#[divan::bench(args = CONVOLUTIONS)]
fn convolution_there_and_back(bencher: Bencher<'_, '_>, case: Convolution) {
    let description = NetworkDescription { inputs: case.image.into(), layers: case.layers() };
    let case = Case::new(&description, BATCH);
    case.bench_there_and_back(bencher, 2 * case.n_products());
}

/// Behind another layer, which is a 1x1 convolution and in the numbers: with the gradient of the
/// inputs.
#[divan::bench(args = CONVOLUTIONS)]
fn inner_convolution_there_and_back(bencher: Bencher<'_, '_>, case: Convolution) {
    let (first, description) = case.inner();
    let case = Case::new(&description, BATCH);
    case.bench_there_and_back(bencher, 3 * case.n_products() - case.n_first(&first));
}

/// W2's network.
#[divan::bench(args = [5, 30, 100, 1000])]
fn mlp_there_and_back(bencher: Bencher<'_, '_>, n: usize) {
    let description = NetworkDescription::mlp(15, &[128; 4], 2, Activation::Relu);
    let case = Case::new(&description, n);
    let first = case.n_first(&[LayerDescription::Dense { outputs: 128 }]);
    case.bench_there_and_back(bencher, 3 * case.n_products() - first);
}
