//! The house's own tooling. `cargo xtask check` runs every check that CI runs, the cheapest first,
//! and stops at the first failure; `cargo xtask check NAME...` runs some of them. `cargo xtask
//! results` measures docs/results.md anew.
#![allow(clippy::print_stdout, reason = "a build tool talks to the person who called it")]
#![allow(clippy::print_stderr, reason = "a build tool talks to the person who called it")]

mod check;
mod dependency_directions;
mod forbidden_paths;
mod results;
mod source_files;
mod tracked_files;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["help" | "-h" | "--help"] | ["check", "-h" | "--help"] => {
            println!("{}", check::help());
            ExitCode::SUCCESS
        }
        ["check", names @ ..] => exit_code(check::run(names)),
        ["results"] => exit_code(results::run()),
        _ => {
            eprintln!("{}", check::help());
            ExitCode::from(2)
        }
    }
}

fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
