//! ILCL (`ilcl`): a broad learning system and a convolutional network, whose places are mixed.
//!
//! X. Zhu, W. Qu, X. Zhou, L. Zhao, Z. Ning, T. Qiu, "Intelligent fingerprint-based localization scheme
//! using CSI images for Internet of Things", IEEE TNSE 2022, and its authors' code. Both branches read
//! images of 30 x 30 pixels and tell the surveyed points apart:
//!
//! ```text
//! place = w place_BLS + (1 - w) place_CNN         w: the broad learning system's largest score, 0 to 1
//!
//! BLS  [`broad_learning`](super::broad_learning): the centroid of the five highest scores
//! CNN  32 | 64 64 | 128 128 convolutions of 3 x 3 that keep the size, each with a rectifier and a batch norm;
//!      at the bars and the end pools of 3, 2 and 2, and a quarter dropped; a dense layer of 128, points
//! ```
//!
//! Trained by SGD of 0.01 with momentum 0.9 for 100 epochs. Assumed, since the source's code says "cluster"
//! of the network's answers and no more of it is known to us: its mean is the centroid of the five most
//! probable points, by probability. Also assumed: batches of 32, the rectifier before the batch norm, a
//! quarter dropped behind the dense layer too, first weights, no pooling along a side shorter than the pool.

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_nn::{
    LayerDescription, NetworkDescription, OptimizerDescription, Schedule, Shape, StatisticsKind,
};
use metaloc_radio::preprocess::CsiWindow;
use serde::{Deserialize, Serialize};

use super::broad_learning::BroadLearningSystem;
use super::image_classifier::{ImageClassifier, ImageInput};
use super::minibatch::MiniBatches;
use super::{CsiLocator, ImagePixels, centroid};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::locate::{Candidate, Estimate, NotLocated};

/// Longest side of an image (pixels): the source's images have 30 packets and 30 subcarriers.
pub(super) const SIDE: usize = 30;
/// Points whose scores make the place of the broad learning system.
const TOP: usize = 5;
/// Share that dropout drops.
const DROPPED: f64 = 0.25;

/// Which of ILCL's branches answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IlclBranches {
    /// Both, mixed: the source's method.
    #[default]
    Both,
    /// The broad learning system alone.
    BroadLearning,
    /// The convolutional network alone.
    Convolution,
}

/// Settings of ILCL: by default both branches, and the broad learning system's sizes for the source's
/// meeting room, which has the ten increments that the paper takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IlclSettings {
    /// Which branches answer.
    pub branches: IlclBranches,
    /// Features of a window, N1.
    pub features: usize,
    /// Windows, N2.
    pub windows: usize,
    /// Enhancement nodes, N3.
    pub enhancements: usize,
    /// Increments, L.
    pub increments: usize,
    /// Nodes of each of an increment's three parts, M1 = M2 = M3.
    pub added: usize,
    /// Shrinkage of the enhancement nodes, s.
    pub shrinkage: f64,
    /// Penalty of the ridge regression, C.
    pub penalty: f64,
    /// Epochs of the convolutional network.
    pub epochs: usize,
    /// Images of an update of it.
    pub batch: usize,
    /// Its step size (SGD).
    pub step_size: f64,
    /// Its momentum.
    pub momentum: f64,
}

impl Default for IlclSettings {
    fn default() -> Self {
        Self {
            branches: IlclBranches::default(),
            features: 30,
            windows: 5,
            enhancements: 50,
            increments: 10,
            added: 50,
            shrinkage: 0.9,
            penalty: 1.0 / 1024.0,
            epochs: 100,
            batch: 32,
            step_size: 0.01,
            momentum: 0.9,
        }
    }
}

impl IlclSettings {
    fn check(&self) -> Result<(), Error> {
        let counts = [self.features, self.windows, self.enhancements, self.added, self.batch];
        let numbers = [self.shrinkage, self.penalty];
        if counts.contains(&0) || numbers.iter().any(|x| !(x.is_finite() && *x > 0.0)) {
            return Err(Error::usage(
                "ilcl: features, windows, enhancements, added and batch must be at least 1, shrinkage \
                 and penalty above 0",
            ));
        }
        Ok(())
    }

    /// Updates of the network on so many images.
    fn batches(&self, n_images: usize) -> MiniBatches {
        let Self { epochs, batch, step_size, momentum, .. } = *self;
        let optimizer =
            OptimizerDescription::Sgd { step_size, momentum, schedule: Schedule::default() };
        let of_epoch = n_images / batch.min(n_images.max(1));
        MiniBatches { steps: epochs * of_epoch, batch, optimizer }
    }
}

/// ILCL among surveyed points.
pub struct Ilcl {
    support: CsiSite,
    broad: Option<BroadLearningSystem>,
    network: Option<ImageClassifier>,
}

