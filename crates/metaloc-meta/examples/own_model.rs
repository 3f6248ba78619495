//! A model of one's own, meta-trained: anything that gives a loss and a gradient is a [`Learner`].
//!
//! The model is the log-distance path loss, by hand and without our engine: an access point a has a
//! power P_a at one metre and an exponent n_a, and is heard at d metres with
//!
//! ```text
//! rss_a(d) = P_a - 10 n_a log10(d)   [dBm]
//! ```
//!
//! Buildings differ in both. MAML learns a start from many buildings, from which five gradient
//! steps on four measurements fit a new one:
//!
//! ```sh
//! cargo run --release -p metaloc-meta --example own_model
//! ```
#![allow(clippy::print_stdout)] // the results

use std::borrow::Cow;

use metaloc_meta::maml::MamlConfig;
use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_meta::site::{Environment, in_process};
use metaloc_meta::training::{
    Silent, TrainingConfig, TrainingData, TrainingState, mean_query_loss, train,
};
use metaloc_meta::{AdaptationConfig, Batch, Labels, Learner, MetaError, Task, TaskSource};
use metaloc_nn::OptimizerDescription;
use rand::{Rng, RngExt};

const N_ACCESS_POINTS: usize = 4;
/// Powers and exponents are near one, and so are their gradients, if powers count tens of decibels.
const UNIT_DB: f32 = 10.0;
const SEED: u64 = 7;
const ADAPTATION: AdaptationConfig = AdaptationConfig { step_size: 0.4, steps: 5 };

/// Parameters `[access points, 2]`: power (10 dBm) and exponent of each.
/// Inputs `[n, access points]`: log10 of the distances (m). Labels, likewise: RSS (10 dBm).
/// The loss is the mean squared error (100 dB²).
struct PathLoss;

impl PathLoss {
    /// Loss, with the derivative by each answer handed to `each(access point, input, derivative)`.
    fn residuals(p: &[f32], batch: &Batch, mut each: impl FnMut(usize, f32, f32)) -> f32 {
        let Labels::Values { values, .. } = &batch.labels else { return f32::NAN };
        let n = values.len() as f32;
        let mut loss = 0.0;
        for (place, (x, y)) in batch.inputs.iter().zip(values).enumerate() {
            let ap = place % N_ACCESS_POINTS;
            let residual = p[2 * ap] - p[2 * ap + 1] * x - y;
            loss += residual * residual / n;
            each(ap, *x, 2.0 * residual / n);
        }
        loss
    }
}

impl Learner for PathLoss {
    type Workspace = ();

    fn n_parameters(&self) -> usize {
        2 * N_ACCESS_POINTS
    }

    /// Powers from -60 to -20 dBm and exponents from 0 to 6: what one would guess.
    fn initial_parameters(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let of_one = |_| [uniform(rng, -6.0, -2.0), uniform(rng, 0.0, 6.0)];
        (0..N_ACCESS_POINTS).flat_map(of_one).collect()
    }

    fn workspace(&self) {}

    fn loss_and_gradient(
        &self,
        p: &[f32],
        batch: &Batch,
        gradient: &mut [f32],
        (): &mut (),
    ) -> Result<f32, MetaError> {
        gradient.fill(0.0);
        Ok(Self::residuals(p, batch, |ap, x, derivative| {
            gradient[2 * ap] += derivative;
            gradient[2 * ap + 1] -= derivative * x;
        }))
    }

    fn loss(&self, p: &[f32], batch: &Batch, (): &mut ()) -> Result<f32, MetaError> {
        Ok(Self::residuals(p, batch, |_, _, _| {}))
    }

    fn predict(
        &self,
        p: &[f32],
        inputs: &[f32],
        (): &mut (),
        answers: &mut Vec<f32>,
    ) -> Result<(), MetaError> {
        let of_one = |(place, x): (usize, &f32)| {
            let ap = place % N_ACCESS_POINTS;
            p[2 * ap] - p[2 * ap + 1] * x
        };
        answers.extend(inputs.iter().enumerate().map(of_one));
        Ok(())
    }
}

/// Buildings alike: powers of -40 dBm and exponents of 3, give or take, and 3 dB of shadowing. Each
/// task is another building: four measurements to adapt by, twenty to be judged by.
struct Buildings;

impl TaskSource for Buildings {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Cow<'_, Task>, MetaError> {
        let building: Vec<f32> = (0..N_ACCESS_POINTS)
            .flat_map(|_| [uniform(rng, -4.5, -3.5), uniform(rng, 2.2, 3.8)])
            .collect();
        let mut batch = |n: usize| -> Result<Batch, MetaError> {
            let distance = |_| uniform(rng, 1.0, 40.0).log10();
            let inputs: Vec<f32> = (0..n * N_ACCESS_POINTS).map(distance).collect();
            let mut values = Vec::new();
            PathLoss.predict(&building, &inputs, &mut (), &mut values)?;
            values.iter_mut().for_each(|rss| *rss += uniform(rng, -0.5, 0.5));
            let labels = Labels::Values { values, n_outputs: N_ACCESS_POINTS };
            Ok(Batch { inputs, n_inputs: N_ACCESS_POINTS, labels })
        };
        Ok(Cow::Owned(Task { support: batch(4)?, query: batch(20)? }))
    }
}

fn uniform(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    rng.random_range(low..high)
}

fn main() -> Result<(), MetaError> {
    let inner_step_size = ADAPTATION.step_size;
    let maml = MamlConfig { inner_step_size, inner_steps: ADAPTATION.steps, second_order: false }
        .check()?;
    let config = TrainingConfig {
        iterations: 3000,
        outer: OptimizerDescription::adam(1e-2),
        ..TrainingConfig::default()
    };
    let random = PathLoss.initial_parameters(&mut stream(SEED, Purpose::Initialization, 0, 0));
    let mut state = TrainingState::start(random.clone(), &config.outer)?;
    let environments: [Environment<'_>; 1] = [("buildings", &Buildings)];
    in_process(&environments, (&PathLoss, &maml), SEED, |sites| {
        let data = TrainingData { sites, validation: None, seed: SEED };
        train(&maml, data, &config, &mut state, &mut Silent)
    })?;

    println!("RMSE in 200 new buildings (dB)   before   after {} steps", ADAPTATION.steps);
    for (start, parameters) in [("random start", &random[..]), ("MAML", state.result())] {
        let [before, after] = [0, ADAPTATION.steps].map(|steps| rmse_db(parameters, steps));
        println!("{start:30} {:8.1} {:12.1}", before?, after?);
    }
    for (ap, of_one) in state.result().chunks(2).enumerate() {
        let (power, exponent) = (UNIT_DB * of_one[0], of_one[1]);
        println!("access point {ap} starts at {power:.1} dBm, exponent {exponent:.2}");
    }
    Ok(())
}

/// Root mean squared error in new buildings after so many steps of adaptation (dB).
fn rmse_db(parameters: &[f32], steps: usize) -> Result<f32, MetaError> {
    let maml = MamlConfig::default().check()?;
    let (seed, adaptation) = (SEED + 1, AdaptationConfig { steps, ..ADAPTATION });
    in_process(&[("new", &Buildings)], (&PathLoss, &maml), seed, |sites| {
        let loss = mean_query_loss(sites, parameters, adaptation, (seed, 200))?;
        Ok(UNIT_DB * loss.sqrt())
    })
}
