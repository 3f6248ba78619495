//! Fingerprints made up by a variational autoencoder, and a classifier whose encoder also learns to
//! reproduce the new environment (`fidora-like`).
//!
//! X. Chen, H. Li, C. Zhou, X. Liu, D. Wu, G. Dudek, "Fidora: robust WiFi-based indoor localization via
//! unsupervised domain adaptation", IEEE Internet of Things Journal 9 (2022). Labelled fingerprints x of a
//! source domain, here the historical environments' mean spectra, are augmented; an encoder e is then trained
//! on two losses, so that it describes the target domain, here the new environment's survey, too:
//!
//! ```text
//! augmentation  min |x - d(z)|^2 + |m(x)|^2,  z = m(x) + sigma eps, eps normal;   made up: d(z) at x's point
//! adaptation    min  mean -log softmax(c(e(x)))_point        over labelled and made-up windows of the source
//!                    + weight mean |x - r(e(x))|^2 / columns  over windows of the target, points unknown
//! place = the point with the largest c(e(x))
//! ```
//!
//! The first line is twice the negative bound of a variational autoencoder whose decoder has variance 1 and
//! whose posterior has one deviation sigma for all, up to a constant: Fidora's learns its deviations.
//!
//! Assumed: nearly all else. Fidora locates people who carry no device, its networks, sizes and weights are
//! not public to us, and it adapts to unlabelled windows as they come in; here these are the survey's, and
//! that the survey knows their points is not used.

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_nn::{
    Initializer, LayerDescription, Loss, Network, NetworkDescription, Objective,
    OptimizerDescription, Targets, Workspace,
};
use metaloc_radio::fingerprint::{CsiSpectrum, Standardizer};
use metaloc_radio::preprocess::CsiWindow;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::image_classifier::pooled;
use super::minibatch::Shuffled;
use super::{CsiLocator, centroid};
use crate::csi_site::{CsiPoint, CsiSite};
use crate::error::Error;
use crate::locate::{Estimate, NotLocated};

/// Settings of `fidora-like`; all of them are ours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FidoraSettings {
    /// Units of each hidden layer.
    pub hidden: usize,
    /// Numbers that an encoder describes a fingerprint by.
    pub latent: usize,
    /// Deviation of the autoencoder's posterior, sigma.
    pub deviation: f64,
    /// Fingerprints made up of each labelled one.
    pub copies: usize,
    /// Weight of reproducing the new environment.
    pub reconstruction: f64,
    /// Updates of the autoencoder, and as many of the classifier.
    pub steps: usize,
    /// Fingerprints of an update.
    pub batch: usize,
    /// Step size (Adam).
    pub step_size: f64,
}

impl Default for FidoraSettings {
    fn default() -> Self {
        Self {
            hidden: 64,
            latent: 16,
            deviation: 0.5,
            copies: 2,
            reconstruction: 1.0,
            steps: 1500,
            batch: 32,
            step_size: 1e-3,
        }
    }
}

impl FidoraSettings {
    fn check(&self) -> Result<(), Error> {
        let is_weight = |x: f64| x.is_finite() && x >= 0.0;
        if [self.hidden, self.latent, self.batch].contains(&0)
            || ![self.deviation, self.reconstruction].into_iter().all(is_weight)
        {
            return Err(Error::usage(
                "fidora: hidden, latent and batch must be at least 1, deviation and reconstruction 0 or \
                 more",
            ));
        }
        Ok(())
    }
}

/// A classifier among historical points, whose encoder knows the new environment.
pub struct SharedEncoder {
    points: CsiSite,
    kind: CsiSpectrum,
    standardizer: Standardizer,
    classifier: Network,
    parameters: Vec<f32>,
}

