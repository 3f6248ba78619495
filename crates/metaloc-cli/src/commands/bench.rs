//! `metaloc bench`.

use std::ops::ControlFlow;

use metaloc::bench::{BenchObserver, Beside, Workload};

use crate::args::Bench;
use crate::interrupt::{self, Flag};
use crate::output::{Output, note, table};

/// Says which round runs, and notices Ctrl-C.
struct Rounds<'a> {
    interrupt: &'a Flag,
    quiet: bool,
}

impl BenchObserver for Rounds<'_> {
    fn round(&mut self, workload: Workload, done: usize, rounds: usize) -> ControlFlow<()> {
        if !self.quiet {
            note(format!("{workload}: round {} of {rounds}", done + 1));
        }
        if self.interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

pub(crate) fn run(args: &Bench, quiet: bool) -> anyhow::Result<()> {
    let workloads: Vec<Workload> =
        args.workloads.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
    let interrupt = interrupt::watch()?;
    let mut observer = Rounds { interrupt: &interrupt, quiet };
    let rows = metaloc::bench::run(&workloads, args.rounds, &mut observer)?;
    let output = Output::new(&args.json);
    let headers = [
        "workload",
        "threads",
        "simd",
        "ms",
        "range ms",
        "GFLOP/s",
        "peak GFLOP/s",
        "of peak",
        "MB",
    ];
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.workload.to_string(),
                row.threads.to_string(),
                row.simd.to_owned(),
                format!("{:.2}", row.ms),
                format!("{:.2}..{:.2}", row.min_ms, row.max_ms),
                format!("{:.0}", row.gflops),
                format!("{:.0}", row.peak_gflops),
                format!("{:.0} %", 100.0 * row.fraction_of_peak),
                row.peak_memory_mb.map_or_else(String::new, |mb| format!("{mb:.0}")),
            ]
        })
        .collect();
    output.say(table(&headers, &cells))?;
    for row in &rows {
        if let (Some(beside), Some(ratio)) = (row.beside, row.times_beside) {
            let what = match beside {
                Beside::FirstOrder => "the first order's time",
                Beside::BareEngine => "the time on the engine alone, without sites and messages",
            };
            output.say(format!("{}: {ratio:.3} x {what}", row.workload))?;
        }
    }
    output.rows(&rows)
}