impl Ilcl {
    /// Trains the branches asked for on these surveyed points.
    ///
    /// # Errors
    /// An illegal setting, no window, windows of several shapes, numbers that are not finite, or training
    /// that diverges.
    pub fn new(
        support: CsiSite,
        pixels: &ImagePixels,
        settings: IlclSettings,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        settings.check()?;
        let is_not = |other: IlclBranches| settings.branches != other;
        let broad = is_not(IlclBranches::Convolution)
            .then(|| BroadLearningSystem::new(&support, pixels.clone(), settings, rng))
            .transpose()?;
        let input = || Box::new(Reduced(pixels.clone()));
        let network = is_not(IlclBranches::BroadLearning)
            .then(|| {
                let batches = settings.batches(support.n_windows());
                ImageClassifier::train(support.clone(), input(), network, batches, rng)
            })
            .transpose()?;
        Ok(Self { support, broad, network })
    }

    /// The broad learning system's estimate, and its largest score.
    fn by_scores(
        &self,
        broad: &BroadLearningSystem,
        window: &CsiWindow,
    ) -> Result<(Estimate, f64), NotLocated> {
        let scores = broad.scores(window)?;
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Ok((centroid(&self.support, &scores, TOP)?, largest))
    }
}

impl CsiLocator for Ilcl {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        match (&self.broad, &self.network) {
            (Some(broad), Some(network)) => {
                let (by_scores, largest) = self.by_scores(broad, window)?;
                Ok(mixed(&by_scores, &network.locate(window)?, largest))
            }
            (Some(broad), None) => Ok(self.by_scores(broad, window)?.0),
            (None, Some(network)) => network.locate(window),
            (None, None) => Err(NotLocated::NotANumber),
        }
    }
}

/// The estimates' mean with weight `share`, held to 0 to 1, for the first; where they name two floors, the
/// weightier one alone gives the place.
fn mixed(first: &Estimate, second: &Estimate, share: f64) -> Estimate {
    let share = share.clamp(0.0, 1.0);
    let mut candidates: Vec<Candidate> = Vec::new();
    for (of, share) in [(first, share), (second, 1.0 - share)] {
        for candidate in &of.candidates {
            let weight = share * candidate.weight;
            match candidates.iter_mut().find(|known| known.id == candidate.id) {
                Some(known) => known.weight += weight,
                None => candidates.push(Candidate { weight, ..candidate.clone() }),
            }
        }
    }
    // Stable: of equal weights the first branch's.
    candidates.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let mut position = if share >= 0.5 { first.position } else { second.position };
    if first.position.floor == second.position.floor {
        let mean = |a: f64, b: f64| share * a + (1.0 - share) * b;
        position.x_m = mean(first.position.x_m, second.position.x_m);
        position.y_m = mean(first.position.y_m, second.position.y_m);
    }
    Estimate { position, candidates }
}

/// Images reduced to the source's size.
struct Reduced(ImagePixels);

impl ImageInput for Reduced {
    fn shape(&self, [packets, subcarriers, streams]: [usize; 3]) -> [usize; 3] {
        [packets.min(SIDE), subcarriers.min(SIDE), streams]
    }

    fn of(&self, window: &CsiWindow) -> Vec<f32> {
        self.0.reduced(window, SIDE)
    }
}

