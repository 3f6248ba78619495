//! `metaloc adapt`.

use std::path::Path;

use anyhow::{Context, bail};
use metaloc::csi_site::CsiSite;
use metaloc::learning::{
    CsiModel, CsiSiteModel, LearningConfig, MetaModel, SiteModel, StartChoice, StartDistance,
    Support, csi_held_out_error_m, draw_csi_support, draw_support, held_out_error_m,
};
use metaloc::meta::adapt::AdaptationConfig;
use metaloc::meta::seed::{Purpose, stream};
use metaloc::model_file::{self, Loaded};
use metaloc::survey::Survey;

use super::sites::{csi_sites, sites};
use super::train::check_place;
use crate::args::Adapt;
use crate::output::note;

/// A model with the file that it was read from.
struct FromFile<'a, M> {
    path: &'a Path,
    model: M,
}

pub(crate) fn run(args: &Adapt, quiet: bool) -> anyhow::Result<()> {
    check_place(&args.out)?;
    let (mut models, mut csi_models) = (Vec::new(), Vec::new());
    for path in &args.model {
        let adapted_already = |environment: &str| {
            anyhow::anyhow!(
                "{}: adapted to {environment} already; adapt the model that `metaloc train` made",
                path.display()
            )
        };
        match model_file::read(path)? {
            Loaded::Meta(model) => models.push(FromFile { path, model }),
            Loaded::CsiMeta(model) => csi_models.push(FromFile { path, model }),
            Loaded::Site(site) => return Err(adapted_already(&site.environment)),
            Loaded::CsiSite(site) => return Err(adapted_already(&site.support.environment)),
            Loaded::Checkpoint(..) | Loaded::CsiCheckpoint(..) => {
                bail!("{}: a checkpoint; finish it with `metaloc train --resume`", path.display())
            }
        }
    }
    match (&models[..], &csi_models[..]) {
        (all, []) => adapt_rss(args, all, quiet),
        ([], all) => adapt_csi(args, all, quiet),
        ([rss, ..], [csi, ..]) => bail!(
            "{} locates by RSS, {} by channel state information: give models of one kind",
            rss.path.display(),
            csi.path.display()
        ),
    }
}

/// The model with the least error on support samples held out, if there are several.
fn best_of<'a, M>(
    models: &'a [FromFile<'a, M>],
    quiet: bool,
    mut held_out_error_m: impl FnMut(&M) -> anyhow::Result<Option<f64>>,
) -> anyhow::Result<&'a FromFile<'a, M>> {
    if let [only] = models {
        return Ok(only);
    }
    let mut judged = Vec::with_capacity(models.len());
    for candidate in models {
        let place = || format!("{}: judging it on samples held out", candidate.path.display());
        let error_m = held_out_error_m(&candidate.model).with_context(place)?;
        let Some(error_m) = error_m else {
            bail!(
                "{}: can't be judged: no sample can be held out and located; give more samples a \
                 point, or a single --model",
                candidate.path.display()
            );
        };
        judged.push((error_m, candidate));
    }
    let best = judged.iter().min_by(|(a, _), (b, _)| a.total_cmp(b)).expect("several models");
    if !quiet {
        let all: Vec<String> = judged
            .iter()
            .map(|(error_m, candidate)| format!("{} {error_m:.2} m", candidate.path.display()))
            .collect();
        note(format!(
            "chose {}, whose mean error on samples held out is least ({})",
            best.1.path.display(),
            all.join(", ")
        ));
    }
    Ok(best.1)
}

/// The steps that are asked for, else the model's.
fn adaptation(args: &Adapt, config: &LearningConfig) -> AdaptationConfig {
    let adaptation = config.adaptation();
    AdaptationConfig { steps: args.steps.unwrap_or(adaptation.steps), ..adaptation }
}