impl SharedEncoder {
    /// Trains on historical windows, whose points are known, and on a survey's windows, whose points are not
    /// used.
    ///
    /// # Errors
    /// [`Error::Needs`] without historical environments that share points with the survey; an illegal
    /// setting, windows of several shapes, or training that diverges.
    pub fn new(
        support: &CsiSite,
        historical: &[CsiSite],
        kind: CsiSpectrum,
        settings: FidoraSettings,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        settings.check()?;
        let needs = || Error::needs("historical environments with the same points");
        let source = pooled(historical).ok_or_else(needs)?;
        let is_known = |point: &CsiPoint| source.points.iter().any(|known| known.id == point.id);
        if !support.points.iter().any(is_known) {
            return Err(needs());
        }
        let (mut labelled, mut classes) = rows(&source, kind);
        let (mut target, _) = rows(support, kind);
        let n_columns = labelled.len() / classes.len().max(1);
        let n_target = support.n_windows();
        if n_columns == 0
            || labelled.len() != n_columns * classes.len()
            || target.len() != n_columns * n_target
        {
            return Err(Error::usage(
                "fidora-like needs old and new windows of one shape; survey with the same devices",
            ));
        }
        let standardizer = Standardizer::fit(&labelled, n_columns);
        standardizer.apply(&mut labelled);
        standardizer.apply(&mut target);
        let made_up = Autoencoder::train(&labelled, n_columns, settings, rng)?;
        let own_classes = classes.clone();
        for _ in 0..settings.copies {
            labelled.extend(made_up.copies(&labelled[..own_classes.len() * n_columns], rng)?);
            classes.extend(&own_classes);
        }
        let shared = Shared::new(n_columns, source.points.len(), settings)?;
        let mut parameters = shared.train((&labelled, &classes), &target, rng)?;
        parameters.truncate(shared.classifier.n_parameters());
        // Their windows have served.
        let bare = |point: CsiPoint| CsiPoint { windows: Vec::new(), ..point };
        let points = CsiSite { points: source.points.into_iter().map(bare).collect(), ..source };
        Ok(Self { points, kind, standardizer, classifier: shared.classifier, parameters })
    }
}

impl CsiLocator for SharedEncoder {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        let mut spectrum = self.kind.fingerprint(window);
        if spectrum.len() != self.classifier.n_inputs() {
            return Err(NotLocated::OtherShape);
        }
        self.standardizer.apply(&mut spectrum);
        let mut workspace = self.classifier.workspace();
        let outputs = self.classifier.predict(&self.parameters, &spectrum, &mut workspace);
        let outputs = outputs.map_err(|_| NotLocated::NotANumber)?;
        let largest = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f64> = outputs.iter().map(|x| f64::from(x - largest).exp()).collect();
        centroid(&self.points, &weights, 1)
    }
}

/// The spectra of all windows, and the places in the site of the points that they are of.
fn rows(site: &CsiSite, kind: CsiSpectrum) -> (Vec<f32>, Vec<u32>) {
    let (mut rows, mut classes) = (Vec::new(), Vec::new());
    for (class, point) in site.points.iter().enumerate() {
        for window in &point.windows {
            rows.extend(kind.fingerprint(window));
            classes.push(class as u32);
        }
    }
    (rows, classes)
}

fn dense(outputs: usize) -> LayerDescription {
    LayerDescription::Dense { outputs }
}

fn slice(first: usize, count: usize) -> LayerDescription {
    LayerDescription::Slice { first, count }
}

/// Some rows `[n, width]` of more.
fn chosen(rows: &[f32], width: usize, of: &[usize]) -> Vec<f32> {
    of.iter().flat_map(|&i| &rows[i * width..(i + 1) * width]).copied().collect()
}

fn finite(parameters: Vec<f32>) -> Result<Vec<f32>, Error> {
    match parameters.iter().all(|parameter| parameter.is_finite()) {
        true => Ok(parameters),
        false => Err(Error::usage("fidora: training diverged; take a smaller step_size")),
    }
}

/// The variational autoencoder: one network from `[x, sigma eps]` to `[d(m(x) + sigma eps), m(x)]`.
struct Autoencoder {
    network: Network,
    parameters: Vec<f32>,
    n_columns: usize,
    settings: FidoraSettings,
}

impl Autoencoder {
    fn network(n_columns: usize, settings: FidoraSettings) -> Result<Network, Error> {
        let FidoraSettings { hidden, latent, .. } = settings;
        let encoder =
            vec![slice(0, n_columns), dense(hidden), LayerDescription::Relu {}, dense(latent)];
        let noise = vec![slice(n_columns, latent)];
        let z = LayerDescription::Sum {
            branches: vec![vec![slice(0, latent)], vec![slice(latent, latent)]],
        };
        let decoder = vec![z, dense(hidden), LayerDescription::Relu {}, dense(n_columns)];
        let mean = vec![slice(0, latent)];
        let layers = vec![
            LayerDescription::Concatenate { branches: vec![encoder, noise] },
            LayerDescription::Concatenate { branches: vec![decoder, mean] },
        ];
        Ok(NetworkDescription { inputs: (n_columns + latent).into(), layers }.check()?)
    }

