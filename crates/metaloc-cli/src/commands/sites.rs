//! Environments of a survey that a command names, as sites to learn from.

use std::collections::BTreeSet;

use anyhow::Context;
use metaloc::csi_site::CsiSite;
use metaloc::radio::preprocess::{CsiConfig, WindowReport};
use metaloc::site::Site;
use metaloc::survey::{Environment, Sample, Survey, is_one_of};

use crate::output::{note, runs_as_setting};

/// Sites of named environments with channel state information, as [`sites`].
pub(crate) fn csi_sites(
    survey: &Survey,
    names: &[String],
    sets: &[String],
    window: &CsiConfig,
    quiet: bool,
) -> anyhow::Result<Vec<CsiSite>> {
    let (mut sites, mut report) = (Vec::new(), WindowReport::default());
    for name in names {
        let environment = environment(survey, name)?;
        let keep = |sample: &Sample| sets.is_empty() || is_one_of(&sample.set, sets);
        let cut = CsiSite::of_environment(environment, &survey.access_points, window, keep);
        let (site, of_site) = cut?;
        if site.points.is_empty() {
            let asked = format!("no window of {} frames", window.packets);
            return Err(nothing_found(environment, sets, &asked, true));
        }
        if !quiet {
            say_bad_subcarriers(environment, window)?;
        }
        report += of_site;
        sites.push(site);
    }
    let dropped = report.invalid + report.outliers;
    if !quiet && dropped + report.left_over > 0 {
        note(format!(
            "{} frames: {dropped} dropped ({} damaged, {} outliers), {} in no window of {}",
            report.frames, report.invalid, report.outliers, report.left_over, window.packets
        ));
    }
    Ok(sites)
}

/// Why there is nothing to learn from in an environment, of channel state information or of RSS.
fn nothing_found(
    environment: &Environment,
    sets: &[String],
    what: &str,
    of_csi: bool,
) -> anyhow::Error {
    let has = |sample: &Sample| match of_csi {
        true => sample.csi.is_some(),
        false => !sample.scan.is_empty(),
    };
    let name = &environment.name;
    if !environment.samples.iter().any(has) {
        let none = environment.samples.iter().all(|s| s.csi.is_none() && s.scan.is_empty());
        let said = match of_csi {
            _ if none => {
                "nothing that was received: rss.csv has no reading, and csi.safetensors is not in \
                 its folder; copy what belongs there"
            }
            true => {
                "no channel state information, only RSS scans: csi.safetensors is not in its \
                 folder; copy it there, or leave `[csi]` out of the settings"
            }
            false => {
                "no RSS, only channel state information; use settings with `[csi]`, or a model \
                 trained with them"
            }
        };
        return anyhow::anyhow!("environment `{name}` has {said}");
    }
    if sets.is_empty() {
        return anyhow::anyhow!("environment `{name}` has {what}; record longer");
    }
    let (sets, have) = (sets.join(", "), set_names(environment));
    anyhow::anyhow!("environment `{name}` has {what} in the sets {sets}; it has {have}")
}

/// Names subcarriers that windows keep although nobody should learn from them, looking at one recording
/// of each access point.
fn say_bad_subcarriers(environment: &Environment, window: &CsiConfig) -> anyhow::Result<()> {
    let mut looked_at = BTreeSet::new();
    let mut bad = BTreeSet::new();
    for csi in environment.samples.iter().filter_map(|sample| sample.csi.as_ref()) {
        if looked_at.insert(csi.access_point) {
            bad.extend(window.bad_subcarriers(&csi.recording)?);
        }
    }
    if !bad.is_empty() {
        let bad: Vec<i16> = bad.into_iter().collect();
        note(format!(
            "{}: {} subcarriers are kept that look dead, constant or junk; to leave them out: \
             `csi.window.leave_out = {}`",
            environment.name,
            bad.len(),
            runs_as_setting(&bad)
        ));
    }
    Ok(())
}

fn environment<'a>(survey: &'a Survey, name: &str) -> anyhow::Result<&'a Environment> {
    survey.environment(name).with_context(|| {
        let have: Vec<&str> = survey.environments.iter().map(|e| e.name.as_str()).collect();
        format!("no environment `{name}` in the survey; it has {}", have.join(", "))
    })
}

fn set_names(environment: &Environment) -> String {
    let have: BTreeSet<&str> = environment.samples.iter().map(|s| &*s.set).collect();
    have.into_iter().collect::<Vec<_>>().join(", ")
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
        let environment = environment(survey, name)?;
        let found = Site::of_environment(environment, |sample| {
            sets.is_empty() || is_one_of(&sample.set, sets)
        });
        if found.is_empty() {
            return Err(nothing_found(environment, sets, "no sample that heard anything", false));
        }
        sites.extend(found);
    }
    Ok(sites)
}
