//! Convolutional networks on images, trained in the conventional way (`confi`, `confi-own`).
//!
//! H. Chen, Y. Zhang, W. Li, X. Tao, P. Zhang, "ConFi: convolutional neural networks based indoor Wi-Fi
//! localization using channel state information", IEEE Access 5 (2017). A network with weights phi tells
//! points apart by images x of amplitudes, packets by subcarriers; the place is the centroid of the points
//! with the highest outputs:
//!
//! ```text
//! phi = argmin mean over images of -log softmax(f_phi(x))_point         by minibatches, SGD with momentum
//! place = sum over the top 5 points of p_i place_i / sum p_i,           p = softmax(f_phi(x))
//! ```
//!
//! As the paper runs it (`confi`): MetaLoc's own small network, trained on the historical environments, and
//! nothing of the new one but what it is asked about. With its own network (`confi-own`): three
//! convolutions of 16, 32 and 64 filters and two dense layers, trained on the new environment's survey,
//! which wants many windows a point. Of ConFi's own network only the kinds of layers are known to us;
//! numbers of filters, of hidden units and all of training are assumed.

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_nn::{LayerDescription, NetworkDescription, OptimizerDescription, Schedule, Shape};
use metaloc_radio::preprocess::CsiWindow;
use serde::{Deserialize, Serialize};

use super::image_classifier::{ImageClassifier, pooled};
use super::minibatch::MiniBatches;
use super::{CsiLocator, ImagePixels};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::learning::presets;
use crate::locate::{Estimate, NotLocated};

/// Shortest side (pixels) for which the small network goes without padding.
const UNPADDED: usize = 38;

/// Settings of conventional training. Table III's methods take 7500 steps; the rest is ours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConventionalTraining {
    /// Updates.
    pub steps: usize,
    /// Images of an update.
    pub batch: usize,
    /// Step size of SGD.
    pub step_size: f64,
    /// Its momentum.
    pub momentum: f64,
}

impl Default for ConventionalTraining {
    fn default() -> Self {
        Self { steps: 7500, batch: 32, step_size: 0.01, momentum: 0.9 }
    }
}

impl ConventionalTraining {
    /// For ConFi's own network, which is larger and sees fewer images: fewer updates, ours.
    #[must_use]
    pub fn own() -> Self {
        Self { steps: 1500, ..Self::default() }
    }

    pub(super) fn batches(self) -> MiniBatches {
        let Self { steps, batch, step_size, momentum } = self;
        let optimizer =
            OptimizerDescription::Sgd { step_size, momentum, schedule: Schedule::default() };
        MiniBatches { steps, batch, optimizer }
    }
}

/// ConFi among points.
pub struct Confi(ImageClassifier);

impl Confi {
    /// As the paper runs it: trained on historical environments, whose points it knows; of the new one's
    /// survey it is told nothing but that these are its points.
    ///
    /// # Errors
    /// [`Error::Needs`] without history that shares points with the survey; otherwise as [`Confi::own`].
    pub fn historical(
        (historical, survey): (&[CsiSite], &CsiSite),
        pixels: ImagePixels,
        training: ConventionalTraining,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        let needs = || Error::needs("historical environments with the same points");
        let points = pooled(historical).ok_or_else(needs)?;
        let is_surveyed = |id: &String| survey.points.iter().any(|point| point.id == *id);
        if !points.points.iter().any(|point| is_surveyed(&point.id)) {
            return Err(needs());
        }
        let batches = training.batches();
        Ok(Self(ImageClassifier::train(points, Box::new(pixels), small_network, batches, rng)?))
    }

    /// With its own network, trained on a new environment's survey.
    ///
    /// # Errors
    /// An illegal setting, no window, windows of several shapes, images below 8 x 8 pixels, or
    /// training that diverges.
    pub fn own(
        support: CsiSite,
        pixels: ImagePixels,
        training: ConventionalTraining,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        let batches = training.batches();
        Ok(Self(ImageClassifier::train(support, Box::new(pixels), own_network, batches, rng)?))
    }
}

impl CsiLocator for Confi {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        self.0.locate(window)
    }
}

