//! One command, one file.

mod adapt;
mod bench;
mod completions;
mod demo;
mod doctor;
mod evaluate;
mod images;
mod import;
mod inspect;
mod locate;
mod reproduce;
mod similarity;
mod simulate;
mod sites;
mod survey;
mod train;

use crate::args::{Cli, Command};

pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let quiet = cli.quiet;
    match cli.command {
        Command::Reproduce(args) => reproduce::run(&args, quiet),
        Command::Demo(args) => demo::run(&args, quiet),
        Command::Import(args) => import::run(&args),
        Command::Survey(args) => survey::run(&args, quiet),
        Command::Inspect(args) => inspect::run(&args),
        Command::Images(args) => images::run(&args, quiet),
        Command::Doctor(args) => doctor::run(&args, quiet),
        Command::Similarity(args) => similarity::run(&args, quiet),
        Command::Simulate(args) => simulate::run(&args, quiet),
        Command::Train(args) => train::run(&args, quiet),
        Command::Adapt(args) => adapt::run(&args, quiet),
        Command::Locate(args) => locate::run(&args, quiet),
        Command::Evaluate(args) => evaluate::run(&args, quiet),
        Command::Bench(args) => bench::run(&args, quiet),
        Command::Completions(args) => completions::run(&args),
    }
}