/// Adapts a model of RSS.
fn adapt_rss(args: &Adapt, models: &[FromFile<'_, MetaModel>], quiet: bool) -> anyhow::Result<()> {
    let survey = Survey::read(&args.survey)?;
    let FromFile { path, model } = best_of(models, quiet, |model| {
        let (supports, steps) = (supports(args, &survey, model)?, adaptation(args, &model.config));
        Ok(held_out_error_m(model, &supports, &survey.access_points, steps)?)
    })?;
    let supports = supports(args, &survey, model)?;
    let n_points: usize = supports.iter().map(|s| s.site.points.len()).sum();
    let n_scans: usize = supports.iter().map(|s| s.site.n_scans()).sum();
    let adaptation = adaptation(args, &model.config);
    let site = SiteModel::adapt(model, supports, &survey.access_points, adaptation)?;
    let (gone, inputs) = (site.gone_access_points(), model.encoder.access_points.len());
    if inputs > 0 && gone.len() == inputs {
        bail!(
            "{}: none of the {inputs} access points that the network reads is heard in {}; train \
             on environments that share some, or with `kind = \"rss-neighbors\"`, which needs none",
            path.display(),
            args.environment
        );
    }
    model_file::write_site(&site, &args.out)?;
    if quiet {
        return Ok(());
    }
    note(format!("{}: {n_points} points, {n_scans} samples", args.environment));
    note(format!("since the historical environments: {}", site.access_point_changes()));
    if !gone.is_empty() {
        note(format!(
            "{} of the network's {inputs} access points are gone; their inputs keep the historical \
             mean: {}",
            gone.len(),
            gone.join(", ")
        ));
    }
    say_start(&site.start_distances, model.config.start);
    say_losses(&site.support_losses);
    note(format!("written to {}", args.out.display()));
    Ok(())
}

fn say_losses(losses: &[f32]) {
    if let (Some(first), Some(last)) = (losses.first(), losses.last()) {
        let steps = losses.len();
        note(format!("support loss {first:.4} before step 1, {last:.4} before step {steps}"));
    }
}

/// Adapts a model of channel state information.
fn adapt_csi(args: &Adapt, models: &[FromFile<'_, CsiModel>], quiet: bool) -> anyhow::Result<()> {
    let survey = Survey::read(&args.survey)?;
    let FromFile { model, .. } = best_of(models, quiet, |model| {
        let support = csi_support(args, &survey, model, true)?;
        Ok(csi_held_out_error_m(model, &support, adaptation(args, &model.config))?)
    })?;
    let support = csi_support(args, &survey, model, quiet)?;
    let (n_points, n_windows) = (support.points.len(), support.n_windows());
    let site = CsiSiteModel::adapt(model, support, adaptation(args, &model.config))?;
    model_file::write_csi_site(&site, &args.out)?;
    if !quiet {
        note(format!("{}: {n_points} points, {n_windows} windows", args.environment));
        if !site.model.config.algorithm.has_network() {
            note("nothing is trained: windows are compared with those of the survey");
        } else if site.support_losses.is_empty() && site.adaptation.steps > 0 {
            note("the network is adapted for each query, to the points most similar to it");
        }
        for chip in model.encoder.new_chips(&site.support) {
            note(format!(
                "warning: no historical environment was surveyed with chip {chip}; see how well it \
                 locates before you rely on it"
            ));
        }
        say_start(&site.start_distances, model.config.start);
        say_losses(&site.support_losses);
        note(format!("written to {}", args.out.display()));
    }
    Ok(())
}

/// Draws the support of channel state information, in windows of the model's.
fn csi_support(
    args: &Adapt,
    survey: &Survey,
    model: &CsiModel,
    quiet: bool,
) -> anyhow::Result<CsiSite> {
    let names = std::slice::from_ref(&args.environment);
    let window = &model.encoder.config.window;
    let sites = csi_sites(survey, names, &args.sets, window, quiet)?;
    let samples = args.support.unwrap_or(model.config.task.samples_per_point);
    if samples == 0 {
        bail!("--support must be at least 1");
    }
    let n_points = args.points.unwrap_or(sites[0].points.len());
    let mut rng = stream(args.seed, Purpose::Support, 0, 0);
    Ok(draw_csi_support(&sites[0], n_points, samples, &mut rng)?)
}

/// Draws the support: for each floor, points and samples.
fn supports(args: &Adapt, survey: &Survey, model: &MetaModel) -> anyhow::Result<Vec<Support>> {
    let names = std::slice::from_ref(&args.environment);
    let sites = sites(survey, names, &args.sets)?;
    let samples = args.support.unwrap_or(model.config.task.samples_per_point);
    if samples == 0 {
        bail!("--support must be at least 1");
    }
    sites
        .iter()
        .map(|site| {
            let points = args.points.unwrap_or(site.points.len());
            let floor = u64::from(site.floor.unsigned_abs());
            let mut rng = stream(args.seed, Purpose::Support, 0, floor);
            draw_support(site, points, samples, &mut rng)
                .with_context(|| format!("environment {}", site.label()))
        })
        .collect()
}

/// Says which start was adapted, and why.
fn say_start(distances: &[StartDistance], choice: StartChoice) {
    let worth = |d: &StartDistance| d.held_out_loss.map_or(d.mmd, f64::from);
    let Some(nearest) = distances.iter().min_by(|a, b| worth(a).total_cmp(&worth(b))) else {
        return;
    };
    let all: Vec<String> =
        distances.iter().map(|d| format!("{} {:.3}", d.environment, worth(d))).collect();
    let (why, what) = match nearest.held_out_loss {
        None => ("whose tasks are nearest", "discrepancies"),
        Some(_) => ("which does best on samples held out", "losses"),
    };
    let all = all.join(", ");
    note(match choice {
        StartChoice::All => format!(
            "adapted all {} starts, whose answers are averaged ({what}: {all})",
            distances.len()
        ),
        StartChoice::Mmd | StartChoice::HeldOutLoss => {
            format!("adapted the start of {}, {why} ({what}: {all})", nearest.environment)
        }
    });
}
