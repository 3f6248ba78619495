//! `metaloc train`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use metaloc::auto::{self, Choice};
use metaloc::learning::{
    Algorithm, CsiEncoder, CsiHistorical, Encoder, Historical, LearningConfig, MetaModel,
    csi_train, meta_train,
};
use metaloc::meta::theorem_one::TheoremOne;
use metaloc::meta::training::{Observer, Outcome, Silent, TrainingState};
use metaloc::model_file::{self, AnyEncoder, Loaded};
use metaloc::radio::preprocess::CsiConfig;
use metaloc::survey::Survey;

use super::sites::{csi_sites, sites};
use crate::args::Train;
use crate::interrupt::{self, Interrupted};
use crate::output::{note, selection_lines, steps_line};
use crate::progress::{TraceRow, TrainingProgress};

pub(crate) fn run(args: &Train, quiet: bool) -> anyhow::Result<()> {
    check_place(&args.out)?;
    if let Some(trace) = &args.trace {
        check_place(trace)?;
    }
    let config = config(args)?;
    let survey = Survey::read(&args.survey)?;
    let data_hash = survey.content_hash();
    if config.csi.is_some() {
        let choice = csi_choice(args, &config, &survey, quiet)?;
        let config = choice.as_ref().map_or(&config, |choice| &choice.config);
        let window = config.csi.as_ref().map(|csi| csi.window.clone()).unwrap_or_default();
        let sites_of = |names: &[String]| csi_sites(&survey, names, &args.sets, &window, quiet);
        let (sites, held_out) = (sites_of(&args.environments)?, sites_of(&args.validate_on)?);
        let validation_sites = if held_out.is_empty() { sites.clone() } else { held_out };
        let historical = CsiHistorical {
            sites: &sites,
            validation_sites: &validation_sites,
            data_hash: &data_hash,
        };
        let model =
            train_or_go_on(args, (config, choice.as_ref()), quiet, |config, state, observer| {
                csi_train(historical, config, args.seed, state, observer)
            })?;
        if !quiet {
            report(&model, None, &args.out);
        }
        return Ok(());
    }
    let sites_of = |names: &[String]| sites(&survey, names, &args.sets);
    let (sites, held_out) = (sites_of(&args.environments)?, sites_of(&args.validate_on)?);
    let validation_sites = if held_out.is_empty() { sites.clone() } else { held_out };
    let historical = Historical {
        sites: &sites,
        validation_sites: &validation_sites,
        access_points: &survey.access_points,
        data_hash: &data_hash,
    };
    let choice = match config.algorithm {
        Algorithm::Auto => {
            say_that_it_chooses(quiet);
            let choice = auto::choose(historical, &config, args.seed)?;
            say_unjudged(&choice, quiet);
            Some(choice)
        }
        _ => None,
    };
    let config = choice.as_ref().map_or(&config, |choice| &choice.config);
    let model =
        train_or_go_on(args, (config, choice.as_ref()), quiet, |config, state, observer| {
            meta_train(historical, config, args.seed, state, observer)
        })?;
    if !quiet {
        report(&model, Some(model.encoder.historical_frame.scale_m), &args.out);
    }
    Ok(())
}

/// What `auto` chooses for channel state information; nothing for another algorithm.
fn csi_choice(
    args: &Train,
    config: &LearningConfig,
    survey: &Survey,
    quiet: bool,
) -> anyhow::Result<Option<Choice>> {
    if config.algorithm != Algorithm::Auto {
        return Ok(None);
    }
    say_that_it_chooses(quiet);
    let sites = |window: &CsiConfig| {
        csi_sites(survey, &args.environments, &args.sets, window, true)
            .map_err(|error| metaloc::Error::Usage(format!("{error:#}")))
    };
    let choice = auto::choose_csi(&sites, config, args.seed)?;
    say_unjudged(&choice, quiet);
    Ok(Some(choice))
}

/// Says so if there was nothing to judge by.
fn say_unjudged(choice: &Choice, quiet: bool) {
    if !quiet && choice.table.is_empty() {
        note(format!(
            "one historical environment leaves none to judge by: `{}` is taken, which needs no \
             history; more environments make a better choice",
            choice.config.algorithm.name()
        ));
    }
}

fn say_that_it_chooses(quiet: bool) {
    if !quiet {
        note("choosing a method: each is judged on historical environments held out in turn");
    }
}

/// A model that can stand in a checkpoint.
trait Resumable: AnyEncoder + PartialEq + Send {
    /// What a checkpoint file holds.
    fn of(loaded: Loaded) -> Option<(MetaModel<Self>, Box<TrainingState>)>;
}

impl Resumable for Encoder {
    fn of(loaded: Loaded) -> Option<(MetaModel, Box<TrainingState>)> {
        match loaded {
            Loaded::Checkpoint(model, state) => Some((model, state)),
            _ => None,
        }
    }
}

impl Resumable for CsiEncoder {
    fn of(loaded: Loaded) -> Option<(MetaModel<Self>, Box<TrainingState>)> {
        match loaded {
            Loaded::CsiCheckpoint(model, state) => Some((model, state)),
            _ => None,
        }
    }
}

