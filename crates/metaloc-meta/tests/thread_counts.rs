//! Training as a whole: the same bytes at any thread count and across an interruption, the
//! convergence rule, and the point of it all: adapting beats a random start.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::borrow::Cow;
use std::ops::ControlFlow;

use metaloc_meta::maml::{Maml, MamlConfig};
use metaloc_meta::maml_dg::{MamlDgConfig, Reading};
use metaloc_meta::maml_plus_plus::MamlPlusPlusConfig;
use metaloc_meta::message::FirstStep;
use metaloc_meta::registry::{AlgorithmName, Variants, Visitor};
use metaloc_meta::round::Round;
use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_meta::site::{Environment, in_process};
use metaloc_meta::task::RegressionSampler;
use metaloc_meta::training::{
    Observer, Outcome, Progress, Silent, TrainingConfig, TrainingData, TrainingState,
    ValidationConfig, mean_query_loss, train,
};
use metaloc_meta::{AdaptationConfig, Batch, Labels, Learner, MetaAlgorithm, MetaError};
use metaloc_meta::{NetworkLearner, Task, TaskSource, adapt};
use metaloc_nn::{
    Activation, Initializer, LayerDescription, Loss, NetworkDescription, OptimizerDescription,
};

const SEED: u64 = 11;
const ADAPTATION: AdaptationConfig = AdaptationConfig { step_size: 0.02, steps: 5 };

fn learner(n_inputs: usize, n_outputs: usize) -> NetworkLearner {
    let mlp = NetworkDescription::mlp(n_inputs, &[32, 32], n_outputs, Activation::Tanh);
    NetworkLearner {
        network: mlp.check().unwrap(),
        loss: Loss::SquaredError,
        initializer: Initializer::XavierUniform,
    }
}

fn maml() -> Maml {
    MamlConfig { inner_step_size: ADAPTATION.step_size, inner_steps: 3, second_order: false }
        .check()
        .unwrap()
}

fn config(iterations: u64, every: u64, patience: u32) -> TrainingConfig {
    TrainingConfig {
        iterations,
        tasks_per_iteration: 5,
        outer: OptimizerDescription::adam(1e-2),
        validation: ValidationConfig { every, tasks: 9, patience, ..ValidationConfig::default() },
    }
}

fn start(learner: &NetworkLearner, config: &TrainingConfig) -> TrainingState {
    let parameters = learner.initial_parameters(&mut stream(SEED, Purpose::Initialization, 0, 0));
    TrainingState::start(parameters, &config.outer).unwrap()
}

/// A pool of 200 samples with 4 inputs and 2 outputs; another one for each number.
fn pool(number: u8) -> RegressionSampler {
    let inputs: Vec<f32> = (0..800).map(|i| ((i * i + 7 * i) % 101) as f32 / 50.0 - 1.0).collect();
    let curve = |x: &[f32]| [x[0] * x[1] + x[2], (f32::from(number) * x[3]).sin()];
    let values = inputs.chunks(4).flat_map(curve).collect();
    RegressionSampler::new((inputs, 4), (values, 2), (8, 11)).unwrap()
}

/// Everything in the state that training goes on from, to the bit.
fn bits(state: &TrainingState) -> Vec<u32> {
    let optimizer = state.optimizer.state();
    let best = state.best.as_ref();
    let numbers = (state.parameters.iter())
        .chain(&optimizer.first_moment)
        .chain(&optimizer.second_moment)
        .chain(best.iter().flat_map(|best| &best.parameters))
        .chain(best.iter().map(|best| &best.validation_loss));
    numbers.map(|number| number.to_bits()).collect()
}

struct StopAt(u64);

impl Observer for StopAt {
    fn iteration(&mut self, progress: Progress, _: &TrainingState) -> ControlFlow<()> {
        if progress.iteration == self.0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Trains by MAML on tasks of one source, validating on it too.
fn train_on<L: Learner>(
    source: &dyn TaskSource,
    learner: &L,
    validation: Option<AdaptationConfig>,
    (config, state): (&TrainingConfig, &mut TrainingState),
    observer: &mut dyn Observer,
) -> Outcome {
    let maml = maml();
    in_process(&[("here", source)], (learner, &maml), SEED, |sites| {
        let validation = validation.map(|adaptation| (sites, adaptation));
        let data = TrainingData { sites, validation, seed: SEED };
        train(&maml, data, config, state, observer).unwrap()
    })
}

/// Trains on the pool, validating on it too.
fn train_on_pool(
    state: &mut TrainingState,
    config: &TrainingConfig,
    observer: &mut dyn Observer,
) -> Outcome {
    train_on(&pool(2), &learner(4, 2), Some(ADAPTATION), (config, state), observer)
}

#[test]
fn one_and_two_threads_train_the_same_bytes() {
    let config = config(30, 7, 100);
    let trained = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut state = start(&learner(4, 2), &config);
            assert_eq!(train_on_pool(&mut state, &config, &mut Silent), Outcome::IterationsDone);
            bits(&state)
        })
    };
    let one = trained(1);
    assert_eq!(one, trained(2));
    assert_eq!(one, trained(3));
    assert_ne!(one[..10], bits(&start(&learner(4, 2), &config))[..10]);
}

