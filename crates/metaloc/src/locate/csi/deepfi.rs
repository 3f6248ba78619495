//! A deep autoencoder for each surveyed point (`deepfi`): the point whose network reproduces a packet best
//! is the most probable.
//!
//! X. Wang, L. Gao, S. Mao, S. Pandey, "DeepFi: deep learning for indoor fingerprinting using channel state
//! information", IEEE WCNC 2015; "CSI-based fingerprinting for indoor localization: a deep learning
//! approach", IEEE TVT 66 (2017), arXiv 1603.07080. Input: the amplitudes of a packet, all streams, from 0
//! to 1. Each point's network is trained on the packets surveyed there, in three steps:
//!
//! ```text
//! 1. A stack of restricted Boltzmann machines, one after the other, by contrastive divergence (CD-1):
//!    h ~ P(h|v) = logistic(b + v W),  v' = logistic(a + h W^T),  h' = logistic(b + v' W)
//!    W += step (v^T P(h|v) - v'^T h') / n,  a += step mean(v - v'),  b += step mean(P(h|v) - h')
//! 2. The stack unrolled: down to the smallest layer and up again by the transposed weights.
//! 3. Back-propagation of |v - v^|^2 through all of it.
//! ```
//!
//! Where a window's packets were taken, with v^ the reproduction by the network of point i:
//!
//! ```text
//! P(v|i) = mean over packets of exp(-|v - v^| / (lambda sigma)),  P(i|v) = P(v|i) / sum_j P(v|j)
//! place  = sum_i P(i|v) place_i
//! ```
//!
//! Assumed: sigma is the surveyed amplitudes' standard deviation and lambda their coefficient of variation
//! (deviation over mean); step sizes, batches and epochs.

use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_nn::{LayerDescription, Network, NetworkDescription, OptimizerDescription};
use metaloc_radio::fingerprint::PixelRange;
use metaloc_radio::preprocess::CsiWindow;
use nalgebra::{DMatrix, RowDVector};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::minibatch::{Answers, MiniBatches};
use super::{CsiLocator, centroid};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::locate::{Estimate, NotLocated};

/// Deviation of a Boltzmann machine's first weights.
const FIRST_WEIGHT: f64 = 0.01;

/// Settings of the autoencoders. The sizes are those recalled for the source's rooms; training is ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeepAutoencoders {
    /// Sizes of the hidden layers, downward.
    pub hidden: Vec<usize>,
    /// Epochs of each Boltzmann machine.
    pub pretraining_epochs: usize,
    /// Their step size.
    pub pretraining_step_size: f64,
    /// Epochs of fine-tuning.
    pub epochs: usize,
    /// Its step size (Adam).
    pub step_size: f64,
    /// Packets of a batch, in both.
    pub batch: usize,
}

impl Default for DeepAutoencoders {
    fn default() -> Self {
        Self {
            hidden: vec![150, 100, 50],
            pretraining_epochs: 10,
            pretraining_step_size: 0.1,
            epochs: 20,
            step_size: 1e-3,
            batch: 10,
        }
    }
}

impl DeepAutoencoders {
    fn check(&self) -> Result<(), Error> {
        let step = self.pretraining_step_size;
        if self.hidden.is_empty() || self.hidden.contains(&0) || self.batch == 0 {
            return Err(Error::usage("deepfi: hidden sizes and batch must be at least 1"));
        }
        if !(step.is_finite() && step > 0.0) {
            return Err(Error::usage("deepfi: pretraining_step_size must be above 0"));
        }
        Ok(())
    }
}

/// Autoencoders of surveyed points.
pub struct DeepFingerprints {
    support: CsiSite,
    range: PixelRange,
    network: Network,
    /// Of each point.
    parameters: Vec<Vec<f32>>,
    /// lambda sigma
    width: f64,
}

