//! The engine's speed on fixed workloads, beside what the machine can do.
//!
//! | workload | what is timed |
//! |---|---|
//! | [W2](Workload::W2) | one meta-iteration of first-order MAML on a dense network |
//!
//! W1 and W3 belong to convolutional networks, which the engine does not have.
//!
//! Arithmetic is counted, not measured. A dense layer of `i` inputs and `o` outputs takes `2 b i o`
//! operations forward over a batch of `b`, and `4 b i o` backward: as many for the gradient of the
//! weights, and for that of the inputs, which the first layer does without (`2 b i o`). Biases,
//! activations, losses and optimizer steps are not counted.
//!
//! The machine's peak is the larger of two rates, both on all threads and measured in the same run
//! as the workload, in turn with its rounds:
//! - the `gemm` crate's product of two 2048 x 2048 matrices of `f32`;
//! - 0.82 x a loop of fused multiply-adds in registers ([`metaloc_nn::kernels::fma_peak`]).

mod peak;
mod w2;

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::Error;
use w2::W2;

/// The shortest time over which a round repeats the workload.
const ROUND: Duration = Duration::from_millis(200);
/// What part of the multiply-add loop's rate counts as reachable by a matrix product.
const REACHABLE: f64 = 0.82;

/// A workload of fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Workload {
    /// One meta-iteration of first-order MAML on a 15-128-128-128-128-2 network: 4 tasks of 100
    /// support and 30 query samples, drawn beforehand, one inner step each, and a step of Adam.
    /// 0.158 GFLOP.
    W2,
}

impl Workload {
    /// All workloads.
    pub const ALL: [Self; 1] = [Self::W2];

    /// The name on the command line and in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::W2 => "W2",
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Workload {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found =
            Self::ALL.into_iter().find(|workload| workload.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::usage(format!("unknown workload `{name}`; there is: {names}"))
        })
    }
}

/// What was measured of one workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchRow {
    /// The workload.
    pub workload: Workload,
    /// Threads that it ran on.
    pub threads: usize,
    /// Median over the rounds of the time of one repetition, in ms.
    pub ms: f64,
    /// The fastest round, in ms.
    pub min_ms: f64,
    /// The slowest round, in ms.
    pub max_ms: f64,
    /// Rate of the median round [GFLOP/s].
    pub gflops: f64,
    /// The machine's peak [GFLOP/s]: the larger of `gemm`'s product and 0.82 x `fma_gflops`.
    pub peak_gflops: f64,
    /// The best round of the multiply-add loop on all threads [GFLOP/s].
    pub fma_gflops: f64,
    /// `gflops / peak_gflops`.
    pub fraction_of_peak: f64,
}

/// Watches a measurement.
pub trait BenchObserver {
    /// Called before each round, of which `done` are behind; `Break` stops the measurement.
    fn round(&mut self, workload: Workload, done: usize, rounds: usize) -> ControlFlow<()>;
}

/// Measures workloads on the threads of the current rayon pool, `rounds` times each.
///
/// Each round measures the peak first and then repeats the workload for at least 0.2 s. An idle
/// machine is the caller's business.
///
/// # Errors
/// [`Error::Usage`] for no workloads, no rounds or an interruption; what the learning reports.
pub fn run(
    workloads: &[Workload],
    rounds: usize,
    observer: &mut dyn BenchObserver,
) -> Result<Vec<BenchRow>, Error> {
    if workloads.is_empty() || rounds == 0 {
        return Err(Error::usage(format!(
            "{} workloads in {rounds} rounds; at least one of each is needed",
            workloads.len()
        )));
    }
    workloads.iter().map(|&workload| measure(workload, rounds, observer)).collect()
}