/// A few iterations of an algorithm on two environments.
struct Trained<'a>(&'a [Environment<'a>]);

impl Visitor for Trained<'_> {
    type Output = Vec<u32>;

    fn visit<A: MetaAlgorithm>(self, algorithm: &A) -> Vec<u32> {
        let (learner, config) = (learner(4, 2), config(6, 3, 100));
        let mut state = start(&learner, &config);
        let extras = algorithm.initial_extras(&learner);
        let parameters = [state.parameters, extras].concat();
        state = TrainingState::start(parameters, &config.outer).unwrap();
        in_process(self.0, (&learner, algorithm), SEED, |sites| {
            let data = TrainingData { sites, validation: Some((sites, ADAPTATION)), seed: SEED };
            train(algorithm, data, &config, &mut state, &mut Silent).unwrap();
        });
        bits(&state)
    }
}

#[test]
fn one_and_more_threads_train_the_same_bytes_by_every_algorithm() {
    let (one, two) = (pool(1), pool(2));
    let environments: [Environment<'_>; 2] = [("one", &one), ("two", &two)];
    let inner =
        MamlConfig { inner_step_size: ADAPTATION.step_size, inner_steps: 2, second_order: true };
    let variants = Variants {
        maml_pp: MamlPlusPlusConfig { annealing_iterations: 3, second_order_from: 2 },
        maml_dg: MamlDgConfig { reading: Reading::R4, ..MamlDgConfig::default() },
        ..Variants::default()
    };
    let mut all = Vec::new();
    for algorithm in AlgorithmName::ALL {
        let trained = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| algorithm.visit(inner, &variants, Trained(&environments)).unwrap())
        };
        let one = trained(1);
        assert_eq!(one, trained(2), "{}", algorithm.name());
        assert_eq!(one, trained(3), "{}", algorithm.name());
        all.push(one);
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), AlgorithmName::ALL.len(), "each does something of its own");
}

/// A small convolutional network and a batch for it that is worth splitting over threads.
fn images() -> (NetworkLearner, Batch) {
    let convolution = |filters| LayerDescription::Conv2d {
        filters,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
    };
    let pool = LayerDescription::MaxPool { kernel: [2, 2], stride: None };
    let layers = vec![
        convolution(8),
        LayerDescription::Relu {},
        pool,
        convolution(16),
        LayerDescription::Relu {},
        LayerDescription::Dense { outputs: 3 },
    ];
    let network = NetworkDescription { inputs: [12, 12, 3].into(), layers }.check().unwrap();
    let (n, n_inputs) = (40, network.n_inputs());
    assert!(n * network.n_products() > 2_000_000, "too little to be split");
    let inputs = (0..n * n_inputs).map(|i| ((i * i + 7 * i) % 101) as f32 / 50.0 - 1.0).collect();
    let labels = Labels::Classes((0..n as u32).map(|i| i % 3).collect());
    let initializer = Initializer::KaimingUniform;
    let learner = NetworkLearner { network, loss: Loss::CrossEntropy, initializer };
    (learner, Batch { inputs, n_inputs, labels })
}