impl DeepFingerprints {
    /// Trains a network for each of these surveyed points; `range` scales amplitudes.
    ///
    /// # Errors
    /// An illegal setting, no window, windows of several shapes, or training that diverges.
    pub fn new(
        support: CsiSite,
        range: PixelRange,
        settings: &DeepAutoencoders,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        settings.check()?;
        let of_point = |point: &crate::csi_site::CsiPoint| -> Vec<f32> {
            point.windows.iter().flat_map(|window| packets(&range, window)).collect()
        };
        let packets: Vec<Vec<f32>> = support.points.iter().map(of_point).collect();
        let windows = || support.points.iter().flat_map(|point| &point.windows);
        let n_inputs = windows().next().map_or(0, |w| w.shape()[1] * w.shape()[2]);
        let fits = |w: &CsiWindow| {
            w.shape()[1] * w.shape()[2] == n_inputs && w.shape()[2] == range.low.len()
        };
        if n_inputs == 0 || !windows().all(|window| fits(window)) {
            return Err(Error::usage("deepfi needs surveyed windows of one shape"));
        }
        let network = unrolled(n_inputs, &settings.hidden)?;
        let seed = rng.next_u64();
        let train = |(index, packets): (usize, &Vec<f32>)| {
            let mut rng = stream(seed, Purpose::Locator, index as u64, 0);
            trained(&network, packets, settings, &mut rng)
        };
        let parameters = packets.par_iter().enumerate().map(train).collect::<Result<_, Error>>()?;
        let width = width(&packets.concat());
        Ok(Self { support, range, network, parameters, width })
    }

    /// The logarithm of `P(v|i)` of one point.
    fn log_likelihood(&self, parameters: &[f32], packets: &[f32]) -> Result<f64, Error> {
        let mut workspace = self.network.workspace();
        let reproduced = self.network.predict(parameters, packets, &mut workspace)?;
        let n_inputs = self.network.n_inputs();
        let pairs = packets.chunks_exact(n_inputs).zip(reproduced.chunks_exact(n_inputs));
        let exponents: Vec<f64> = pairs
            .map(|(v, w)| {
                let squares: f64 = v.iter().zip(w).map(|(a, b)| f64::from(a - b).powi(2)).sum();
                -squares.sqrt() / self.width
            })
            .collect();
        let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = exponents.iter().map(|exponent| (exponent - largest).exp()).sum();
        Ok(largest + (sum / exponents.len() as f64).ln())
    }
}

impl CsiLocator for DeepFingerprints {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        let [_, subcarriers, streams] = window.shape();
        if subcarriers * streams != self.network.n_inputs() || streams != self.range.low.len() {
            return Err(NotLocated::OtherShape);
        }
        let packets = packets(&self.range, window);
        let logs = self.parameters.par_iter().map(|own| self.log_likelihood(own, &packets));
        let logs = logs.collect::<Result<Vec<f64>, Error>>().map_err(|_| NotLocated::NotANumber)?;
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = logs.iter().map(|log| (log - largest).exp()).collect();
        centroid(&self.support, &weights, usize::MAX)
    }
}

/// The packets of a window, each amplitude from 0 to 1: `[packets, subcarriers * streams]`.
fn packets(range: &PixelRange, window: &CsiWindow) -> Vec<f32> {
    let ranges = range.low.iter().zip(&range.high).cycle();
    let share = |(number, (low, high)): (&f32, (&f32, &f32))| {
        let share = (number - low) / (high - low);
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    };
    window.values.iter().zip(ranges).map(share).collect()
}

/// lambda sigma: the square of the deviation over the mean.
fn width(numbers: &[f32]) -> f64 {
    let n = numbers.len() as f64;
    let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = numbers.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    if variance > 0.0 { variance / mean } else { 1.0 }
}

/// Down to the smallest layer and up again, a logistic function behind each layer.
fn unrolled(n_inputs: usize, hidden: &[usize]) -> Result<Network, Error> {
    let upward = hidden.iter().rev().skip(1).chain([&n_inputs]);
    let layer =
        |&outputs: &usize| [LayerDescription::Dense { outputs }, LayerDescription::Sigmoid {}];
    let layers = hidden.iter().chain(upward).flat_map(layer).collect();
    Ok(NetworkDescription { inputs: n_inputs.into(), layers }.check()?)
}

