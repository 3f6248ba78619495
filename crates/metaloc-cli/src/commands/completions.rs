//! `metaloc completions`.

use clap::CommandFactory;

use crate::args::{Cli, Completions};

pub(crate) fn run(args: &Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "metaloc", &mut script);
    crate::output::line(String::from_utf8_lossy(&script))
}