/// The source's convolutional network.
///
/// # Shapes
/// - `inputs`: `[height, width, channels]`
fn network(inputs: Shape, n_outputs: usize) -> NetworkDescription {
    let mut layers = Vec::new();
    let mut sides: Vec<usize> = inputs.sizes().iter().take(2).copied().collect();
    for (filters, pool) in [(&[32][..], 3), (&[64, 64], 2), (&[128, 128], 2)] {
        for &filters in filters {
            let (kernel, stride, padding) = ([3, 3], [1, 1], [1, 1]);
            layers.push(LayerDescription::Conv2d { filters, kernel, stride, padding });
            layers.push(LayerDescription::Relu {});
            let (statistics, epsilon, momentum) = (StatisticsKind::Support, 1e-5, 0.1);
            layers.push(LayerDescription::BatchNorm { statistics, epsilon, momentum });
        }
        let kernel = [0, 1].map(|i| match sides.get(i) {
            Some(&side) if side >= pool => pool,
            _ => 1,
        });
        sides.iter_mut().zip(kernel).for_each(|(side, by)| *side /= by);
        layers.push(LayerDescription::MaxPool { kernel, stride: None });
        layers.push(LayerDescription::Dropout { rate: DROPPED });
    }
    layers.push(LayerDescription::Dense { outputs: 128 });
    layers.push(LayerDescription::Relu {});
    layers.push(LayerDescription::Dropout { rate: DROPPED });
    layers.push(LayerDescription::Dense { outputs: n_outputs });
    NetworkDescription { inputs, layers }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metaloc_meta::seed::{Purpose, stream};
    use metaloc_radio::fingerprint::{PixelRange, PixelScale};
    use metaloc_radio::geometry::Position;

    use super::super::tests::{support, window};
    use super::*;
    use crate::csi_site::CsiPoint;

    fn rng() -> ChaCha8Rng {
        stream(1, Purpose::Locator, 0, 0)
    }

    fn pixels() -> ImagePixels {
        let range = PixelRange { low: vec![0.0], high: vec![10.0] };
        ImagePixels { scale: PixelScale::Historical, range }
    }

    fn settings(branches: IlclBranches) -> IlclSettings {
        let own =
            IlclSettings { features: 4, added: 5, epochs: 40, batch: 4, ..Default::default() };
        IlclSettings { branches, ..own }
    }

    /// Bright on the left, in the middle, on the right; the windows' levels differ.
    fn site() -> CsiSite {
        let mut site = support();
        for (index, point) in site.points.iter_mut().enumerate() {
            let windows = [6.0, 7.0, 8.0, 9.0].map(|level| Arc::new(image(index, level))).to_vec();
            *point = CsiPoint { windows, ..point.clone() };
        }
        site
    }

    fn image(place: usize, level: f32) -> CsiWindow {
        let value = |i: usize| if (i % 12) / 4 == place { level } else { 1.0 };
        CsiWindow::new([12, 12, 1], (0..144).map(value).collect(), vec![None])
    }

    #[test]
    fn the_network_is_the_sources() {
        let own = network([30, 30, 3].into(), 90).check().unwrap();
        let convolutions = [(3, 32), (32, 64), (64, 64), (64, 128), (128, 128)];
        let weights: usize = convolutions.iter().map(|(from, to)| (9 * from + 1 + 2) * to).sum();
        // 30 / 3 / 2 / 2, the last one cut off: 2 x 2 pixels.
        assert_eq!(own.n_parameters(), weights + (4 * 128 + 1) * 128 + 129 * 90);
        assert!(network([2, 30, 1].into(), 3).check().is_ok());
    }

    #[test]
    fn each_branch_and_both_place_windows_and_seeds_repeat() {
        for branches in [IlclBranches::Both, IlclBranches::BroadLearning, IlclBranches::Convolution]
        {
            let made = || Ilcl::new(site(), &pixels(), settings(branches), &mut rng()).unwrap();
            let (locator, again) = (made(), made());
            assert_eq!(locator.broad.is_some(), branches != IlclBranches::Convolution);
            assert_eq!(locator.network.is_some(), branches != IlclBranches::BroadLearning);
            for (place, id) in [(0, "p0"), (1, "p1"), (2, "p2")] {
                let found = locator.locate(&image(place, 7.5)).unwrap();
                assert_eq!(found.candidates[0].id, id, "{branches:?}");
                assert_eq!(found, again.locate(&image(place, 7.5)).unwrap());
            }
            assert_eq!(locator.locate(&window([9.0, 1.0])), Err(NotLocated::OtherShape));
        }
    }

    /// What both answer is between what each answers, by the largest score.
    #[test]
    fn the_largest_score_weighs_the_branches() {
        let both = Ilcl::new(site(), &pixels(), settings(IlclBranches::Both), &mut rng()).unwrap();
        let window = image(2, 3.0);
        let (by_scores, largest) = both.by_scores(both.broad.as_ref().unwrap(), &window).unwrap();
        let by_network = both.network.as_ref().unwrap().locate(&window).unwrap();
        let w = largest.clamp(0.0, 1.0);
        let expected = w * by_scores.position.x_m + (1.0 - w) * by_network.position.x_m;
        assert!((both.locate(&window).unwrap().position.x_m - expected).abs() < 1e-12);
    }

    #[test]
    fn estimates_are_mixed_by_hand() {
        let estimate = |x_m: f64, floor: i32, weights: [f64; 2]| Estimate {
            position: Position::new(x_m, 0.0, floor),
            candidates: ["a", "b"]
                .into_iter()
                .zip(weights)
                .map(|(id, weight)| Candidate {
                    id: id.into(),
                    position: Position::new(x_m, 0.0, floor),
                    weight,
                })
                .collect(),
        };
        let (first, second) = (estimate(1.0, 0, [1.0, 0.0]), estimate(5.0, 0, [0.25, 0.75]));
        let found = mixed(&first, &second, 0.25);
        assert!((found.position.x_m - 4.0).abs() < 1e-12);
        let weights: Vec<(&str, f64)> =
            found.candidates.iter().map(|c| (&c.id[..], c.weight)).collect();
        assert_eq!(weights, [("b", 0.5625), ("a", 0.4375)]);
        // Scores beyond 0 to 1 count as these.
        assert!((mixed(&first, &second, 1.7).position.x_m - 1.0).abs() < 1e-12);
        let upstairs = estimate(5.0, 1, [0.0, 1.0]);
        let found = mixed(&first, &upstairs, 0.25).position;
        assert_eq!((found.floor, found.x_m.round() as i32), (1, 5));
    }

    #[test]
    fn illegal_settings_are_refused() {
        for illegal in [
            IlclSettings { penalty: 0.0, ..Default::default() },
            IlclSettings { batch: 0, ..Default::default() },
            IlclSettings { step_size: -1.0, epochs: 1, ..Default::default() },
        ] {
            assert!(Ilcl::new(site(), &pixels(), illegal, &mut rng()).is_err());
        }
    }
}
