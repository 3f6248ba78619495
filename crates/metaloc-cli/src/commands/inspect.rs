//! `metaloc inspect`.

use metaloc::auto::Judged;
use metaloc::learning::{MetaModel, StepsLoss};
use metaloc::meta::training::TrainingState;
use metaloc::model_file::{self, AnyEncoder, Loaded};
use metaloc::survey::{Survey, SurveySummary};
use serde::Serialize;

use crate::args::Inspect;
use crate::output::{Output, selection_lines, steps_line};

pub(crate) fn run(args: &Inspect) -> anyhow::Result<()> {
    let output = Output::new(&args.json);
    if args.path.is_dir() {
        let summary = SurveySummary::of(&Survey::read(&args.path)?);
        output.say(&summary)?;
        return output.rows(&[summary]);
    }
    match model_file::read(&args.path)? {
        Loaded::Meta(model) => say(&output, START, &model, None),
        Loaded::CsiMeta(model) => say(&output, START, &model, None),
        Loaded::Checkpoint(model, state) => checkpoint(&output, model, &state),
        Loaded::CsiCheckpoint(model, state) => checkpoint(&output, model, &state),
        Loaded::CsiSite(site) => {
            let (points, windows) = (site.support.points.len(), site.support.n_windows());
            output.say(format!(
                "adapted to {} with {} steps on {windows} windows at {points} points",
                site.support.environment, site.adaptation.steps
            ))?;
            say(&output, ADAPTED, &site.model, Some(site.support.environment.clone()))
        }
        Loaded::Site(site) => {
            let points: usize = site.supports.iter().map(|s| s.site.points.len()).sum();
            let scans: usize = site.supports.iter().map(|s| s.site.n_scans()).sum();
            output.say(format!(
                "adapted to {} with {} steps on {scans} samples at {points} points",
                site.environment, site.adaptation.steps
            ))?;
            say(&output, ADAPTED, &site.model, Some(site.environment))
        }
    }
}

const START: &str = "a start for new environments";
const ADAPTED: &str = "an adapted model";

fn checkpoint<E: AnyEncoder>(
    output: &Output,
    mut model: MetaModel<E>,
    state: &TrainingState,
) -> anyhow::Result<()> {
    model.record.iterations = state.iteration;
    model.record.best_iteration = state.best.as_ref().map(|best| best.iteration);
    model.record.validation_loss = state.best.as_ref().map(|best| best.validation_loss);
    output.say(format!("iteration {} of a training run", state.iteration))?;
    say(output, "a checkpoint", &model, None)
}

fn say<E: AnyEncoder>(
    output: &Output,
    kind: &'static str,
    model: &MetaModel<E>,
    environment: Option<String>,
) -> anyhow::Result<()> {
    let report = ModelReport::of(kind, model, environment);
    output.say(report.in_words(model)?)?;
    output.rows(&[report])
}

/// What a model file holds, in numbers.
#[derive(Debug, Serialize)]
struct ModelReport<'a> {
    kind: &'static str,
    algorithm: &'static str,
    environment: Option<String>,
    parameters: usize,
    inputs: usize,
    historical_environments: &'a [String],
    data_hash: &'a str,
    seed: u64,
    iterations: u64,
    best_iteration: Option<u64>,
    validation_loss: Option<f32>,
    /// What decided the number of adaptation steps.
    #[serde(skip_serializing_if = "<[StepsLoss]>::is_empty")]
    steps_losses: &'a [StepsLoss],
    /// What `auto` chose among.
    #[serde(skip_serializing_if = "<[Judged]>::is_empty")]
    selection: &'a [Judged],
}

impl<'a> ModelReport<'a> {
    fn of<E: AnyEncoder>(
        kind: &'static str,
        model: &'a MetaModel<E>,
        environment: Option<String>,
    ) -> Self {
        Self {
            kind,
            algorithm: model.config.algorithm.name(),
            environment,
            parameters: model.parameters.len(),
            inputs: model.encoder.n_inputs(),
            historical_environments: &model.record.environments,
            data_hash: &model.record.data_hash,
            seed: model.record.seed,
            iterations: model.record.iterations,
            best_iteration: model.record.best_iteration,
            validation_loss: model.record.validation_loss,
            steps_losses: &model.record.steps_losses,
            selection: &model.record.selection,
        }
    }

    fn in_words<E>(&self, model: &MetaModel<E>) -> anyhow::Result<String> {
        let mut selection = selection_lines(self.selection).join("\n");
        if !selection.is_empty() {
            selection =
                format!("\nchosen on historical environments held out in turn:\n{selection}\n");
        }
        if let Some(steps) = steps_line(&model.record) {
            selection = format!("{steps}\n{selection}");
        }
        Ok(format!(
            "{}: {}, {} parameters, {} inputs\ntrained on {} (data {:.16}), seed {}, {} iterations\n\
             {selection}\nsettings:\n{}",
            self.kind,
            self.algorithm,
            self.parameters,
            self.inputs,
            self.historical_environments.join(", "),
            self.data_hash,
            self.seed,
            self.iterations,
            toml::to_string(&model.config)?
        ))
    }
}
