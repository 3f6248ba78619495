//! Error over gradient steps in a new toy environment: an adapted start with few samples beside training from
//! scratch with many, as the paper's Fig. 8 has it.
//!
//! Both see one room: the same reference points, the same test samples; the few samples are the first of the many.
//! A random start takes steps of the outer optimiser on batches as large as the adapted start's support set, so
//! that a step costs and sees the same on either side; the adapted start takes the plain steps of Eq. (14).

use std::sync::Arc;

use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_meta::training::Silent;
use metaloc_meta::{Batch, Labels, Learner, MetaError, NetworkLearner, Task};
use metaloc_nn::OptimizerDescription;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::toy::{toy_cases, toy_tasks, train};
use super::{MethodConfig, Protocol, Split, ToyData};
use crate::error::Error;
use crate::learning::{
    Algorithm, BoundEncoder, DrawnTask, LearningConfig, MetaModel, Orientation, encode,
};

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ConvergenceSettings {
    /// Samples that the meta-trained start is adapted to, and of each batch of a random start.
    pub(crate) few: usize,
    /// Samples that random starts are trained with, rising.
    pub(crate) many: Vec<usize>,
    /// Steps after which the error is measured, rising, the first 0.
    pub(crate) steps: Vec<usize>,
}

/// What was measured in one room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomConvergence {
    /// RMSE of the adapted meta-trained start after each number of steps (m).
    pub(crate) meta: Vec<f64>,
    /// RMSE of random starts, by number of samples (m).
    pub(crate) random: Vec<Vec<f64>>,
    pub(crate) distances: StartDistances,
}

/// How far starts are from what training makes of them: Euclidean distances of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartDistances {
    /// From theta* to theta_T*, the best of its steps (Eq. (15), which the paper says in words on the query set).
    pub(crate) meta: f64,
    /// From the random start to the same theta_T*.
    pub(crate) random_to_meta: f64,
    /// From the random start to the best of its own steps with the most samples.
    pub(crate) random_to_own: f64,
}

/// Parameters on their way: the error after some steps, and where it was least.
struct Path {
    rmse_m: Vec<f64>,
    best: Vec<f32>,
}

/// A room's samples for a network, and how its answers become metres.
struct Room<'a> {
    learner: &'a NetworkLearner,
    task: Task,
    scale_m: f64,
    settings: &'a ConvergenceSettings,
}

/// Trains a start by `maml` on the split's historical environments and follows it, and random starts, in each
/// test room of the split's first new environment; `seed` decides both.
///
/// # Errors
/// An unknown environment, illegal settings, a diverging loss.
pub(crate) fn toy_convergence(
    protocol: &Protocol,
    (data, split): (&ToyData, &Split),
    settings: &ConvergenceSettings,
    seed: u64,
) -> Result<Vec<RoomConvergence>, Error> {
    data.check()?;
    let protocol = protocol.for_split(split)?;
    let points = protocol.support.points[0];
    let method = protocol.methods.iter().find(|method| method.name == "maml");
    let config = protocol.learning_of(method.unwrap_or(&MethodConfig::default()))?;
    let config = LearningConfig { algorithm: Algorithm::MAML, ..config };
    let access_points = Arc::new(data.access_points());
    let tasks = toy_tasks(data, &split.historical, points)?;
    let model =
        train(&tasks, (&config, seed, &mut Silent), (&split.historical, ""), &access_points)?;
    let encoder = model.encoder.bind(&access_points);
    let learner = model.learner()?;
    // All samples of a room are drawn as its adaptation samples.
    let most = settings.many.iter().copied().fold(settings.few, usize::max);
    let large = ToyData { adaptation_samples: most, ..data.clone() };
    let cases = toy_cases(&large, &split.new[0], points, seed, &access_points)?;
    let rooms = cases.into_par_iter().enumerate().map(|(index, labelled)| {
        let drawn = DrawnTask {
            support: labelled.case.supports[0].clone(),
            queries: labelled.case.queries,
            orientation: Orientation::IDENTITY,
            removed: Vec::new(),
        };
        let (task, scale_m) = (encode(&drawn, &encoder)?, scale_m(&encoder, &drawn)?);
        let room = Room { learner: &learner, task, scale_m, settings };
        room.convergence(&model, (seed, index as u64))
    });
    rooms.collect()
}

/// What one unit of the network's coordinates is (m).
fn scale_m(encoder: &BoundEncoder, drawn: &DrawnTask) -> Result<f64, Error> {
    let map = drawn.support.site.radio_map(&encoder.encoder().config)?;
    Ok(encoder.frame(&map).scale_m)
}