/// One point's network.
fn trained(
    network: &Network,
    packets: &[f32],
    settings: &DeepAutoencoders,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<f32>, Error> {
    let n = packets.len() / network.n_inputs();
    let mut values = DMatrix::from_row_slice(n, network.n_inputs(), packets);
    let mut stack = Vec::new();
    for &hidden in &settings.hidden {
        let mut machine = Boltzmann::new(values.ncols(), hidden, rng);
        machine.train(&values, settings, rng);
        values = machine.hidden(&values);
        stack.push(machine);
    }
    // Row-major weights and a bias a layer, downward and then upward.
    let row_major = |matrix: &DMatrix<f32>| matrix.transpose().as_slice().to_vec();
    let downward = stack.iter().map(|m| (row_major(&m.weights), m.of_hidden.as_slice().to_vec()));
    let upward = stack
        .iter()
        .rev()
        .map(|m| (m.weights.as_slice().to_vec(), m.of_visible.as_slice().to_vec()));
    let mut parameters: Vec<f32> =
        downward.chain(upward).flat_map(|(weights, bias)| [weights, bias]).flatten().collect();
    let batches = MiniBatches {
        steps: settings.epochs * (n / settings.batch).max(1),
        batch: settings.batch,
        optimizer: OptimizerDescription::adam(settings.step_size),
    };
    batches.train(network, &mut parameters, (packets, Answers::Inputs), rng)?;
    Ok(parameters)
}

/// A restricted Boltzmann machine.
struct Boltzmann {
    /// `[visible, hidden]`
    weights: DMatrix<f32>,
    of_visible: RowDVector<f32>,
    of_hidden: RowDVector<f32>,
}

impl Boltzmann {
    fn new(visible: usize, hidden: usize, rng: &mut ChaCha8Rng) -> Self {
        let weights = DMatrix::from_fn(visible, hidden, |_, _| {
            let normal: f64 = StandardNormal.sample(rng);
            (FIRST_WEIGHT * normal) as f32
        });
        let (of_visible, of_hidden) = (RowDVector::zeros(visible), RowDVector::zeros(hidden));
        Self { weights, of_visible, of_hidden }
    }

    /// `P(h|v)`, row by row.
    fn hidden(&self, visible: &DMatrix<f32>) -> DMatrix<f32> {
        logistic(visible * &self.weights, &self.of_hidden)
    }

    fn visible(&self, hidden: &DMatrix<f32>) -> DMatrix<f32> {
        logistic(hidden * self.weights.transpose(), &self.of_visible)
    }

    fn train(&mut self, rows: &DMatrix<f32>, settings: &DeepAutoencoders, rng: &mut ChaCha8Rng) {
        let mut order: Vec<usize> = (0..rows.nrows()).collect();
        for _ in 0..settings.pretraining_epochs {
            order.shuffle(rng);
            for batch in order.chunks(settings.batch) {
                let batch = rows.select_rows(batch);
                let draws =
                    DMatrix::from_fn(batch.nrows(), self.of_hidden.len(), |_, _| rng.random());
                self.step(&batch, &draws, settings.pretraining_step_size as f32);
            }
        }
    }

    /// A step of CD-1; a hidden unit is on where its draw (0 to 1) lies below its probability.
    fn step(&mut self, batch: &DMatrix<f32>, draws: &DMatrix<f32>, step_size: f32) {
        let hidden = self.hidden(batch);
        let on = hidden.zip_map(draws, |p, draw| if draw < p { 1.0 } else { 0.0 });
        let visible_again = self.visible(&on);
        let hidden_again = self.hidden(&visible_again);
        let share = step_size / batch.nrows() as f32;
        self.weights += (batch.tr_mul(&hidden) - visible_again.tr_mul(&hidden_again)) * share;
        self.of_visible += (batch - visible_again).row_sum() * share;
        self.of_hidden += (hidden - hidden_again).row_sum() * share;
    }
}

fn logistic(mut rows: DMatrix<f32>, bias: &RowDVector<f32>) -> DMatrix<f32> {
    for (mut column, bias) in rows.column_iter_mut().zip(bias.iter()) {
        column.apply(|x| *x = 1.0 / (1.0 + (-(*x + bias)).exp()));
    }
    rows
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // copies of inputs

    use super::super::tests::{support, window};
    use super::*;

    fn rng() -> ChaCha8Rng {
        stream(1, Purpose::Locator, 0, 0)
    }

    /// One visible and one hidden unit, the hidden one drawn on.
    #[test]
    fn a_step_of_contrastive_divergence_by_hand() {
        let one = |x: f32| DMatrix::from_element(1, 1, x);
        let mut machine = Boltzmann {
            weights: one(0.5),
            of_visible: RowDVector::from_element(1, 0.1),
            of_hidden: RowDVector::from_element(1, -0.2),
        };
        machine.step(&one(0.8), &one(0.3), 0.1);
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let hidden = logistic(-0.2 + 0.8 * 0.5); // 0.5498, above 0.3: on
        let again = logistic(0.1 + 0.5);
        let hidden_again = logistic(-0.2 + again * 0.5);
        let weight = 0.5 + 0.1 * (0.8 * hidden - again * hidden_again);
        assert!((f64::from(machine.weights[(0, 0)]) - weight).abs() < 1e-6);
        assert!((f64::from(machine.of_visible[0]) - (0.1 + 0.1 * (0.8 - again))).abs() < 1e-6);
        let expected = -0.2 + 0.1 * (hidden - hidden_again);
        assert!((f64::from(machine.of_hidden[0]) - expected).abs() < 1e-6);
    }

    /// Without fine-tuning, the unrolled network is the stack, downward and upward.
    #[test]
    fn the_network_is_the_stack_unrolled() {
        let settings = DeepAutoencoders {
            hidden: vec![3, 2],
            pretraining_epochs: 2,
            epochs: 0,
            ..DeepAutoencoders::default()
        };
        let network = unrolled(4, &settings.hidden).unwrap();
        let packets = [0.1, 0.9, 0.4, 0.2, 0.3, 0.8, 0.5, 0.1];
        let parameters = trained(&network, &packets, &settings, &mut rng()).unwrap();
        let mut workspace = network.workspace();
        let found = network.predict(&parameters, &packets, &mut workspace).unwrap();
        // The same stack anew.
        let (mut rng, rows) = (rng(), DMatrix::from_row_slice(2, 4, &packets));
        let mut first = Boltzmann::new(4, 3, &mut rng);
        first.train(&rows, &settings, &mut rng);
        let middle = first.hidden(&rows);
        let mut second = Boltzmann::new(3, 2, &mut rng);
        second.train(&middle, &settings, &mut rng);
        let expected = first.visible(&second.visible(&second.hidden(&middle)));
        let expected = expected.transpose();
        assert!(found.iter().zip(expected.as_slice()).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn amplitudes_and_width_by_hand() {
        let range = PixelRange { low: vec![0.0], high: vec![10.0] };
        assert_eq!(packets(&range, &window([5.0, 20.0])), [0.5, 1.0, 0.5, 1.0]);
        // Mean 0.5, variance 0.25: deviation 0.5, coefficient of variation 1.
        assert!((width(&[0.0, 1.0]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_point_that_reproduces_a_packet_wins() {
        let range = PixelRange { low: vec![0.0], high: vec![10.0] };
        let settings = DeepAutoencoders {
            hidden: vec![8, 4],
            epochs: 400,
            step_size: 0.01,
            ..DeepAutoencoders::default()
        };
        let made = || DeepFingerprints::new(support(), range.clone(), &settings, &mut rng());
        let locator = made().unwrap();
        for (spectrum, id) in [([9.0, 1.0], "p0"), ([5.0, 5.0], "p1"), ([1.0, 9.0], "p2")] {
            let found = locator.locate(&window(spectrum)).unwrap();
            assert_eq!(found.candidates[0].id, id);
            // The mean over all points, by their probabilities.
            let mean: f64 = found.candidates.iter().map(|c| c.weight * c.position.x_m).sum();
            assert!((found.position.x_m - mean).abs() < 1e-9);
        }
        assert_eq!(locator.parameters, made().unwrap().parameters);
        let other = CsiWindow::new([2, 1, 1], vec![1.0, 1.0], vec![None]);
        assert_eq!(locator.locate(&other), Err(NotLocated::OtherShape));
    }
}
