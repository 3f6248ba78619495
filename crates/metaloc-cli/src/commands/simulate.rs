//! `metaloc simulate`.

use std::path::Path;

use anyhow::bail;
use metaloc::simulate::campaign::{Campaign, CampaignSize};
use metaloc::simulate::{Scenario, Simulation};
use metaloc::survey::{Survey, SurveySummary, SurveyWriter};

use crate::args::Simulate;
use crate::interrupt::{self, Interrupted};
use crate::output::{Output, note};
use crate::progress::EvaluationProgress;

pub(crate) fn run(args: &Simulate, quiet: bool) -> anyhow::Result<()> {
    let out = &args.out.clone().unwrap_or_else(|| {
        // Only a preview goes without --out.
        let name = args.scenario.file_stem().unwrap_or("scenario".as_ref()).to_string_lossy();
        format!("{name}-preview").into()
    });
    if out.exists() {
        bail!(metaloc::Error::OutputExists(out.clone()));
    }
    let simulation = Simulation::read(&args.scenario, args.seed)?;
    if args.preview {
        return preview(&simulation, out, (&Output::new(&args.json), quiet));
    }
    match simulation {
        Simulation::PathLoss(scenario) => path_loss(&scenario, args, out),
        Simulation::Campaign(campaign) if !args.captures.is_empty() => {
            captures(&campaign, args, out, quiet)
        }
        Simulation::Campaign(campaign) => self::campaign(&campaign, args, out, quiet),
    }
}

fn path_loss(scenario: &Scenario, args: &Simulate, out: &Path) -> anyhow::Result<()> {
    if !args.captures.is_empty() {
        bail!(crate::output::Usage(
            "a scenario of path-loss models has no frames to capture; use one with [[places]] and \
             [csi]"
                .into()
        ));
    }
    let survey = scenario.simulate();
    let output = Output::new(&args.json);
    let summary = SurveySummary::of(&survey);
    output.say(&summary)?;
    output.rows(&[&summary])?;
    survey.write(out)?;
    output.say(format!("written to {}", out.display()))
}

/// Says how much it will be, then simulates environment by environment.
fn campaign(campaign: &Campaign, args: &Simulate, out: &Path, quiet: bool) -> anyhow::Result<()> {
    let output = Output::new(&args.json);
    campaign.warnings().iter().for_each(|warning| note(format!("warning: {warning}")));
    announce(format!("{}: {}", campaign.config.name, campaign.size()), quiet);
    if !quiet {
        announce_time(campaign.seconds()?);
    }
    let writer = SurveyWriter::start(out, &campaign.key()?, args.resume)?;
    let interrupt = interrupt::watch()?;
    let mut progress = EvaluationProgress::new(&interrupt, quiet);
    let mut survey = campaign.empty_survey();
    let days: Vec<_> = campaign.days().collect();
    let mut summaries = Vec::new();
    for (done, &day) in days.iter().enumerate() {
        let name = campaign.environment_name(day);
        if writer.has(&name) {
            continue;
        }
        let simulated = campaign.environment(day, &mut survey, |share| {
            progress.share(done as f64 + share, days.len(), &name)
        });
        if interrupt.is_set() {
            let part = writer.part().display();
            let kept =
                format!("what is done stands in {part}; the same command with --resume goes on");
            bail!(Interrupted(kept));
        }
        let environment = simulated?;
        writer.add(&survey, &environment)?;
        let alone = Survey { environments: vec![environment], ..survey.clone() };
        summaries.push(SurveySummary::of(&alone));
    }
    drop(progress);
    let names: Vec<String> = days.iter().map(|&day| campaign.environment_name(day)).collect();
    writer.finish(&survey, &names)?;
    for environment in summaries.iter().flat_map(|summary| &summary.environments) {
        output.say(environment)?;
    }
    output.rows(&summaries)?;
    output.say(format!("written to {}", out.display()))
}

/// What is coming, on stderr: it is no result.
fn announce(text: String, quiet: bool) {
    if !quiet {
        note(text);
    }
}

fn announce_time(seconds: f64) {
    note(format!("about {:.0} s on this machine", seconds.ceil()));
}

/// Writes some points' frames as captures.
fn captures(campaign: &Campaign, args: &Simulate, out: &Path, quiet: bool) -> anyhow::Result<()> {
    let output = Output::new(&args.json);
    let plan = campaign.captures(&args.captures)?;
    let megabytes = plan.bytes() as f64 / 1e6;
    announce(format!("{}: about {megabytes:.1} MB", campaign.config.name), quiet);
    if !quiet {
        announce_time(plan.seconds()?);
    }
    let rows = plan.write(out)?;
    output.rows(&rows)?;
    output.say(format!(
        "{} captures written to {}; metaloc import --format captures {} --out SURVEY reads them",
        rows.len(),
        out.display(),
        out.display()
    ))
}

/// Draws every place into a folder.
fn preview(
    simulation: &Simulation,
    folder: &Path,
    (output, quiet): (&Output<'_>, bool),
) -> anyhow::Result<()> {
    match simulation {
        Simulation::PathLoss(scenario) => {
            let survey = scenario.simulate();
            survey.check_writable("the survey".as_ref())?;
            output.say(SurveySummary::of(&survey))?;
        }
        Simulation::Campaign(campaign) => {
            campaign.warnings().iter().for_each(|warning| note(format!("warning: {warning}")));
            output.say(format!("{}: {}", campaign.config.name, campaign.size()))?;
        }
    }
    let drawn = metaloc::simulate::preview(simulation, folder)?;
    drawn.notes.iter().for_each(note);
    if let Simulation::Campaign(campaign) = simulation {
        let seconds = if quiet { None } else { previewed_seconds(campaign) };
        output.rows(&[CampaignSize { seconds, ..campaign.size() }])?;
    }
    let (pictures, folder) = (drawn.files.join(", "), folder.display());
    output.say(format!("drawn into {folder}: {pictures}; nothing was simulated (--preview)"))
}

/// How long the campaign would take (s); none, and a note, if it would be refused.
fn previewed_seconds(campaign: &Campaign) -> Option<f64> {
    match campaign.seconds() {
        Ok(seconds) => {
            announce_time(seconds);
            Some(seconds)
        }
        Err(error) => {
            note(format!("warning: simulating it will be refused: {error}"));
            None
        }
    }
}