    /// Trains on standardised fingerprints `[n, n_columns]`.
    fn train(
        rows: &[f32],
        n_columns: usize,
        settings: FidoraSettings,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        let network = Self::network(n_columns, settings)?;
        let mut parameters = network.initial_parameters(Initializer::KaimingNormal, rng);
        let mut optimizer =
            OptimizerDescription::adam(settings.step_size).start(parameters.len())?;
        let mut gradient = vec![0.0; parameters.len()];
        let mut workspace = Workspace::splitting();
        let mut shuffled = Shuffled::new(rows.len() / n_columns, settings.batch)?;
        for _ in 0..settings.steps {
            let batch = chosen(rows, n_columns, shuffled.batch(rng));
            let inputs = with_noise(&batch, n_columns, settings, rng);
            let zeros = vec![0.0; settings.latent];
            let targets: Vec<f32> = batch
                .chunks_exact(n_columns)
                .flat_map(|x| x.iter().chain(&zeros))
                .copied()
                .collect();
            let objective =
                Objective::new(&inputs[..], Targets::Values(&targets), Loss::SquaredError);
            network.loss_and_gradient(&parameters, objective, &mut gradient, &mut workspace)?;
            optimizer.step(&mut parameters, &gradient)?;
        }
        Ok(Self { network, parameters: finite(parameters)?, n_columns, settings })
    }

    /// A made-up fingerprint of each of these: `[n, n_columns]`.
    fn copies(&self, rows: &[f32], rng: &mut ChaCha8Rng) -> Result<Vec<f32>, Error> {
        let inputs = with_noise(rows, self.n_columns, self.settings, rng);
        let mut workspace = self.network.workspace();
        let outputs = self.network.predict(&self.parameters, &inputs, &mut workspace)?;
        let width = self.network.n_outputs();
        Ok(outputs.chunks_exact(width).flat_map(|row| &row[..self.n_columns]).copied().collect())
    }
}

/// `[x, sigma eps]` for each row x.
fn with_noise(
    rows: &[f32],
    n_columns: usize,
    settings: FidoraSettings,
    rng: &mut ChaCha8Rng,
) -> Vec<f32> {
    let mut inputs = Vec::with_capacity(rows.len() / n_columns * (n_columns + settings.latent));
    for x in rows.chunks_exact(n_columns) {
        inputs.extend(x);
        inputs.extend((0..settings.latent).map(|_| {
            let normal: f64 = StandardNormal.sample(rng);
            (settings.deviation * normal) as f32
        }));
    }
    inputs
}

/// Two networks that begin with the same layers. Their parameters stand as `[e, c, r]`.
struct Shared {
    /// c(e(x))
    classifier: Network,
    /// r(e(x))
    reconstruction: Network,
    n_encoder: usize,
    settings: FidoraSettings,
}

impl Shared {
    fn new(n_columns: usize, n_points: usize, settings: FidoraSettings) -> Result<Self, Error> {
        let FidoraSettings { hidden, latent, .. } = settings;
        let relu = LayerDescription::Relu {};
        let encoder = [dense(hidden), relu.clone(), dense(latent), relu.clone()];
        let behind = |layers: &[LayerDescription]| {
            NetworkDescription {
                inputs: n_columns.into(),
                layers: encoder.iter().chain(layers).cloned().collect(),
            }
            .check()
        };
        Ok(Self {
            classifier: behind(&[dense(n_points)])?,
            reconstruction: behind(&[dense(hidden), relu, dense(n_columns)])?,
            n_encoder: (n_columns + 1) * hidden + (hidden + 1) * latent,
            settings,
        })
    }

