//! `metaloc adapt`.

use anyhow::{Context, bail};
use metaloc::learning::{
    CsiModel, CsiSiteModel, MetaModel, SiteModel, StartDistance, Support, draw_csi_support,
    draw_support,
};
use metaloc::meta::seed::{Purpose, stream};
use metaloc::model_file::{self, Loaded};
use metaloc::survey::Survey;

use super::sites::{csi_sites, sites};
use super::train::check_place;
use crate::args::Adapt;
use crate::output::note;

pub(crate) fn run(args: &Adapt, quiet: bool) -> anyhow::Result<()> {
    check_place(&args.out)?;
    let [path] = args.model.as_slice() else {
        bail!("give one --model; choosing among several (MAML-TS) comes with a later version");
    };
    let adapted_already = |environment: &str| {
        anyhow::anyhow!(
            "{}: adapted to {environment} already; adapt the model that `metaloc train` made",
            path.display()
        )
    };
    let model = match model_file::read(path)? {
        Loaded::Meta(model) => model,
        Loaded::CsiMeta(model) => return adapt_csi(args, &model, quiet),
        Loaded::Site(site) => return Err(adapted_already(&site.environment)),
        Loaded::CsiSite(site) => return Err(adapted_already(&site.support.environment)),
        Loaded::Checkpoint(..) | Loaded::CsiCheckpoint(..) => {
            bail!("{}: a checkpoint; finish it with `metaloc train --resume`", path.display())
        }
    };
    let survey = Survey::read(&args.survey)?;
    let supports = supports(args, &survey, &model)?;
    let mut adaptation = model.config.adaptation();
    adaptation.steps = args.steps.unwrap_or(adaptation.steps);
    let n_points: usize = supports.iter().map(|s| s.site.points.len()).sum();
    let n_scans: usize = supports.iter().map(|s| s.site.n_scans()).sum();
    let site = SiteModel::adapt(&model, supports, &survey.access_points, adaptation)?;
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
fn adapt_csi(args: &Adapt, model: &CsiModel, quiet: bool) -> anyhow::Result<()> {
    let survey = Survey::read(&args.survey)?;
    let names = std::slice::from_ref(&args.environment);
    let window = &model.encoder.config.window;
    let sites = csi_sites(&survey, names, &args.sets, window, quiet)?;
    let samples = args.support.unwrap_or(model.config.task.samples_per_point);
    if samples == 0 {
        bail!("--support must be at least 1");
    }
    let n_points = args.points.unwrap_or(sites[0].points.len());
    let mut rng = stream(args.seed, Purpose::Support, 0, 0);
    let support = draw_csi_support(&sites[0], n_points, samples, &mut rng)?;
    let n_windows = support.n_windows();
    let mut adaptation = model.config.adaptation();
    adaptation.steps = args.steps.unwrap_or(adaptation.steps);
    let site = CsiSiteModel::adapt(model, support, adaptation)?;
    model_file::write_csi_site(&site, &args.out)?;
    if !quiet {
        note(format!("{}: {n_points} points, {n_windows} windows", args.environment));
        if !site.model.config.algorithm.has_network() {
            note("nothing is trained: windows are compared with those of the survey");
        } else if site.support_losses.is_empty() && site.model.config.adaptation.steps > 0 {
            note("the network is adapted for each query, to the points most similar to it");
        }
        for chip in model.encoder.new_chips(&site.support) {
            note(format!(
                "warning: no historical environment was surveyed with chip {chip}; see how well it \
                 locates before you rely on it"
            ));
        }
        say_start(&site.start_distances);
        say_losses(&site.support_losses);
        note(format!("written to {}", args.out.display()));
    }
    Ok(())
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
fn say_start(distances: &[StartDistance]) {
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
    note(format!(
        "adapted the start of {}, {why} ({what}: {})",
        nearest.environment,
        all.join(", ")
    ));
}