impl Room<'_> {
    fn convergence(&self, model: &MetaModel, key: (u64, u64)) -> Result<RoomConvergence, Error> {
        let (seed, index) = key;
        let alpha = model.config.adaptation().step_size;
        let theta = &model.parameters[..self.learner.n_parameters()];
        let meta = self.path(theta, self.settings.few, &OptimizerDescription::sgd(alpha), None)?;
        let start = &self.learner.initial_parameters(&mut stream(seed, Purpose::Locator, 0, index));
        let (mut random, mut own) = (Vec::new(), 0.0);
        for (place, &samples) in self.settings.many.iter().enumerate() {
            let batches = stream(seed, Purpose::Locator, 1 + place as u64, index);
            let path = self.path(start, samples, &model.config.training.outer, Some(batches))?;
            own = distance(start, &path.best);
            random.push(path.rmse_m);
        }
        let distances = StartDistances {
            meta: distance(theta, &meta.best),
            random_to_meta: distance(start, &meta.best),
            random_to_own: own,
        };
        Ok(RoomConvergence { meta: meta.rmse_m, random, distances })
    }

    /// Follows `start` on the first `samples` samples: on all of them at each step, or on batches that the
    /// generator draws, each sample once before any a second time.
    fn path(
        &self,
        start: &[f32],
        samples: usize,
        optimizer: &OptimizerDescription,
        mut batches: Option<ChaCha8Rng>,
    ) -> Result<Path, Error> {
        let mut order: Vec<usize> = (0..samples).collect();
        let whole = self.task.support.chosen(&order);
        let mut workspace = self.learner.workspace();
        let mut optimizer = optimizer.start(start.len())?;
        let (mut at, mut gradient) = (start.to_vec(), vec![0.0; start.len()]);
        let mut path = Path { rmse_m: Vec::new(), best: start.to_vec() };
        let (mut least_m, mut used) = (f64::INFINITY, samples);
        let last = self.settings.steps.last().copied().unwrap_or(0);
        for step in 0..=last {
            if self.settings.steps.contains(&step) {
                let rmse_m = self.rmse_m(&at)?;
                if rmse_m < least_m {
                    (least_m, path.best) = (rmse_m, at.clone());
                }
                path.rmse_m.push(rmse_m);
            }
            let loss = match &mut batches {
                None => {
                    self.learner.loss_and_gradient(&at, &whole, &mut gradient, &mut workspace)?
                }
                Some(rng) => {
                    if used + self.settings.few > samples {
                        order.shuffle(rng);
                        used = 0;
                    }
                    let batch = whole.chosen(&order[used..used + self.settings.few]);
                    used += self.settings.few;
                    self.learner.loss_and_gradient(&at, &batch, &mut gradient, &mut workspace)?
                }
            };
            if !loss.is_finite() {
                let (place, inner_step_size) =
                    (format!("step {step}"), optimizer.description().step_size());
                return Err(MetaError::Diverged { loss, place, inner_step_size }.into());
            }
            optimizer.step(&mut at, &gradient)?;
        }
        Ok(path)
    }

    /// Root of the mean squared distance between answers and truth on the test samples (m).
    fn rmse_m(&self, parameters: &[f32]) -> Result<f64, Error> {
        let mut answers = Vec::new();
        let mut workspace = self.learner.workspace();
        self.learner.predict(parameters, &self.task.query.inputs, &mut workspace, &mut answers)?;
        Ok(rmse(&answers, &self.task.query) * self.scale_m)
    }
}

/// Root-mean-square distance of places, two coordinates each, from a batch's labels.
fn rmse(answers: &[f32], batch: &Batch) -> f64 {
    let Labels::Values { values, .. } = &batch.labels else { return f64::NAN };
    distance(answers, values) / (batch.len().max(1) as f64).sqrt()
}

/// Euclidean distance of two vectors.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::DataSource;

    /// Two places, 5 and 1 off: sqrt((25 + 1) / 2).
    #[test]
    fn rmse_by_hand() {
        let labels = Labels::Values { values: vec![0.0, 0.0, 1.0, 1.0], n_outputs: 2 };
        let batch = Batch { inputs: vec![0.0; 2], n_inputs: 1, labels };
        assert!((rmse(&[3.0, 4.0, 1.0, 2.0], &batch) - 13_f64.sqrt()).abs() < 1e-9);
    }

    /// Small, but all of it: training from scratch comes from far to near, a trained start begins nearer, and one
    /// seed gives the same numbers.
    #[test]
    fn starts_are_followed() {
        let text = "schema = 1\nname = \"\"\ntitle = \"\"\nseeds = [1]\n\
            splits = [{ name = \"s\", historical = [\"a\"], new = [\"b\"] }]\n\
            support = { points = [10], samples_per_point = 1 }\nmethods = [{ name = \"maml\" }]\n\
            learning = { network = { hidden = [16] }, training = { iterations = 150 } }\n\
            [data]\nkind = \"toy\"\nadaptation_samples = 40\nquery_samples = 30\n\
            layout = { width_m = 10.0, depth_m = 10.0, access_points = 12 }\n\
            test_layouts = 2\ntest_samples = 100\n[data.channels]\n\
            a = { tx_power_dbm = 10.0, path_loss_exponent = 2.5, shadowing_std_db = 2.0 }\n\
            b = { tx_power_dbm = 15.0, path_loss_exponent = 2.8, shadowing_std_db = 2.0 }\n";
        let protocol: Protocol = toml::from_str(text).unwrap();
        let DataSource::Toy(data) = &protocol.data else { panic!("a toy") };
        let settings =
            ConvergenceSettings { few: 40, many: vec![80, 400], steps: vec![0, 10, 300] };
        let run = || toy_convergence(&protocol, (data, &protocol.splits[0]), &settings, 2).unwrap();
        let rooms = run();
        assert_eq!(rooms.len(), 2);
        for room in &rooms {
            assert_eq!((room.meta.len(), room.random.len()), (3, 2), "{room:?}");
            let scratch = &room.random[1];
            assert!(room.meta[0] < scratch[0] && scratch[2] < 0.7 * scratch[0], "{room:?}");
            // Both random starts are one.
            assert_eq!(room.random[0][0].to_bits(), scratch[0].to_bits());
            let StartDistances { meta, random_to_meta, random_to_own } = room.distances;
            assert!(meta < random_to_meta && random_to_own > 0.0, "{room:?}");
        }
        assert_eq!(rooms, run());
    }
}