    /// The sum of both losses, and its gradient.
    fn loss_and_gradient(
        &self,
        parameters: &[f32],
        (labelled, classes): (&[f32], &[u32]),
        target: &[f32],
        workspaces: &mut [Workspace<f32>; 2],
    ) -> Result<(f32, Vec<f32>), Error> {
        let (n_encoder, n_classifier) = (self.n_encoder, self.classifier.n_parameters());
        let objective = Objective::new(labelled, Targets::Classes(classes), Loss::CrossEntropy);
        let mut gradient = vec![0.0; n_classifier];
        let own = &parameters[..n_classifier];
        let [first, second] = workspaces;
        let mut loss = self.classifier.loss_and_gradient(own, objective, &mut gradient, first)?;
        let own = [&parameters[..n_encoder], &parameters[n_classifier..]].concat();
        let mut of_target = vec![0.0; own.len()];
        let objective = Objective::new(target, Targets::Values(target), Loss::SquaredError);
        let network = &self.reconstruction;
        let of_reconstruction =
            network.loss_and_gradient(&own, objective, &mut of_target, second)?;
        let weight = (self.settings.reconstruction / network.n_inputs() as f64) as f32;
        loss += weight * of_reconstruction;
        gradient.resize(parameters.len(), 0.0);
        let places = (0..n_encoder).chain(n_classifier..parameters.len());
        places.zip(of_target).for_each(|(place, part)| gradient[place] += weight * part);
        Ok((loss, gradient))
    }

