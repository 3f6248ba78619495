//! `metaloc import`.

use anyhow::bail;
use metaloc::radio::signal::Chip;
use metaloc::survey::SurveySummary;
use metaloc::survey::import::{ImportOptions, import};

use crate::args::Import;
use crate::output::Output;

pub(crate) fn run(args: &Import) -> anyhow::Result<()> {
    if let Some(out) = args.out.as_ref().filter(|out| !args.dry_run && out.exists()) {
        bail!(metaloc::Error::OutputExists(out.clone()));
    }
    let mut options = ImportOptions {
        environments: args.environments.clone(),
        sets: args.sets.clone(),
        block_frames: args.block_frames.map(|n| n as usize),
        chip: args.chip.as_ref().and_then(|name| Chip::ALL.into_iter().find(|c| c.name() == name)),
        ..Default::default()
    };
    let of_captures = args.block_frames.is_some() || args.chip.is_some();
    if of_captures && args.format != "captures" {
        bail!("--block-frames and --chip are for --format captures");
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
