//! Phase differences of neighbouring antennas as images for a convolutional network (`cifi`).
//!
//! X. Wang, X. Wang, S. Mao, "CiFi: deep convolutional neural networks for indoor localization with 5 GHz
//! Wi-Fi", IEEE ICC 2017. An oscillator's phase and a packet's delay are the same at all antennas of a
//! receiver and cancel in the difference of two. At a spacing of half a wavelength, a difference is an
//! angle of arrival,
//!
//! ```text
//! theta = arcsin(dphi lambda / (2 pi d)) = arcsin(dphi / pi)      at d = lambda / 2
//! ```
//!
//! An image has a row for each packet, and the pairs of antennas with their subcarriers side by side: 60
//! columns for the three antennas and 30 subcarriers of an Intel 5300. A network tells points apart, and
//! the place is the mean of the most probable points, by probability.
//!
//! Needs windows of `quantity = "phase-difference"`, hence two receive antennas of one radio. Assumed: two
//! convolutions of 5 x 5 with 6 and 16 filters, each with pooling, and one dense layer, since the source's
//! sizes are not known to us; training as [`confi`](super::confi)'s; a place for each window, where CiFi
//! joins a batch of images in a greedy manner.

use std::f32::consts::PI;

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_nn::{LayerDescription, NetworkDescription, Shape};
use metaloc_radio::preprocess::CsiWindow;

use super::image_classifier::{ImageClassifier, ImageInput};
use super::{ConventionalTraining, CsiLocator};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::locate::{Estimate, NotLocated};

/// CiFi among surveyed points.
pub struct Cifi(ImageClassifier);

impl Cifi {
    /// Trains on a survey whose windows hold phase differences (rad).
    ///
    /// # Errors
    /// An illegal setting, no window, windows of several shapes, images below 16 x 16, or training
    /// that diverges.
    pub fn new(
        support: CsiSite,
        training: ConventionalTraining,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        let (input, batches) = (Box::new(Angles), training.batches());
        Ok(Self(ImageClassifier::train(support, input, network, batches, rng)?))
    }
}

impl CsiLocator for Cifi {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        self.0.locate(window)
    }
}

/// Angles of arrival as numbers from 0 to 1.
struct Angles;

impl ImageInput for Angles {
    fn shape(&self, [packets, subcarriers, pairs]: [usize; 3]) -> [usize; 3] {
        [packets, subcarriers * pairs, 1]
    }

    fn of(&self, window: &CsiWindow) -> Vec<f32> {
        let [_, subcarriers, pairs] = window.shape();
        let packet = |packet: &[f32]| -> Vec<f32> {
            let at = |pair: usize, k: usize| share(packet[k * pairs + pair]);
            (0..pairs).flat_map(|pair| (0..subcarriers).map(move |k| at(pair, k))).collect()
        };
        window.values.chunks_exact((subcarriers * pairs).max(1)).flat_map(packet).collect()
    }
}

/// The angle that a phase difference (rad) stands for, as a share of the half circle.
fn share(difference: f32) -> f32 {
    (difference / PI).clamp(-1.0, 1.0).asin() / PI + 0.5
}

fn network(inputs: Shape, n_outputs: usize) -> NetworkDescription {
    let mut layers = Vec::new();
    for filters in [6, 16] {
        let (kernel, stride, padding) = ([5, 5], [1, 1], [0, 0]);
        layers.push(LayerDescription::Conv2d { filters, kernel, stride, padding });
        layers.push(LayerDescription::Relu {});
        layers.push(LayerDescription::MaxPool { kernel: [2, 2], stride: None });
    }
    layers.push(LayerDescription::Dense { outputs: n_outputs });
    NetworkDescription { inputs, layers }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metaloc_meta::seed::{Purpose, stream};

    use super::super::tests::support;
    use super::*;

    #[test]
    fn differences_become_angles_pair_by_pair() {
        // arcsin(1/2) is 30 degrees, a sixth of the half circle.
        for (difference, expected) in [(0.0, 0.5), (PI / 2.0, 4.0 / 6.0), (-PI, 0.0), (4.0, 1.0)] {
            assert!((share(difference) - expected).abs() < 1e-6);
        }
        let window = CsiWindow::new([1, 2, 2], vec![0.0, PI, PI / 2.0, -PI], vec![None]);
        let (angles, input) = (Angles.of(&window), [0.5, 4.0 / 6.0, 1.0, 0.0]);
        assert!(angles.iter().zip(input).all(|(a, b)| (a - b).abs() < 1e-3));
        assert_eq!(Angles.shape([50, 30, 2]), [50, 60, 1]);
    }

    #[test]
    fn directions_are_told_apart() {
        let window = |direction: f32| {
            let value = |i: usize| direction + 0.05 * (i % 7) as f32;
            CsiWindow::new([16, 8, 2], (0..256).map(value).collect(), vec![None])
        };
        let mut site = support();
        for (index, point) in site.points.iter_mut().enumerate() {
            let around = [-0.1, 0.0, 0.1].map(|d| Arc::new(window(index as f32 - 1.0 + d)));
            point.windows = around.to_vec();
        }
        let training = ConventionalTraining { steps: 60, batch: 4, ..Default::default() };
        let mut rng = stream(1, Purpose::Locator, 0, 0);
        let locator = Cifi::new(site, training, &mut rng).unwrap();
        for (direction, id) in [(-0.95, "p0"), (0.05, "p1"), (0.95, "p2")] {
            assert_eq!(locator.locate(&window(direction)).unwrap().candidates[0].id, id);
        }
    }
}
