//! The engine's speed on fixed workloads, beside what the machine can do.
//!
//! | workload | what is timed |
//! |---|---|
//! | [W1](Workload::W1) | one meta-iteration of first-order MAML on a convolutional network |
//! | [W1-second-order](Workload::W1SecondOrder) | the same with the exact meta-gradient |
//! | [W2](Workload::W2) | one meta-iteration of first-order MAML on a dense network |
//! | [W3](Workload::W3) | adapting W1's network to one environment, and one answer |
//! | [small-cnn](Workload::SmallCnn) | as W1, with the small network of the paper's authors |
//!
//! Arithmetic is counted, not measured, and convolutions count as direct ones. A dense layer of `i`
//! inputs and `o` outputs takes `2 b i o` operations forward over a batch of `b`, and `4 b i o`
//! backward: as many for the gradient of the weights, and for that of the inputs, which the first
//! layer does without (`2 b i o`). A convolution is a dense layer at each of its places. A
//! Hessian-vector product takes `16 b i o`, for the first layer `6 b i o`: the products that the
//! chain rule needs, whatever else an engine computes on the way. Biases, activations, losses and
//! optimizer steps are not counted.
//!
//! The machine's peak is the larger of two rates, both on all threads and measured in the same run
//! as the workload, in turn with its rounds:
//! - the `gemm` crate's product of two 2048 x 2048 matrices of `f32`;
//! - 0.82 x a loop of fused multiply-adds in registers ([`metaloc_nn::kernels::fma_peak`]).

mod cnn_tasks;
mod memory;
mod meta_iteration;
mod operations;
mod peak;
mod small_cnn;
mod w1;
mod w1_second_order;
mod w2;
mod w3;

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::time::{Duration, Instant};

use metaloc_nn::kernels::level::SimdLevel;
use serde::Serialize;

use crate::error::Error;
use meta_iteration::MetaIteration;

/// The shortest time over which a round repeats the workload.
const ROUND: Duration = Duration::from_millis(200);
/// What part of the multiply-add loop's rate counts as reachable by a matrix product.
const REACHABLE: f64 = 0.82;

/// A workload of fixed size. Data are drawn beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Workload {
    /// One meta-iteration of first-order MAML on the network `cnn`
    /// ([`presets::cnn`](crate::learning::presets::cnn)) for images of 50 x 52 x 3:
    /// 4 tasks of 10 classes, 3 support and 5 query images a class, 5 inner steps each, and a step
    /// of Adam. 57.7 GFLOP.
    W1,
    /// [`W1`](Self::W1) with the exact meta-gradient of second-order MAML, in turn with W1.
    #[serde(rename = "W1-second-order")]
    W1SecondOrder,
    /// One meta-iteration of first-order MAML on a 15-128-128-128-128-2 network: 4 tasks of 100
    /// support and 30 query samples, one inner step each, and a step of Adam. 0.158 GFLOP.
    W2,
    /// 10 steps of adaptation of W1's network on 30 images, then the answer to one image: what a
    /// new environment waits for. One batch at a time is split over the threads. 21.7 GFLOP.
    W3,
    /// [`W1`](Self::W1) with the network `cnn-small`
    /// ([`presets::cnn_small`](crate::learning::presets::cnn_small)) for images of
    /// 50 x 50 x 3. 4.45 GFLOP; batch norm is not counted.
    #[serde(rename = "small-cnn")]
    SmallCnn,
}

impl Workload {
    /// All workloads.
    pub const ALL: [Self; 5] = [Self::W1, Self::W1SecondOrder, Self::W2, Self::W3, Self::SmallCnn];

    /// The name on the command line and in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W1SecondOrder => "W1-second-order",
            Self::W2 => "W2",
            Self::W3 => "W3",
            Self::SmallCnn => "small-cnn",
        }
    }

    fn prepare(self) -> Result<Prepared, Error> {
        match self {
            Self::W1 => w1::prepare(),
            Self::W1SecondOrder => w1_second_order::prepare(),
            Self::W2 => w2::prepare(),
            Self::W3 => w3::prepare(),
            Self::SmallCnn => small_cnn::prepare(),
        }
    }
}

/// What a workload is compared with in the same rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beside {
    /// The same with the first order.
    FirstOrder,
    /// The same on the engine alone: no sites, no messages.
    BareEngine,
}

