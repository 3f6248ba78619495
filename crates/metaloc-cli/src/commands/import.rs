//! `metaloc import`.

use anyhow::bail;
use metaloc::survey::SurveySummary;
use metaloc::survey::import::{ImportOptions, import};

use super::train::check_place;
use crate::args::Import;
use crate::output::{Output, Usage};

pub(crate) fn run(args: &Import) -> anyhow::Result<()> {
    if let Some(out) = args.out.as_ref().filter(|out| !args.dry_run && out.exists()) {
        bail!(metaloc::Error::OutputExists(out.clone()));
    }
    if let Some(out) = args.out.as_ref().filter(|_| !args.dry_run) {
        check_place(out)?;
    }
    let mut options = ImportOptions {
        environments: args.environments.clone(),
        sets: args.sets.clone(),
        block_frames: args.block_frames.map(|n| n as usize),
        capture: args.capture.options(),
        ..Default::default()
    };
    let of_captures = args.block_frames.is_some() || args.capture.is_given();
    if of_captures && args.format != "captures" {
        bail!(Usage(
            "--block-frames, --chip and --esp32-estimate are for --format captures".into()
        ));
    }
    if let Some(by) = &args.environment_by {
        options.environment_by = Some(by.parse()?);
    }
    if let Some(which) = &args.drop_duplicates {
        options.drop_duplicates = Some(which.parse()?);
    }
    let (survey, report) = import(args.format.parse()?, &args.paths, &options)?;
    let output = Output::new(&args.json);
    output.say(&report)?;
    output.say(SurveySummary::of(&survey))?;
    output.rows(&[&report])?;
    match &args.out {
        Some(out) if !args.dry_run => {
            survey.write(out)?;
            output.say(format!("written to {}", out.display()))
        }
        out => {
            survey.check_writable(out.as_deref().unwrap_or("the survey".as_ref()))?;
            output.say("nothing was written (--dry-run)")
        }
    }
}
