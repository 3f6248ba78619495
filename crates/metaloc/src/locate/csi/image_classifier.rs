//! A network trained in the conventional way to tell points apart by their images; ConFi and CiFi.

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_nn::{Initializer, Mode, Network, NetworkDescription, Shape};
use metaloc_radio::fingerprint::Standardizer;
use metaloc_radio::preprocess::CsiWindow;
use rand::seq::index;

use super::minibatch::{Answers, MiniBatches};
use super::{CsiLocator, ImagePixels, centroid};
use crate::csi_site::{CsiPoint, CsiSite};
use crate::error::Error;
use crate::locate::{Estimate, NotLocated};

/// Points whose probabilities make the place, as in the authors' released code.
const TOP: usize = 5;
/// Most training images whose statistics batch norm layers keep.
const STATISTICS: usize = 512;

/// What a network reads of a window.
pub(super) trait ImageInput: Send + Sync {
    /// Shape of the input for windows `[packets, subcarriers, streams]`: height, width, channels.
    fn shape(&self, window: [usize; 3]) -> [usize; 3];

    /// The input, `shape` row-major; another length for a window that doesn't fit.
    fn of(&self, window: &CsiWindow) -> Vec<f32>;
}

impl ImageInput for ImagePixels {
    fn shape(&self, window: [usize; 3]) -> [usize; 3] {
        window
    }

    fn of(&self, window: &CsiWindow) -> Vec<f32> {
        ImagePixels::of(self, window)
    }
}

/// A trained network and the points that it knows.
pub(super) struct ImageClassifier {
    points: CsiSite,
    input: Box<dyn ImageInput>,
    /// Of a window.
    shape: [usize; 3],
    standardizer: Standardizer,
    network: Network,
    parameters: Vec<f32>,
    /// Of batch norm layers.
    statistics: Vec<f32>,
}

impl ImageClassifier {
    /// Trains the network that `describe` gives for an input's shape and a number of points, on all
    /// windows of `points`.
    ///
    /// # Errors
    /// [`Error::Needs`] without windows; windows of several shapes, images too small for the network,
    /// or training that diverges.
    pub(super) fn train(
        points: CsiSite,
        input: Box<dyn ImageInput>,
        describe: impl Fn(Shape, usize) -> NetworkDescription,
        batches: MiniBatches,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        let (mut inputs, mut classes) = (Vec::new(), Vec::new());
        let mut windows = points.points.iter().flat_map(|point| &point.windows);
        let shape = windows.next().ok_or_else(|| Error::needs("surveyed windows"))?.shape();
        if windows.any(|window| window.shape() != shape) {
            return Err(Error::usage(
                "a network for images needs windows of one shape; survey with the same devices",
            ));
        }
        for (class, point) in points.points.iter().enumerate() {
            for window in &point.windows {
                inputs.extend(input.of(window));
                classes.push(class as u32);
            }
        }
        let of_input = input.shape(shape);
        if inputs.len() != classes.len() * of_input.iter().product::<usize>() {
            return Err(Error::usage("pixels need a range for each stream of the windows"));
        }
        let standardizer = Standardizer::fit(&inputs, of_input[2]);
        standardizer.apply(&mut inputs);
        let network = describe(of_input.into(), points.points.len()).check()?;
        let mut parameters = network.initial_parameters(Initializer::KaimingNormal, rng);
        let samples = (&inputs[..], Answers::Classes(&classes));
        batches.train(&network, &mut parameters, samples, rng)?;
        let mut statistics = vec![0.0; network.n_statistics()];
        if !statistics.is_empty() {
            let (n, width) = (classes.len(), network.n_inputs());
            let chosen = index::sample(rng, n, n.min(STATISTICS));
            let rows: Vec<f32> =
                chosen.iter().flat_map(|i| &inputs[i * width..(i + 1) * width]).copied().collect();
            let mut workspace = network.workspace();
            network.statistics(&parameters, &rows, &mut statistics, &mut workspace)?;
        }
        // Their windows have served.
        let bare = |point: CsiPoint| CsiPoint { windows: Vec::new(), ..point };
        let points = CsiSite { points: points.points.into_iter().map(bare).collect(), ..points };
        Ok(Self { points, input, shape, standardizer, network, parameters, statistics })
    }
}

impl CsiLocator for ImageClassifier {
    /// The centroid of the most probable points, by their probabilities.
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        if window.shape() != self.shape {
            return Err(NotLocated::OtherShape);
        }
        let mut input = self.input.of(window);
        self.standardizer.apply(&mut input);
        let statistics = (!self.statistics.is_empty()).then_some(&self.statistics[..]);
        let mode = Mode { statistics, ..Mode::default() };
        let mut workspace = self.network.workspace();
        let outputs = self.network.predict_in(mode, &self.parameters, &input, &mut workspace);
        let outputs = outputs.map_err(|_| NotLocated::NotANumber)?;
        let largest = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f64> = outputs.iter().map(|x| f64::from(x - largest).exp()).collect();
        centroid(&self.points, &weights, TOP)
    }
}

/// The windows of several environments, point by point: points of one name are one point, which lies
/// where the first environment has it.
pub(super) fn pooled(sites: &[CsiSite]) -> Option<CsiSite> {
    let mut all = CsiSite { points: Vec::new(), ..sites.first()?.clone() };
    for point in sites.iter().flat_map(|site| &site.points) {
        match all.points.iter_mut().find(|known| known.id == point.id) {
            Some(known) => known.windows.extend(point.windows.iter().cloned()),
            None => all.points.push(point.clone()),
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::super::tests::support;
    use super::*;

    #[test]
    fn points_of_one_name_are_pooled() {
        let mut other = support();
        other.points[0].id = "new".into();
        let all = pooled(&[support(), other]).unwrap();
        let windows: Vec<(&str, usize)> =
            all.points.iter().map(|p| (&p.id[..], p.windows.len())).collect();
        assert_eq!(windows, [("p0", 3), ("p1", 6), ("p2", 6), ("new", 3)]);
        assert!(pooled(&[]).is_none());
    }
}