/// Trains from the start or from the checkpoint, and writes the model or a checkpoint.
fn train_or_go_on<E: Resumable>(
    args: &Train,
    (config, choice): (&LearningConfig, Option<&Choice>),
    quiet: bool,
    train: impl Fn(
        &LearningConfig,
        Option<TrainingState>,
        &mut dyn Observer,
    ) -> Result<MetaModel<E>, metaloc::Error>,
) -> anyhow::Result<MetaModel<E>> {
    let checkpoint = checkpoint_path(&args.out);
    let interrupt = interrupt::watch()?;
    // What the checkpoint holds beside the state: the same model without any training.
    let algorithm = if config.algorithm.has_network() { Algorithm::Ri } else { config.algorithm };
    let untrained = LearningConfig { algorithm, ..config.clone() };
    let mut template = train(&untrained, None, &mut Silent)?;
    template.config = config.clone();
    let state = if args.resume { Some(resume(&checkpoint, &template)?) } else { None };
    let mut progress = TrainingProgress::new(template, checkpoint.clone(), &interrupt, quiet);
    progress.trace = args.trace.as_ref().map(|_| Vec::new());
    let trained = train(config, state, &mut progress);
    if let (Some(path), Some(rows)) = (&args.trace, progress.trace.take()) {
        let theorem_one = trained.as_ref().map_or(&[][..], |model| &model.record.theorem_one);
        write_trace(path, &rows, theorem_one)?;
    }
    let failure = progress.failure.take();
    drop(progress);
    if let Some(error) = failure {
        return Err(error).context("the checkpoint could not be written");
    }
    let mut model = trained?;
    if let Some(choice) = choice {
        model.record.selection.clone_from(&choice.table);
    }
    if model.record.outcome == Some(Outcome::Interrupted) {
        let at = model.record.iterations;
        return Err(Interrupted(format!(
            "iteration {at} is kept in {}; the same command with --resume goes on",
            checkpoint.display()
        ))
        .into());
    }
    model_file::write_meta(&model, &args.out)?;
    if checkpoint.exists() {
        std::fs::remove_file(&checkpoint).with_context(|| checkpoint.display().to_string())?;
    }
    Ok(model)
}

fn config(args: &Train) -> anyhow::Result<LearningConfig> {
    let mut config = match &args.config {
        Some(path) => LearningConfig::read(path)?,
        None => LearningConfig::automatic(),
    };
    if let Some(algorithm) = &args.algorithm {
        config.algorithm = algorithm.parse()?;
    }
    if let Some(iterations) = args.iterations {
        config.training.iterations = iterations;
    }
    config.training.validation.alignment |= args.trace.is_some();
    config.check()?;
    Ok(config.resolved())
}

/// Writes a JSON line a measurement, then one a size of support sets that Theorem 1 was measured with.
fn write_trace(path: &Path, rows: &[TraceRow], theorem: &[TheoremOne]) -> anyhow::Result<()> {
    let mut text = String::new();
    let rows = rows.iter().map(serde_json::to_string);
    for row in rows.chain(theorem.iter().map(serde_json::to_string)) {
        text += &row?;
        text.push('\n');
    }
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// Refuses a place that no file can be written to, before hours go into what it shall hold.
pub(crate) fn check_place(out: &Path) -> anyhow::Result<()> {
    if out.is_dir() {
        bail!("{}: a folder is there; name a file", out.display());
    }
    let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        None => Ok(()),
        Some(folder) => {
            bail!("{}: there is no folder {}; make it first", out.display(), folder.display())
        }
    }
}

fn checkpoint_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".checkpoint");
    PathBuf::from(name)
}

/// Reads the checkpoint and refuses one of another run than `untrained` begins.
fn resume<E: Resumable>(path: &Path, untrained: &MetaModel<E>) -> anyhow::Result<TrainingState> {
    if !path.exists() {
        bail!("{}: there is no checkpoint to go on from; start without --resume", path.display());
    }
    let Some((model, state)) = E::of(model_file::read(path)?) else {
        bail!(
            "{}: a model file, but not a checkpoint of such a run; start without --resume",
            path.display()
        );
    };
    let (found, expected) = (&model.record, &untrained.record);
    let differs = [
        ("settings", model.config != untrained.config),
        ("seed", found.seed != expected.seed),
        ("environments", found.environments != expected.environments),
        (
            "environments to validate on",
            found.validation_environments != expected.validation_environments,
        ),
        ("survey", found.data_hash != expected.data_hash),
        ("sets", model.encoder != untrained.encoder),
    ];
    if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
        bail!(
            "{}: the checkpoint is of a run with other {what}; start without --resume, or with \
             the same {what}",
            path.display()
        );
    }
    Ok(*state)
}

/// Says what came out; `unit_m` is a unit of position losses (m).
fn report<E>(model: &MetaModel<E>, unit_m: Option<f64>, out: &Path) {
    let record = &model.record;
    let why = match record.outcome {
        Some(Outcome::Converged) => "converged",
        Some(Outcome::IterationsDone) => "all iterations done",
        Some(Outcome::Interrupted) => "interrupted",
        None if model.config.algorithm.has_network() => "random start, no training",
        None => "nothing to train",
    };
    selection_lines(&record.selection).into_iter().for_each(note);
    note(format!(
        "{}: {} iterations ({why}), {} parameters, from {}",
        model.config.algorithm.name(),
        record.iterations,
        model.parameters.len(),
        record.environments.join(", "),
    ));
    if let (Some(loss), Some(best)) = (record.validation_loss, record.best_iteration) {
        match (model.config.loss(), unit_m) {
            (metaloc::nn::Loss::Euclidean, Some(unit_m)) => {
                let metres = f64::from(loss) * unit_m;
                note(format!("best validation error {metres:.2} m at iteration {best}"));
            }
            _ => note(format!("best validation loss {loss:.4} at iteration {best}")),
        }
    }
    steps_line(record).into_iter().for_each(note);
    note(format!("written to {}", out.display()));
}
