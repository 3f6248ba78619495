//! `metaloc train`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use metaloc::learning::{Historical, LearningConfig, MetaModel, meta_train};
use metaloc::meta::training::{Outcome, Silent, TrainingState};
use metaloc::model_file::{self, Loaded};
use metaloc::site::Site;
use metaloc::survey::{Survey, is_one_of};

use crate::args::Train;
use crate::interrupt::{self, Interrupted};
use crate::output::note;
use crate::progress::TrainingProgress;

pub(crate) fn run(args: &Train, quiet: bool) -> anyhow::Result<()> {
    check_place(&args.out)?;
    let config = config(args)?;
    let survey = Survey::read(&args.survey)?;
    let sites_of = |names: &[String]| sites(&survey, names, &args.sets);
    let (sites, held_out) = (sites_of(&args.environments)?, sites_of(&args.validate_on)?);
    let validation_sites = if held_out.is_empty() { sites.clone() } else { held_out };
    let data_hash = survey.content_hash();
    let historical = Historical {
        sites: &sites,
        validation_sites: &validation_sites,
        access_points: &survey.access_points,
        data_hash: &data_hash,
    };
    let checkpoint = checkpoint_path(&args.out);
    let interrupt = interrupt::watch()?;
    // What the checkpoint holds beside the state: the same model without any training.
    let untrained =
        LearningConfig { algorithm: metaloc::learning::Algorithm::Ri, ..config.clone() };
    let mut template = meta_train(historical, &untrained, args.seed, None, &mut Silent)?;
    template.config = config.clone();
    let state = if args.resume { Some(resume(&checkpoint, &template)?) } else { None };
    let mut progress = TrainingProgress::new(template, checkpoint.clone(), &interrupt, quiet);
    let trained = meta_train(historical, &config, args.seed, state, &mut progress);
    let failure = progress.failure.take();
    drop(progress);
    if let Some(error) = failure {
        return Err(error).context("the checkpoint could not be written");
    }
    let model = trained?;
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
    if !quiet {
        report(&model, &args.out);
    }
    Ok(())
}

fn config(args: &Train) -> anyhow::Result<LearningConfig> {
    let mut config = match &args.config {
        Some(path) => LearningConfig::read(path)?,
        None => LearningConfig::default(),
    };
    if let Some(algorithm) = &args.algorithm {
        config.algorithm = algorithm.parse()?;
    }
    if let Some(iterations) = args.iterations {
        config.training.iterations = iterations;
    }
    config.check()?;
    Ok(config)
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

/// Sites of named environments; an unknown name is an error that lists the known ones, and so is an
/// environment without a sample in `sets`.
pub(crate) fn sites(
    survey: &Survey,
    names: &[String],
    sets: &[String],
) -> anyhow::Result<Vec<Site>> {
    let mut sites = Vec::new();
    for name in names {
        let environment = survey.environment(name).with_context(|| {
            let have: Vec<&str> = survey.environments.iter().map(|e| e.name.as_str()).collect();
            format!("no environment `{name}` in the survey; it has {}", have.join(", "))
        })?;
        let found = Site::of_environment(environment, |sample| {
            sets.is_empty() || is_one_of(&sample.set, sets)
        });
        if found.is_empty() {
            let have: BTreeSet<&str> = environment.samples.iter().map(|s| &*s.set).collect();
            let have: Vec<&str> = have.into_iter().collect();
            bail!(
                "environment `{name}` has no sample that heard anything in the sets {}; it has {}",
                sets.join(", "),
                have.join(", ")
            );
        }
        sites.extend(found);
    }
    Ok(sites)
}

fn checkpoint_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".checkpoint");
    PathBuf::from(name)
}

/// Reads the checkpoint and refuses one of another run than `untrained` begins.
fn resume(path: &Path, untrained: &MetaModel) -> anyhow::Result<TrainingState> {
    if !path.exists() {
        bail!("{}: there is no checkpoint to go on from; start without --resume", path.display());
    }
    let Loaded::Checkpoint(model, state) = model_file::read(path)? else {
        bail!("{}: a model file, but not a checkpoint; start without --resume", path.display());
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

fn report(model: &MetaModel, out: &Path) {
    let record = &model.record;
    let why = match record.outcome {
        Some(Outcome::Converged) => "converged",
        Some(Outcome::IterationsDone) => "all iterations done",
        Some(Outcome::Interrupted) => "interrupted",
        None => "random start, no training",
    };
    note(format!(
        "{}: {} iterations ({why}), {} parameters, from {}",
        model.config.algorithm.name(),
        record.iterations,
        model.parameters.len(),
        record.environments.join(", "),
    ));
    if let (Some(loss), Some(best)) = (record.validation_loss, record.best_iteration) {
        let metres = f64::from(loss) * model.encoder.historical_frame.scale_m;
        match model.config.loss() {
            metaloc::nn::Loss::Euclidean => {
                note(format!("best validation error {metres:.2} m at iteration {best}"));
            }
            _ => note(format!("best validation loss {loss:.4} at iteration {best}")),
        }
    }
    note(format!("written to {}", out.display()));
}