/// A workload with its data, ready to be repeated.
struct Prepared {
    /// Arithmetic operations of one repetition.
    operations: f64,
    run: Box<dyn FnMut() -> Result<(), Error> + Send>,
    /// What the workload is compared with.
    beside: Option<(Beside, Box<Prepared>)>,
}

impl Prepared {
    fn new(operations: f64, run: impl FnMut() -> Result<(), Error> + Send + 'static) -> Self {
        Self { operations, run: Box::new(run), beside: None }
    }

    fn repeat(&mut self) -> Result<(), Error> {
        (self.run)()
    }
}

impl From<MetaIteration> for Prepared {
    fn from(mut iteration: MetaIteration) -> Self {
        Self::new(iteration.operations(), move || iteration.run())
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
    /// The vector instructions in use.
    pub simd: &'static str,
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
    /// What the workload was compared with, of some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// Median over the rounds of the time beside the other's in the same round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times_beside: Option<f64>,
    /// The most memory that the process had in use while the workload was prepared and first run
    /// (MB); left out where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_mb: Option<f64>,
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
    memory::reset_peak();
    let mut prepared = workload.prepare()?;
    seconds_each(ROUND / 4, &mut prepared)?; // warms caches, clocks and threads up
    let peak_memory_mb = memory::peak_mb();
    let mut product = peak::Product::new();
    let (mut seconds, mut ratios) = (Vec::new(), Vec::new());
    let (mut fma_gflops, mut product_gflops) = (0.0_f64, 0.0_f64);
    for done in 0..rounds {
        if observer.round(workload, done, rounds).is_break() {
            return Err(Error::usage("interrupted; no results were kept"));
        }
        fma_gflops = fma_gflops.max(peak::fma_gflops());
        product_gflops = product_gflops.max(product.gflops());
        let own = seconds_each(ROUND, &mut prepared)?;
        seconds.push(own);
        if let Some((_, other)) = &mut prepared.beside {
            ratios.push(own / seconds_each(ROUND, other)?);
        }
    }
    seconds.sort_by(f64::total_cmp);
    ratios.sort_by(f64::total_cmp);
    let gflops = prepared.operations / median(&seconds) / 1e9;
    let peak_gflops = product_gflops.max(REACHABLE * fma_gflops);
    Ok(BenchRow {
        workload,
        threads: rayon::current_num_threads(),
        simd: SimdLevel::current().name(),
        ms: median(&seconds) * 1e3,
        min_ms: seconds[0] * 1e3,
        max_ms: seconds[rounds - 1] * 1e3,
        gflops,
        peak_gflops,
        fma_gflops,
        fraction_of_peak: gflops / peak_gflops,
        beside: prepared.beside.map(|(beside, _)| beside),
        times_beside: (!ratios.is_empty()).then(|| median(&ratios)),
        peak_memory_mb,
    })
}

/// Mean seconds of a repetition, repeated until `at_least` has gone by; on a thread of the pool, as
/// training runs.
fn seconds_each(at_least: Duration, prepared: &mut Prepared) -> Result<f64, Error> {
    rayon::scope(|_| {
        let (start, mut calls) = (Instant::now(), 0_u32);
        loop {
            prepared.repeat()?;
            calls += 1;
            let elapsed = start.elapsed();
            if elapsed >= at_least {
                return Ok(elapsed.as_secs_f64() / f64::from(calls));
            }
        }
    })
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
        let operations = w2::prepare().unwrap().operations;
        assert!((row.gflops * row.ms / 1e3 - operations / 1e9).abs() < 1e-9);
        assert!(row.peak_gflops >= REACHABLE * row.fma_gflops && row.fma_gflops > 0.0);
        assert!((row.fraction_of_peak * row.peak_gflops - row.gflops).abs() < 1e-6);
        let json = serde_json::to_value(row).unwrap();
        assert_eq!(json["workload"], "W2");
        assert_eq!(json["simd"], SimdLevel::current().name());
        assert!(json.get("times_beside").is_none());
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
            assert_eq!(serde_json::to_value(workload).unwrap(), workload.name());
        }
        assert_eq!("w2".parse::<Workload>().unwrap(), Workload::W2);
        let error = "W9".parse::<Workload>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown workload `W9`; there is: W1, W1-second-order, W2, W3, small-cnn"
        );
    }

    #[test]
    fn median_by_hand() {
        assert!((median(&[1.0, 2.0, 9.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[1.0, 2.0, 4.0, 9.0]) - 3.0).abs() < 1e-12);
    }
}
