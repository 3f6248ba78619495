//! The `metaloc` command: parse, call the library, print. The only place that prints.
//!
//! ```text
//! signals -> fingerprints -> tasks -> meta-training -> adaptation -> location -> evaluation | serving
//! ```
//!
//! Each command is one file under `commands/`. Errors become exit codes here and nowhere else:
//! 2 for wrong usage (clap's), 1 for failure, 130 for an interruption that left a usable
//! checkpoint.

mod args;
mod commands;
mod interrupt;
mod output;
mod progress;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use metaloc::nn::kernels::level::SimdLevel;
use metaloc::survey::SurveyError;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    if let Err(reason) = SimdLevel::requested() {
        let _ = writeln!(std::io::stderr(), "error: {reason}");
        return ExitCode::from(2);
    }
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if stderr is gone too.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            if error.is::<interrupt::Interrupted>() {
                ExitCode::from(130)
            } else if is_usage(&error) {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Whether an option has a value that no data could make legal; clap tells of those that it knows.
fn is_usage(error: &anyhow::Error) -> bool {
    let of_survey = error.downcast_ref::<SurveyError>();
    error.is::<output::Usage>()
        || matches!(of_survey, Some(SurveyError::Unknown { what, .. }) if *what != "environment")
}

/// Whether the reader of our output went away (`metaloc inspect X | head -1`): no failure of ours.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}