fn measure(
    workload: Workload,
    rounds: usize,
    observer: &mut dyn BenchObserver,
) -> Result<BenchRow, Error> {
    let Workload::W2 = workload;
    let mut repetition = W2::new()?;
    let mut product = peak::Product::new();
    seconds_each(ROUND / 4, &mut || repetition.run())?; // warms caches, clocks and threads up
    let (mut seconds, mut fma_gflops, mut product_gflops) = (Vec::new(), 0.0_f64, 0.0_f64);
    for done in 0..rounds {
        if observer.round(workload, done, rounds).is_break() {
            return Err(Error::usage("interrupted; no results were kept"));
        }
        fma_gflops = fma_gflops.max(peak::fma_gflops());
        product_gflops = product_gflops.max(product.gflops());
        seconds.push(seconds_each(ROUND, &mut || repetition.run())?);
    }
    seconds.sort_by(f64::total_cmp);
    let gflops = W2::OPERATIONS / median(&seconds) / 1e9;
    let peak_gflops = product_gflops.max(REACHABLE * fma_gflops);
    Ok(BenchRow {
        workload,
        threads: rayon::current_num_threads(),
        ms: median(&seconds) * 1e3,
        min_ms: seconds[0] * 1e3,
        max_ms: seconds[rounds - 1] * 1e3,
        gflops,
        peak_gflops,
        fma_gflops,
        fraction_of_peak: gflops / peak_gflops,
    })
}

/// Mean seconds of a call, repeated until `at_least` has gone by.
fn seconds_each(
    at_least: Duration,
    call: &mut dyn FnMut() -> Result<(), Error>,
) -> Result<f64, Error> {
    let (start, mut calls) = (Instant::now(), 0_u32);
    loop {
        call()?;
        calls += 1;
        let elapsed = start.elapsed();
        if elapsed >= at_least {
            return Ok(elapsed.as_secs_f64() / f64::from(calls));
        }
    }
}

/// The middle of sorted values, the mean of both middles for an even number.
fn median(sorted: &[f64]) -> f64 {
    let upper = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[upper] } else { (sorted[upper - 1] + sorted[upper]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rounds(Vec<(usize, usize)>, usize);

    impl BenchObserver for Rounds {
        fn round(&mut self, _: Workload, done: usize, rounds: usize) -> ControlFlow<()> {
            self.0.push((done, rounds));
            if self.0.len() > self.1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    #[test]
    fn a_row_is_consistent() {
        let mut observer = Rounds(Vec::new(), 9);
        let rows = run(&[Workload::W2], 2, &mut observer).unwrap();
        assert_eq!(observer.0, [(0, 2), (1, 2)]);
        let [row] = &rows[..] else { panic!("one row, not {}", rows.len()) };
        assert_eq!((row.workload, row.threads), (Workload::W2, rayon::current_num_threads()));
        assert!(row.min_ms > 0.0 && row.min_ms <= row.ms && row.ms <= row.max_ms);
        assert!((row.gflops * row.ms / 1e3 - W2::OPERATIONS / 1e9).abs() < 1e-9);
        assert!(row.peak_gflops >= REACHABLE * row.fma_gflops && row.fma_gflops > 0.0);
        assert!((row.fraction_of_peak * row.peak_gflops - row.gflops).abs() < 1e-6);
        let json = serde_json::to_value(row).unwrap();
        assert_eq!(json["workload"], "W2");
        assert!(json["fraction_of_peak"].is_f64());
    }

    #[test]
    fn an_interruption_keeps_nothing() {
        let stopped = run(&[Workload::W2], 3, &mut Rounds(Vec::new(), 0)).unwrap_err();
        assert!(stopped.to_string().starts_with("interrupted"));
        for (workloads, rounds) in [(&[][..], 3), (&[Workload::W2][..], 0)] {
            assert!(run(workloads, rounds, &mut Rounds(Vec::new(), 9)).is_err());
        }
    }

    #[test]
    fn names_are_read_back_and_others_refused() {
        for workload in Workload::ALL {
            assert_eq!(workload.to_string().parse::<Workload>().unwrap(), workload);
        }
        assert_eq!("w2".parse::<Workload>().unwrap(), Workload::W2);
        let error = "W9".parse::<Workload>().unwrap_err().to_string();
        assert_eq!(error, "unknown workload `W9`; there is: W2");
    }

    #[test]
    fn median_by_hand() {
        assert!((median(&[1.0, 2.0, 9.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[1.0, 2.0, 4.0, 9.0]) - 3.0).abs() < 1e-12);
    }
}
