//! Our side of `benches/compare`: learns what a folder says, at commands on standard input.
//!
//! `compare FOLDER` reads `spec.json` ([`Spec`]) and little-endian `f32` files: `parameters.f32`,
//! and of all tasks one after the other `support_inputs.f32`, `support_labels.f32`,
//! `query_inputs.f32` and `query_labels.f32` (classes are numbers like any other). Each line of
//! input is answered by a line of output:
//!
//! | command | answer |
//! |---|---|
//! | `gradient` | `done`, and `gradient.f32` holds the meta-gradient, or what adaptation changed |
//! | `run N` | seconds that N repetitions took |
#![allow(clippy::print_stdout)] // the answers

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use metaloc::meta::maml::{Maml, MamlConfig};
use metaloc::meta::message::{FirstStep, GradientReply, TaskNumber};
use metaloc::meta::round::{Round, SiteTask};
use metaloc::meta::site::{Site, SiteLearner, Slots};
use metaloc::meta::{AdaptationConfig, Batch, Labels, Learner, NetworkLearner, Task, adapt};
use metaloc::nn::kernels::level::SimdLevel;
use metaloc::nn::{Initializer, Loss, NetworkDescription, Optimizer, OptimizerDescription};
use metaloc::nn::{NetworkError, Workspace};
use serde::Deserialize;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What to learn.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    network: NetworkDescription,
    loss: Loss,
    /// A meta-iteration, or adaptation to the first task and an answer to its first query.
    kind: Kind,
    n_tasks: usize,
    maml: MamlConfig,
    outer_step_size: f64,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Meta,
    Adapt,
}

struct Run {
    kind: Kind,
    learner: NetworkLearner,
    config: MamlConfig,
    maml: Maml,
    parameters: Vec<f32>,
    tasks: Vec<Task>,
    slots: Slots<NetworkLearner>,
    replies: Vec<GradientReply>,
    workspace: Workspace<f32>,
    optimizer: Optimizer<f32>,
    gradient: Vec<f32>,
}

impl Run {
    fn read(folder: &Path) -> Result<Self, Failure> {
        let spec: Spec = serde_json::from_slice(&std::fs::read(folder.join("spec.json"))?)?;
        let network = spec.network.check()?;
        let learner =
            NetworkLearner { network, loss: spec.loss, initializer: Initializer::default() };
        let parameters = floats(&folder.join("parameters.f32"))?;
        if parameters.len() != learner.n_parameters() {
            let (needed, found) = (learner.n_parameters(), parameters.len());
            return Err(format!("{needed} parameters are needed, {found} were given").into());
        }
        let supports = batches(folder, "support", &learner, spec.n_tasks)?;
        let queries = batches(folder, "query", &learner, spec.n_tasks)?;
        let tasks = supports.into_iter().zip(queries);
        Ok(Self {
            kind: spec.kind,
            config: spec.maml,
            maml: spec.maml.check()?,
            tasks: tasks.map(|(support, query)| Task { support, query }).collect(),
            slots: Slots::new(&learner),
            replies: Vec::new(),
            workspace: learner.splitting_workspace(),
            optimizer: OptimizerDescription::adam(spec.outer_step_size).start(parameters.len())?,
            gradient: vec![0.0; parameters.len()],
            parameters,
            learner,
        })
    }

    fn meta_gradient(&mut self) -> Result<(), Failure> {
        let Self { maml, learner, parameters, slots, tasks, gradient, .. } = self;
        let site = |task| SiteLearner::new(("", task), (&*learner, &*maml), 0, slots);
        let learners: Vec<_> = tasks.iter().map(|task| site(task)).collect();
        let sites: Vec<&dyn Site> = learners.iter().map(|site| site as _).collect();
        let mut round = Round::new(&sites, sites.len(), 0);
        round.replies = std::mem::take(&mut self.replies);
        let number = TaskNumber { iteration: 0, task: 0 };
        let tasks: Vec<_> = (0..sites.len()).map(|site| SiteTask { site, number }).collect();
        round.gradient(&tasks, parameters, |_| FirstStep::Own, gradient)?;
        self.replies = round.replies;
        Ok(())
    }

