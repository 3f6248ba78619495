//! Historical samples stay at their site: all that crosses is recorded, trained through and
//! searched for their numbers. That is not to say that gradients tell nothing about them.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::collections::HashSet;
use std::sync::Mutex;

use metaloc_meta::maml::MamlConfig;
use metaloc_meta::maml_dg::{MamlDgConfig, Reading};
use metaloc_meta::message::{
    GradientReply, GradientRequest, LossReply, LossRequest, SupportGradientRequest,
};
use metaloc_meta::registry::{AlgorithmName, Variants, Visitor};
use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::site::in_process;
use metaloc_meta::task::RegressionSampler;
use metaloc_meta::training::{
    Silent, TrainingConfig, TrainingData, TrainingState, ValidationConfig, train,
};
use metaloc_meta::{AdaptationConfig, Learner, MetaAlgorithm, MetaError, NetworkLearner, Site};
use metaloc_nn::{Activation, Initializer, Loss, NetworkDescription, OptimizerDescription};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const SEED: u64 = 3;
const N_INPUTS: usize = 3;
const N_SAMPLES: usize = 12;

/// A site behind a wire: requests and replies become bytes, and these are written down.
struct Wire<'a> {
    site: &'a dyn Site,
    crossed: &'a Mutex<Vec<Vec<u8>>>,
}

impl Wire<'_> {
    /// What the other end reads.
    fn cross<S: Serialize, D: DeserializeOwned>(&self, message: &S) -> D {
        let bytes = serde_json::to_vec(message).unwrap();
        let read = serde_json::from_slice(&bytes).unwrap();
        self.crossed.lock().unwrap().push(bytes);
        read
    }
}

impl Site for Wire<'_> {
    fn environment(&self) -> &str {
        self.site.environment()
    }

    fn gradient(
        &self,
        request: &GradientRequest<'_>,
        reply: &mut GradientReply,
    ) -> Result<(), MetaError> {
        let request: GradientRequest<'static> = self.cross(request);
        let mut answer = GradientReply::default();
        self.site.gradient(&request, &mut answer)?;
        *reply = self.cross(&answer);
        Ok(())
    }

    fn support_gradient(
        &self,
        request: &SupportGradientRequest<'_>,
        reply: &mut GradientReply,
    ) -> Result<(), MetaError> {
        let request: SupportGradientRequest<'static> = self.cross(request);
        let mut answer = GradientReply::default();
        self.site.support_gradient(&request, &mut answer)?;
        *reply = self.cross(&answer);
        Ok(())
    }

    fn query_loss(&self, request: &LossRequest<'_>) -> Result<LossReply, MetaError> {
        let request: LossRequest<'static> = self.cross(request);
        Ok(self.cross(&self.site.query_loss(&request)?))
    }
}