/// The authors' released network ([`presets::cnn_small`]); with padding for smaller images.
fn small_network(inputs: Shape, n_outputs: usize) -> NetworkDescription {
    let padded = inputs.sizes().iter().take(2).any(|&side| side < UNPADDED);
    let mut network = presets::cnn_small(inputs, n_outputs);
    if padded {
        for layer in &mut network.layers {
            if let LayerDescription::Conv2d { padding, .. } = layer {
                *padding = [1, 1];
            }
        }
    }
    network
}

/// ConFi's own, with our sizes.
fn own_network(inputs: Shape, n_outputs: usize) -> NetworkDescription {
    let mut layers = Vec::new();
    for filters in [16, 32, 64] {
        let (kernel, stride, padding) = ([3, 3], [1, 1], [1, 1]);
        layers.push(LayerDescription::Conv2d { filters, kernel, stride, padding });
        layers.push(LayerDescription::Relu {});
        layers.push(LayerDescription::MaxPool { kernel: [2, 2], stride: None });
    }
    layers.push(LayerDescription::Dense { outputs: 256 });
    layers.push(LayerDescription::Relu {});
    layers.push(LayerDescription::Dense { outputs: n_outputs });
    NetworkDescription { inputs, layers }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metaloc_meta::seed::{Purpose, stream};
    use metaloc_radio::fingerprint::{PixelRange, PixelScale};

    use super::super::tests::support;
    use super::*;
    use crate::csi_site::CsiPoint;

    fn rng() -> ChaCha8Rng {
        stream(1, Purpose::Locator, 0, 0)
    }

    fn pixels() -> ImagePixels {
        let range = PixelRange { low: vec![0.0], high: vec![10.0] };
        ImagePixels { scale: PixelScale::Historical, range }
    }

    /// Bright on the left, in the middle, on the right.
    fn image(place: usize, level: f32) -> CsiWindow {
        let value = |i: usize| if (i % 9) / 3 == place { level } else { 1.0 };
        CsiWindow::new([9, 9, 1], (0..81).map(value).collect(), vec![None])
    }

    fn site() -> CsiSite {
        let mut site = support();
        for (index, point) in site.points.iter_mut().enumerate() {
            let windows = [6.0, 7.0, 9.0].map(|level| Arc::new(image(index, level))).to_vec();
            *point = CsiPoint { windows, ..point.clone() };
        }
        site
    }

    #[test]
    fn both_networks_learn_where_images_are_bright() {
        let training = ConventionalTraining { steps: 60, batch: 4, ..Default::default() };
        let own = Confi::own(site(), pixels(), training, &mut rng()).unwrap();
        let historical = [site(), site()];
        let sites = (&historical[..], &site());
        let paper = Confi::historical(sites, pixels(), training, &mut rng()).unwrap();
        for (place, id) in [(0, "p0"), (1, "p1"), (2, "p2")] {
            for locator in [&own, &paper] {
                let found = locator.locate(&image(place, 8.0)).unwrap();
                assert_eq!(found.candidates[0].id, id);
            }
        }
        let again = Confi::own(site(), pixels(), training, &mut rng()).unwrap();
        let answer = |locator: &Confi| locator.locate(&image(1, 5.0)).unwrap();
        assert_eq!(answer(&own), answer(&again));
        let other = CsiWindow::new([2, 1, 1], vec![1.0, 1.0], vec![None]);
        assert_eq!(own.locate(&other), Err(NotLocated::OtherShape));
        let mut elsewhere = site();
        elsewhere.points.iter_mut().for_each(|point| point.id += " elsewhere");
        for sites in [(&[][..], &site()), (&historical[..], &elsewhere)] {
            let error = Confi::historical(sites, pixels(), training, &mut rng()).err().unwrap();
            assert!(error.to_string().contains("with the same points"), "{error}");
        }
    }

    #[test]
    fn sizes_are_those_written_down() {
        let own = own_network([50, 52, 3].into(), 90).check().unwrap();
        let filters = (27 + 1) * 16 + (144 + 1) * 32 + (288 + 1) * 64;
        assert_eq!(own.n_parameters(), filters + (6 * 6 * 64 + 1) * 256 + 257 * 90);
        // The released code's: 50 x 50 x 3 to 90 points.
        let small = small_network([50, 50, 3].into(), 90).check().unwrap();
        assert_eq!(small.n_parameters(), 6780);
        assert!(small_network([50, 30, 3].into(), 8).check().is_ok());
    }
}