    /// What adaptation changes goes into `gradient`.
    fn adapt(&mut self) -> Result<(), Failure> {
        let MamlConfig { inner_step_size, inner_steps, .. } = self.config;
        let config = AdaptationConfig { step_size: inner_step_size, steps: inner_steps };
        let Self { learner, parameters, tasks, workspace, gradient, .. } = self;
        let Task { support, query } = &tasks[0];
        let adapted = adapt(learner, parameters, support, config, workspace)?.parameters;
        let image = &query.inputs[..query.n_inputs];
        learner.predict(&adapted, image, workspace, &mut Vec::new())?;
        for ((change, after), before) in gradient.iter_mut().zip(adapted).zip(&*parameters) {
            *change = after - before;
        }
        Ok(())
    }

    fn repeat(&mut self) -> Result<(), Failure> {
        match self.kind {
            Kind::Adapt => self.adapt(),
            Kind::Meta => {
                self.meta_gradient()?;
                self.step().map_err(Failure::from)
            }
        }
    }

    fn step(&mut self) -> Result<(), NetworkError> {
        self.optimizer.step(&mut self.parameters, &self.gradient)
    }

    fn answer(&mut self, command: &str, folder: &Path) -> Result<String, Failure> {
        if command == "gradient" {
            match self.kind {
                Kind::Adapt => self.adapt()?,
                Kind::Meta => self.meta_gradient()?,
            }
            let bytes: Vec<u8> = self.gradient.iter().flat_map(|g| g.to_le_bytes()).collect();
            std::fs::write(folder.join("gradient.f32"), bytes)?;
            return Ok("done".to_owned());
        }
        let Some(repetitions) = command.strip_prefix("run ") else {
            return Err(format!("unknown command `{command}`: gradient, or run N").into());
        };
        let repetitions: usize = repetitions.parse()?;
        // On a thread of the pool, as training runs.
        rayon::scope(|_| {
            let start = Instant::now();
            for _ in 0..repetitions {
                self.repeat()?;
            }
            Ok(start.elapsed().as_secs_f64().to_string())
        })
    }
}

fn floats(path: &Path) -> Result<Vec<f32>, Failure> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(format!("{}: not a list of f32", path.display()).into());
    }
    Ok(numbers.iter().map(|&number| f32::from_le_bytes(number)).collect())
}

/// One batch a task.
fn batches(
    folder: &Path,
    set: &str,
    learner: &NetworkLearner,
    n_tasks: usize,
) -> Result<Vec<Batch>, Failure> {
    let inputs = floats(&folder.join(format!("{set}_inputs.f32")))?;
    let labels = floats(&folder.join(format!("{set}_labels.f32")))?;
    let (n_inputs, n_outputs) = (learner.network.n_inputs(), learner.network.n_outputs());
    let classes = learner.loss == Loss::CrossEntropy;
    let n = inputs.len() / n_tasks.max(1) / n_inputs;
    let label_width = if classes { 1 } else { n_outputs };
    if n == 0 || inputs.len() != n_tasks * n * n_inputs || labels.len() != n_tasks * n * label_width
    {
        let (inputs, labels) = (inputs.len(), labels.len());
        return Err(format!("{set}: {inputs} inputs and {labels} labels don't fit").into());
    }
    let chunks = inputs.chunks(n * n_inputs).zip(labels.chunks(n * label_width));
    Ok(chunks
        .map(|(inputs, labels)| Batch {
            inputs: inputs.to_vec(),
            n_inputs,
            labels: match classes {
                true => Labels::Classes(labels.iter().map(|&class| class as u32).collect()),
                false => Labels::Values { values: labels.to_vec(), n_outputs },
            },
        })
        .collect())
}

fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: compare FOLDER")?);
    SimdLevel::requested()?;
    let mut run = Run::read(&folder)?;
    println!("ready {} {}", SimdLevel::current(), rayon::current_num_threads());
    for line in std::io::stdin().lock().lines() {
        println!("{}", run.answer(line?.trim(), &folder)?);
        std::io::stdout().flush()?;
    }
    Ok(())
}
