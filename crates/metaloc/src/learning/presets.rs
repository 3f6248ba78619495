//! Networks known by name.

use metaloc_nn::{LayerDescription, NetworkDescription, Shape, StatisticsKind};
use metaloc_radio::fingerprint::ReferenceKernel;

/// The paper's convolutional network, for images of at least 16 x 16 pixels: five convolutions of
/// 3 x 3 with 32, 32, 64, 64 and 64 filters, a rectifier behind each and a 2 x 2 max-pooling behind
/// each of the first four, and a dense layer.
///
/// # Shapes
/// - `inputs`: `[height, width, channels]`
#[must_use]
pub fn cnn(inputs: Shape, n_outputs: usize) -> NetworkDescription {
    let mut layers = Vec::new();
    for (place, filters) in [32, 32, 64, 64, 64].into_iter().enumerate() {
        layers.extend([convolution(filters, [1, 1]), LayerDescription::Relu {}]);
        layers.extend((place < 4).then(pooling));
    }
    layers.push(LayerDescription::Dense { outputs: n_outputs });
    NetworkDescription { inputs, layers }
}

/// The small network of the authors' released code, for images of at least 38 x 38 pixels: four
/// convolutions of 3 x 3 with 10 filters and no padding, a rectifier and a batch norm behind each,
/// a 2 x 2 max-pooling behind each of the first three, and a dense layer.
///
/// # Shapes
/// - `inputs`: `[height, width, channels]`
#[must_use]
pub fn cnn_small(inputs: Shape, n_outputs: usize) -> NetworkDescription {
    let mut layers = Vec::new();
    for place in 0..4 {
        layers.extend([convolution(10, [0, 0]), LayerDescription::Relu {}, batch_norm()]);
        layers.extend((place < 3).then(pooling));
    }
    layers.push(LayerDescription::Dense { outputs: n_outputs });
    NetworkDescription { inputs, layers }
}

/// The learned kernel over reference points, for [`ReferenceKernel`]'s slots: each slot's features go
/// through two hidden layers of 16 to a number, which is added to the prior; the position is the mean of
/// the slots' positions, weighted by the softmax of these scores.
///
/// # Shapes
/// - `inputs`: `[slots, 1, 13]`
#[must_use]
pub fn reference_kernel(inputs: Shape) -> NetworkDescription {
    let dense = |filters| LayerDescription::Conv2d {
        filters,
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
    };
    let relu = LayerDescription::Relu {};
    let score = vec![
        LayerDescription::Slice { first: 1, count: ReferenceKernel::FEATURES },
        dense(16),
        relu.clone(),
        dense(16),
        relu,
        dense(1),
    ];
    let beside = LayerDescription::Concatenate { branches: vec![score, Vec::new()] };
    let mean = LayerDescription::SoftmaxMean { scores: 2, values: 2 };
    NetworkDescription { inputs, layers: vec![beside, mean] }
}

fn convolution(filters: usize, padding: [usize; 2]) -> LayerDescription {
    LayerDescription::Conv2d { filters, kernel: [3, 3], stride: [1, 1], padding }
}

fn pooling() -> LayerDescription {
    LayerDescription::MaxPool { kernel: [2, 2], stride: None }
}

/// As PyTorch has it by default, but that predictions are normalised by the support set.
fn batch_norm() -> LayerDescription {
    let statistics = StatisticsKind::Support;
    LayerDescription::BatchNorm { statistics, epsilon: 1e-5, momentum: 0.1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_outputs_are_those_of_the_networks() {
        let network = cnn([16, 32, 3].into(), 4).check().unwrap();
        let convolutions = [(3, 32), (32, 32), (32, 64), (64, 64), (64, 64)];
        let weights: usize = convolutions.iter().map(|(from, to)| (9 * from + 1) * to).sum();
        assert_eq!((network.n_parameters(), network.n_outputs()), (weights + (128 + 1) * 4, 4));
        assert!(cnn([15, 32, 3].into(), 4).check().is_err());

        let small = cnn_small([38, 38, 1].into(), 2).check().unwrap();
        let weights = (9 + 1) * 10 + 3 * (90 + 1) * 10;
        assert_eq!((small.n_parameters(), small.n_outputs()), (weights + 4 * 20 + 22, 2));
        // As the authors' own: 50 x 50 x 3 to 90 points.
        let own = cnn_small([50, 50, 3].into(), 90).check().unwrap();
        assert_eq!(own.n_parameters(), 6780);
        assert!(cnn_small([37, 38, 1].into(), 2).check().is_err());
    }
}