    /// Trains on labelled fingerprints of the source and on others of the target, `[n, n_columns]` each.
    fn train(
        &self,
        (labelled, classes): (&[f32], &[u32]),
        target: &[f32],
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<f32>, Error> {
        let FidoraSettings { steps, batch, step_size, .. } = self.settings;
        let width = self.classifier.n_inputs();
        let mut parameters = self.classifier.initial_parameters(Initializer::KaimingNormal, rng);
        let others = self.reconstruction.initial_parameters(Initializer::KaimingNormal, rng);
        parameters.extend::<Vec<f32>>(others[self.n_encoder..].to_vec());
        let mut optimizer = OptimizerDescription::adam(step_size).start(parameters.len())?;
        let mut workspaces = [Workspace::splitting(), Workspace::splitting()];
        let mut of_source = Shuffled::new(classes.len(), batch)?;
        let mut of_target = Shuffled::new(target.len() / width, batch)?;
        for _ in 0..steps {
            let places = of_source.batch(rng);
            let own: Vec<u32> = places.iter().map(|&i| classes[i]).collect();
            let source = chosen(labelled, width, places);
            let target = chosen(target, width, of_target.batch(rng));
            let batches = ((&source[..], &own[..]), &target[..]);
            let (_, gradient) =
                self.loss_and_gradient(&parameters, batches.0, batches.1, &mut workspaces)?;
            optimizer.step(&mut parameters, &gradient)?;
        }
        finite(parameters)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metaloc_meta::seed::{Purpose, stream};

    use super::super::tests::{support, window};
    use super::*;

    fn rng() -> ChaCha8Rng {
        stream(1, Purpose::Locator, 0, 0)
    }

    fn settings() -> FidoraSettings {
        FidoraSettings { hidden: 8, latent: 2, steps: 400, step_size: 0.01, ..Default::default() }
    }

    /// The support as other days saw it.
    fn days() -> Vec<CsiSite> {
        let day = |shift: f32| {
            let mut site = support();
            for point in &mut site.points {
                let moved = |w: &Arc<CsiWindow>| {
                    let [a, b] = [w.values[0], w.values[1]];
                    Arc::new(window([a + shift, b - 0.5 * shift]))
                };
                point.windows = point.windows.iter().map(moved).collect();
            }
            site
        };
        [-0.4, 0.3, 0.8].map(day).to_vec()
    }

    fn made(support: &CsiSite, settings: FidoraSettings) -> SharedEncoder {
        SharedEncoder::new(support, &days(), CsiSpectrum::default(), settings, &mut rng()).unwrap()
    }

    #[test]
    fn windows_are_placed_and_labels_of_the_survey_are_not_used() {
        let locator = made(&support(), settings());
        for (spectrum, id) in [([9.0, 1.0], "p0"), ([5.0, 5.0], "p1"), ([1.0, 9.0], "p2")] {
            assert_eq!(locator.locate(&window(spectrum)).unwrap().candidates[0].id, id);
        }
        assert_eq!(locator.parameters, made(&support(), settings()).parameters);
        // The points change their names: nothing else changes.
        let mut renamed = support();
        renamed.points[0].id = "p2".into();
        renamed.points[2].id = "p0".into();
        assert_eq!(locator.parameters, made(&renamed, settings()).parameters);
        // The windows do count, unless their weight is zero.
        let without = FidoraSettings { reconstruction: 0.0, ..settings() };
        let mut other = support();
        other.points[0].windows = [20.0, 21.0, 22.0].map(|a| Arc::new(window([a, 3.0]))).to_vec();
        assert_ne!(locator.parameters, made(&other, settings()).parameters);
        assert_eq!(made(&support(), without).parameters, made(&other, without).parameters);
        let other = CsiWindow::new([2, 1, 1], vec![1.0, 1.0], vec![None]);
        assert_eq!(locator.locate(&other), Err(NotLocated::OtherShape));
    }

    /// Made-up fingerprints differ from their originals, and lie nearer to them than to other points'.
    #[test]
    fn copies_are_like_their_originals() {
        let (rows, classes) = rows(&days()[0], CsiSpectrum::default());
        let (mut rows, n) = (rows, classes.len());
        Standardizer::fit(&rows, 2).apply(&mut rows);
        let settings = FidoraSettings { deviation: 0.1, steps: 2000, ..settings() };
        let autoencoder = Autoencoder::train(&rows, 2, settings, &mut rng()).unwrap();
        let copies = autoencoder.copies(&rows, &mut rng()).unwrap();
        assert_eq!(copies.len(), rows.len());
        let distance = |copy: usize, original: usize| -> f32 {
            (0..2).map(|k| (copies[2 * copy + k] - rows[2 * original + k]).powi(2)).sum()
        };
        for copy in 0..n {
            assert!(distance(copy, copy) > 0.0);
            let nearest = (0..n).min_by(|&a, &b| distance(copy, a).total_cmp(&distance(copy, b)));
            assert_eq!(classes[nearest.unwrap()], classes[copy]);
        }
        let without = FidoraSettings { deviation: 0.0, ..settings };
        let certain = Autoencoder::train(&rows, 2, without, &mut rng()).unwrap();
        let again = certain.copies(&rows, &mut stream(2, Purpose::Locator, 0, 0)).unwrap();
        assert_eq!(certain.copies(&rows, &mut rng()).unwrap(), again);
    }

    /// The gradient of both losses at parameters of each part, against central differences.
    #[test]
    fn the_encoder_learns_from_both_losses() {
        let shared = Shared::new(2, 3, settings()).unwrap();
        let (n_encoder, n_classifier) = (shared.n_encoder, shared.classifier.n_parameters());
        let n = n_classifier + shared.reconstruction.n_parameters() - n_encoder;
        let parameters: Vec<f32> = (0..n).map(|i| 0.6 * ((i * i + i) as f32).sin()).collect();
        let (labelled, target) = ([0.5, -1.0, 1.5, 0.2], [0.3, 0.9, -0.7, 1.1, 0.4, -0.2]);
        let at = |parameters: &[f32]| {
            let mut workspaces = [Workspace::splitting(), Workspace::splitting()];
            let source = (&labelled[..], &[0, 2][..]);
            shared.loss_and_gradient(parameters, source, &target, &mut workspaces).unwrap()
        };
        let (_, gradient) = at(&parameters);
        let mut met = 0;
        for place in [0, 5, n_encoder - 1, n_encoder, n_classifier - 1, n_classifier, n - 1] {
            let moved = |by: f32| {
                let mut moved = parameters.clone();
                moved[place] += by;
                f64::from(at(&moved).0)
            };
            let expected = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            let found = f64::from(gradient[place]);
            assert!((found - expected).abs() < 2e-3 * (1.0 + expected.abs()), "{place}");
            met += usize::from(found != 0.0);
        }
        assert!(met > 4, "{met}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let new = |historical: &[CsiSite], settings| {
            let kind = CsiSpectrum::default();
            SharedEncoder::new(&support(), historical, kind, settings, &mut rng()).err().unwrap()
        };
        let mut elsewhere = days();
        elsewhere.iter_mut().flat_map(|s| &mut s.points).for_each(|p| p.id.push('x'));
        for historical in [Vec::new(), elsewhere] {
            let error = new(&historical, settings()).to_string();
            assert_eq!(error, "needs historical environments with the same points");
        }
        let illegal = FidoraSettings { latent: 0, ..settings() };
        assert!(new(&days(), illegal).to_string().contains("latent"));
    }
}