/// All numbers of a message, as the bits of `f32`.
fn numbers(message: &[u8]) -> HashSet<u32> {
    fn collect(value: &Value, found: &mut HashSet<u32>) {
        match value {
            Value::Number(number) => {
                found.insert((number.as_f64().unwrap() as f32).to_bits());
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    let mut found = HashSet::new();
    collect(&serde_json::from_slice(message).unwrap(), &mut found);
    found
}

/// An environment's samples: inputs and labels with digits that nothing else has.
struct Samples {
    inputs: Vec<f32>,
    values: Vec<f32>,
}

impl Samples {
    fn new(environment: u32) -> Self {
        let irrational = |i: usize| (i as f32 + 17.0 * environment as f32 + 2.0).sqrt().fract();
        let inputs: Vec<f32> =
            (0..N_SAMPLES * N_INPUTS).map(|i| 1.1 * irrational(3 * i) + 0.123).collect();
        let values = inputs.chunks(N_INPUTS).map(|x| (x[0] - x[1] * x[2]).sin() + 0.2).collect();
        Self { inputs, values }
    }

    fn tasks(&self) -> RegressionSampler {
        let (inputs, values) = (self.inputs.clone(), self.values.clone());
        RegressionSampler::new((inputs, N_INPUTS), (values, 1), (4, 5)).unwrap()
    }

    fn bits(&self) -> impl Iterator<Item = u32> {
        self.inputs.iter().chain(&self.values).map(|number| number.to_bits())
    }
}

/// Whether any number of any sample is in any of the messages.
fn leaks(samples: &[Samples], crossed: &[Vec<u8>]) -> bool {
    let secret: HashSet<u32> = samples.iter().flat_map(Samples::bits).collect();
    crossed.iter().any(|message| !numbers(message).is_disjoint(&secret))
}

fn learner() -> NetworkLearner {
    let network = NetworkDescription::mlp(N_INPUTS, &[4], 1, Activation::Tanh).check().unwrap();
    let initializer = Initializer::XavierUniform;
    NetworkLearner { network, loss: Loss::SquaredError, initializer }
}

/// Trains on the samples in process and over wires: the parameters of both, and what crossed.
struct BothWays<'a>(&'a [Samples]);

impl Visitor for BothWays<'_> {
    type Output = (Vec<f32>, Vec<f32>, Vec<Vec<u8>>);

    fn visit<A: MetaAlgorithm>(self, algorithm: &A) -> Self::Output {
        let (learner, crossed) = (learner(), Mutex::default());
        let sources: Vec<_> = self.0.iter().map(Samples::tasks).collect();
        let names = ["office", "hall", "office"];
        let environments: Vec<_> =
            names.iter().zip(&sources).map(|(name, source)| (*name, source as _)).collect();
        let config = TrainingConfig {
            iterations: 6,
            tasks_per_iteration: 3,
            outer: OptimizerDescription::adam(1e-2),
            validation: ValidationConfig { every: 3, tasks: 2, patience: 9, alignment: false },
        };
        let start = learner.initial_parameters(&mut stream(SEED, Purpose::Initialization, 0, 0));
        let run = |sites: &[&dyn Site]| {
            let mut state = TrainingState::start(start.clone(), &config.outer).unwrap();
            let validation = Some((sites, AdaptationConfig::default()));
            let data = TrainingData { sites, validation, seed: SEED };
            train(algorithm, data, &config, &mut state, &mut Silent).unwrap();
            assert_ne!(state.parameters, start);
            state.parameters
        };
        in_process(&environments, (&learner, algorithm), SEED, |sites| {
            let wires: Vec<_> =
                sites.iter().map(|&site| Wire { site, crossed: &crossed }).collect();
            let wires: Vec<&dyn Site> = wires.iter().map(|wire| wire as &dyn Site).collect();
            (run(sites), run(&wires), crossed.into_inner().unwrap())
        })
    }
}

#[test]
fn training_over_wires_gives_the_same_bits_and_no_sample_crosses() {
    let samples = [0, 1, 2].map(Samples::new);
    let bits = |parameters: &[f32]| parameters.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
    let with = |reading| Variants {
        maml_dg: MamlDgConfig { reading, virtual_step_size: 0.01, weight: 1.0 },
        ..Variants::default()
    };
    for (name, variants) in [
        (AlgorithmName::Maml, Variants::default()),
        (AlgorithmName::MamlDg, with(Reading::R1)),
        (AlgorithmName::MamlDg, with(Reading::R3)),
        (AlgorithmName::MamlDg, with(Reading::AsReleased)),
        (AlgorithmName::TaskWeighted, Variants::default()),
    ] {
        let inner = MamlConfig { inner_steps: 2, ..MamlConfig::default() };
        let (here, over_wires, crossed) = name.visit(inner, &variants, BothWays(&samples)).unwrap();
        assert_eq!(bits(&here), bits(&over_wires), "{name:?}, {variants:?}");
        // A request and a reply for each task and measurement.
        assert!(crossed.len() >= 2 * (6 * 3 + 2 * 2), "{}", crossed.len());
        assert!(!leaks(&samples, &crossed), "{name:?}, {variants:?}");
    }
}

/// The search finds a sample, wherever it hides: else it would prove nothing.
#[test]
fn a_message_that_holds_a_number_of_a_sample_is_found() {
    let samples = [0, 1, 2].map(Samples::new);
    let message = |gradient: Vec<f32>| {
        vec![serde_json::to_vec(&GradientReply { loss: 0.5, gradient }).unwrap()]
    };
    assert!(!leaks(&samples, &message(vec![0.25, 1.0])));
    for number in samples.iter().flat_map(|samples| samples.inputs.iter().chain(&samples.values)) {
        assert!(leaks(&samples, &message(vec![0.25, *number, 1.0])), "{number}");
    }
}