/// One batch split over threads, and tasks on threads: first and second order.
#[test]
fn one_and_more_threads_adapt_and_train_a_convolutional_network_to_the_same_bytes() {
    let (learner, support) = images();
    let start = learner.initial_parameters(&mut stream(SEED, Purpose::Initialization, 0, 0));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut workspace = learner.splitting_workspace();
            let adapted = adapt(&learner, &start, &support, ADAPTATION, &mut workspace).unwrap();
            let mut numbers = adapted.parameters;
            let mut answers = Vec::new();
            learner.predict(&numbers, &support.inputs, &mut workspace, &mut answers).unwrap();
            numbers.extend(answers);
            for second_order in [false, true] {
                let config = MamlConfig { inner_step_size: 0.05, inner_steps: 2, second_order };
                let mut sum = vec![0.0; start.len()];
                let task = Task { support: support.clone(), query: support.clone() };
                let maml = config.check().unwrap();
                in_process(&[("here", &task)], (&learner, &maml), SEED, |sites| {
                    let mut round = Round::new(sites, 3, SEED);
                    let tasks = round.tasks();
                    round.gradient(&tasks, &start, |_| FirstStep::Own, &mut sum).unwrap();
                });
                numbers.extend(sum);
            }
            numbers.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
    assert_ne!(one[..start.len()], start.iter().map(|p| p.to_bits()).collect::<Vec<_>>());
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bytes() {
    let config = config(30, 7, 100);
    let mut whole = start(&learner(4, 2), &config);
    train_on_pool(&mut whole, &config, &mut Silent);

    let mut resumed = start(&learner(4, 2), &config);
    assert_eq!(train_on_pool(&mut resumed, &config, &mut StopAt(10)), Outcome::Interrupted);
    assert_eq!(resumed.iteration, 10);
    assert_ne!(bits(&resumed), bits(&whole));
    assert_eq!(train_on_pool(&mut resumed, &config, &mut Silent), Outcome::IterationsDone);
    assert_eq!((resumed.iteration, bits(&resumed)), (30, bits(&whole)));
    assert_eq!(resumed.validations_since_best, whole.validations_since_best);
}

/// A model of one parameter whose gradient is always -1, so that a step moves it by the step size
/// to the right, and whose loss is least at 3.
struct Walker;

impl Learner for Walker {
    type Workspace = ();
    fn n_parameters(&self) -> usize {
        1
    }
    fn initial_parameters(&self, _: &mut ChaCha8Rng) -> Vec<f32> {
        vec![0.0]
    }
    fn workspace(&self) {}
    fn loss_and_gradient(
        &self,
        parameters: &[f32],
        batch: &Batch,
        gradient: &mut [f32],
        (): &mut (),
    ) -> Result<f32, MetaError> {
        gradient[0] = -1.0;
        self.loss(parameters, batch, &mut ())
    }
    fn loss(&self, parameters: &[f32], _: &Batch, (): &mut ()) -> Result<f32, MetaError> {
        Ok((parameters[0] - 3.0).powi(2))
    }
    fn predict(
        &self,
        _: &[f32],
        _: &[f32],
        (): &mut (),
        _: &mut Vec<f32>,
    ) -> Result<(), MetaError> {
        Ok(())
    }
}

#[test]
fn training_stops_when_it_converged_and_returns_the_best() {
    let config = TrainingConfig {
        iterations: 1000,
        tasks_per_iteration: 1,
        outer: OptimizerDescription::sgd(0.5),
        validation: ValidationConfig { every: 2, tasks: 1, patience: 3, alignment: true },
    };
    let adaptation = AdaptationConfig { step_size: 1.0, steps: 0 };
    let mut state = TrainingState::start(vec![0.0], &config.outer).unwrap();
    let run = |state: &mut TrainingState| {
        train_on(&pool(2), &Walker, Some(adaptation), (&config, state), &mut Silent)
    };
    let outcome = run(&mut state);

    // Half a unit an iteration, measured at 1, 2, 3 (the best), 4, 5, 6.
    assert_eq!(outcome, Outcome::Converged);
    assert_eq!(state.iteration, 12);
    assert_eq!(state.best.as_ref().unwrap().iteration, 6);
    assert!((state.result()[0] - 3.0).abs() < 1e-6);
    assert!((state.parameters[0] - 6.0).abs() < 1e-6);

    // It stays converged when it is run again.
    let again = run(&mut state);
    assert_eq!((again, state.iteration), (Outcome::Converged, 12));
}

/// Sinusoids of random amplitude and phase, as in the MAML paper's section 5.1: 10 points each.
struct Sinusoids;

impl TaskSource for Sinusoids {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Cow<'_, Task>, MetaError> {
        let mut uniform = |low: f32, high: f32| {
            low + (high - low) * (rand::Rng::next_u32(rng) as f32 / 2.0_f32.powi(32))
        };
        let (amplitude, phase) = (uniform(0.5, 2.0), uniform(0.0, 3.0));
        let mut batch = |n| {
            let inputs: Vec<f32> = (0..n).map(|_| uniform(-2.0, 2.0)).collect();
            let values = inputs.iter().map(|x| amplitude * (x - phase).sin()).collect();
            Batch { inputs, n_inputs: 1, labels: Labels::Values { values, n_outputs: 1 } }
        };
        Ok(Cow::Owned(Task { support: batch(10), query: batch(20) }))
    }
}

#[test]
fn adapting_a_meta_trained_start_beats_a_random_one() {
    let learner = learner(1, 1);
    let config = config(400, 1000, 1);
    let mut state = start(&learner, &config);
    // New environments: another seed than training's.
    let loss = |parameters: &[f32], steps| {
        let adaptation = AdaptationConfig { steps, ..ADAPTATION };
        in_process(&[("new", &Sinusoids)], (&learner, &maml()), SEED + 1, |sites| {
            mean_query_loss(sites, parameters, adaptation, (SEED + 1, 50)).unwrap()
        })
    };
    let random_start = loss(&state.parameters, ADAPTATION.steps);
    train_on(&Sinusoids, &learner, None, (&config, &mut state), &mut Silent);
    let (unadapted, adapted) = (loss(state.result(), 0), loss(state.result(), ADAPTATION.steps));
    assert!(adapted < 0.6 * random_start, "{adapted} adapted, {random_start} from random");
    assert!(adapted < 0.6 * unadapted, "{adapted} adapted, {unadapted} before");
}
