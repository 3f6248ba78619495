//! `metaloc reproduce`.

use std::path::Path;

use anyhow::{Context, bail};
use metaloc::reproduce::{Dataset, ReproduceSettings, Reproduction, Target, report, reproduce};
use serde::Serialize;

use crate::args::Reproduce;
use crate::interrupt::{self, Interrupted};
use crate::output::Output;
use crate::progress::EvaluationProgress;

/// Rows so far, in the folder of the results.
const KEPT: &str = "rows";

/// A claim as `--json` prints it.
#[derive(Serialize)]
struct ClaimRow<'a> {
    target: &'a str,
    quick: bool,
    #[serde(flatten)]
    claim: &'a metaloc::reproduce::Claim,
}

pub(crate) fn run(args: &Reproduce, quiet: bool) -> anyhow::Result<()> {
    let dataset = args.dataset.as_deref().map(str::parse).transpose()?;
    let targets = targets(&args.targets, dataset)?;
    let (quick, data_folder) = (args.quick, args.data.clone());
    let seeds = args.seeds.map(|n| n as usize);
    let training_share = args.training_share;
    let settings = ReproduceSettings { quick, seeds, training_share, dataset, data_folder };
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let kept = args.out.join(KEPT);
    let output = Output::new(&args.json);
    let interrupt = interrupt::watch()?;
    let mut done: Vec<Reproduction> = Vec::new();
    for target in targets {
        let mut progress = EvaluationProgress::new(&interrupt, quiet);
        let result = reproduce(target, &settings, &kept, &mut progress);
        drop(progress);
        if interrupt.is_set() {
            let kept = kept.display();
            bail!(Interrupted(format!("what is done stands in {kept}; the same command goes on")));
        }
        let result = result.with_context(|| target.name().to_owned())?;
        result.write(&args.out)?;
        say(&result, &output)?;
        done.push(result);
    }
    let page = report(&done, &machine(), &command(args))?.to_html();
    let path = args.out.join("report.html");
    metaloc::model_file::write_beside(&path, page.as_bytes())?;
    output.say(format!("report: {}", path.display()))?;
    let claims = done.iter().flat_map(|result| {
        let (target, quick) = (result.target.name(), result.is_quick);
        result.claims.iter().map(move |claim| ClaimRow { target, quick, claim })
    });
    output.rows(&claims.collect::<Vec<_>>())
}

/// Those that are named; `all`: all that can be made on the data set.
fn targets(names: &[String], dataset: Option<Dataset>) -> anyhow::Result<Vec<Target>> {
    if names.iter().any(|name| name == "all") {
        return Ok(Target::ALL.into_iter().filter(|target| target.is_about(dataset)).collect());
    }
    let mut targets: Vec<Target> =
        names.iter().map(|name| name.parse()).collect::<Result<_, metaloc::Error>>()?;
    targets.dedup();
    // Before hours are spent on the others.
    targets.iter().try_for_each(|target| target.check(dataset))?;
    Ok(targets)
}

fn say(result: &Reproduction, output: &Output<'_>) -> anyhow::Result<()> {
    output.say(format!("{}: {}", result.target.name(), result.title))?;
    for drawing in &result.drawings {
        output.say(format!("  {}.svg, {}.png", drawing.name, drawing.name))?;
    }
    for claim in &result.claims {
        output.say(format!(
            "  {}: {}\n    measured: {}",
            claim.verdict.words(),
            claim.paper,
            claim.measured
        ))?;
    }
    Ok(())
}

/// The same command again.
fn command(args: &Reproduce) -> String {
    let mut command = format!("metaloc reproduce {}", args.targets.join(" "));
    if args.quick {
        command += " --quick";
    }
    if let Some(n) = args.seeds {
        command += &format!(" --seeds {n}");
    }
    if args.training_share < 1.0 {
        command += &format!(" --training-share {}", args.training_share);
    }
    if let Some(dataset) = &args.dataset {
        command += &format!(" --dataset {dataset}");
    }
    // Where folders lie differs from machine to machine.
    if args.data.exists() {
        command += &format!(" --data {}", name_of(&args.data));
    }
    command + " --out " + &name_of(&args.out)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// What it ran on, without the machine's name.
fn machine() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!(
        "{os} {arch}, {threads} threads, {}",
        metaloc::nn::kernels::level::SimdLevel::current().name()
    )
}
