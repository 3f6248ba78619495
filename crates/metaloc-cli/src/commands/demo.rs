//! `metaloc demo`.

use anyhow::{Context, bail};

use super::evaluate::summary_text;
use crate::args::Demo;
use crate::interrupt;
use crate::output::{Output, table};
use crate::progress::EvaluationProgress;

pub(crate) fn run(args: &Demo, quiet: bool) -> anyhow::Result<()> {
    let algorithm = args.algorithm.parse()?;
    if args.out.exists() {
        bail!(metaloc::Error::OutputExists(args.out.clone()));
    }
    let interrupt = interrupt::watch()?;
    let mut progress = EvaluationProgress::new(&interrupt, quiet);
    let demo = metaloc::demo::run(algorithm, args.seed, &mut progress)?;
    drop(progress);
    // Whole or not at all: a folder beside it, renamed when it is complete.
    let parent = match args.out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => std::path::Path::new("."),
    };
    // Of an error the kind alone: the rest names a folder that nobody asked for.
    let beside = tempfile::Builder::new()
        .prefix(".metaloc-")
        .tempdir_in(parent)
        .map_err(|e| std::io::Error::from(e.kind()))
        .with_context(|| args.out.display().to_string())?;
    let inner = beside.path().join("report");
    std::fs::create_dir(&inner).with_context(|| args.out.display().to_string())?;
    demo.write(&inner)?;
    std::fs::rename(&inner, &args.out).with_context(|| args.out.display().to_string())?;
    let output = Output::new(&args.json);
    output.say(format!("{}\n", demo.protocol.title))?;
    output.say(summary_text((&[], &demo.summary), table))?;
    let out = args.out.display();
    output.say(format!("\nreport with pictures: {out}/report.html"))?;
    output.say(format!(
        "locate with the adapted model: metaloc locate --model {out}/new-day.model \
         {out}/walker.pcap"
    ))?;
    output.rows(&demo.evaluation.rows)
}
