//! `metaloc train`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use metaloc::learning::{Historical, LearningConfig, MetaModel, meta_train};
use metaloc::meta::training::{Outcome, Silent, TrainingState};
use metaloc::model_file::{self, Loaded};
use metaloc::site::Site;
use metaloc::survey::Survey;

use crate::args::Train;
use crate::interrupt::{self, Interrupted};
use crate::output::note;
use crate::progress::TrainingProgress;

pub(crate) fn run(args: &Train, quiet: bool) -> anyhow::Result<()> {
    let config = config(args)?;
    let survey = Survey::read(&args.survey)?;
    let sites = sites(&survey, &args.environments, &args.sets)?;
    let held_out = sites_of(&survey, &args.validate_on, &args.sets)?;
    let validation_sites = if held_out.is_empty() { sites.clone() } else { held_out };
    let data_hash = survey.content_hash();
    let historical = Historical {
        sites: &sites,
        validation_sites: &validation_sites,
        access_points: &survey.access_points,
        data_hash: &data_hash,
    };
    let checkpoint = checkpoint_path(&args.out);
    let state =
        if args.resume { Some(resume(&checkpoint, &config, args, &data_hash)?) } else { None };
    let interrupt = interrupt::watch()?;
    // What the checkpoint holds beside the state: the same model without any training.
    let untrained =
        LearningConfig { algorithm: metaloc::learning::Algorithm::Ri, ..config.clone() };
    let mut template = meta_train(historical, &untrained, args.seed, None, &mut Silent)?;
    template.config = config.clone();
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

/// Sites of named environments; an unknown name is an error that lists the known ones.
pub(crate) fn sites(
    survey: &Survey,
    environments: &[String],
    sets: &[String],
) -> anyhow::Result<Vec<Site>> {
    let sites = sites_of(survey, environments, sets)?;
    if sites.is_empty() {
        bail!("the environments named have no samples in the sets {}", sets.join(", "));
    }
    Ok(sites)
}

fn sites_of(survey: &Survey, names: &[String], sets: &[String]) -> anyhow::Result<Vec<Site>> {
    let mut sites = Vec::new();
    for name in names {
        let environment = survey.environment(name).with_context(|| {
            let have: Vec<&str> = survey.environments.iter().map(|e| e.name.as_str()).collect();
            format!("no environment `{name}` in the survey; it has {}", have.join(", "))
        })?;
        sites.extend(Site::of_environment(environment, |sample| in_sets(&sample.set, sets)));
    }
    Ok(sites)
}

/// Whether a sample's set is among those asked for; `trn*` means all that begin so.
pub(crate) fn in_sets(set: &str, asked: &[String]) -> bool {
    asked.is_empty()
        || asked.iter().any(|name| match name.strip_suffix('*') {
            Some(prefix) => set.starts_with(prefix),
            None => set == name,
        })
}

fn checkpoint_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".checkpoint");
    PathBuf::from(name)
}

/// Reads the checkpoint and refuses one of another run.
fn resume(
    path: &Path,
    config: &LearningConfig,
    args: &Train,
    data_hash: &str,
) -> anyhow::Result<TrainingState> {
    let Loaded::Checkpoint(model, state) = model_file::read(path)? else {
        bail!("{}: a model file, but not a checkpoint", path.display());
    };
    let differs = [
        ("settings", model.config != *config),
        ("seed", model.record.seed != args.seed),
        ("environments", model.record.environments != args.environments),
        ("survey", model.record.data_hash != data_hash),
    ];
    if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
        bail!(
            "{}: the checkpoint is of a run with another {what}; start without --resume, or with \
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
        match model.config.network.loss {
            metaloc::nn::Loss::Euclidean => {
                note(format!("best validation error {metres:.2} m at iteration {best}"));
            }
            _ => note(format!("best validation loss {loss:.4} at iteration {best}")),
        }
    }
    note(format!("written to {}", out.display()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_named_or_begin_so() {
        let asked = ["tst01".to_owned(), "trn*".to_owned()];
        assert!(in_sets("tst01", &asked) && in_sets("trn05", &asked) && !in_sets("tst02", &asked));
        assert!(in_sets("anything", &[]));
    }
}
