//! Progress bars on stderr; nothing where stderr is no terminal or `--quiet` is on.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use metaloc::evaluate::EvaluationObserver;
use metaloc::learning::MetaModel;
use metaloc::meta::training::{Observer, Progress, TrainingState};
use metaloc::model_file::{AnyEncoder, write_checkpoint};
use serde::Serialize;

use crate::interrupt::Flag;

/// Time between two checkpoints of a training run.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(10);

fn bar(total: u64, quiet: bool, template: &str) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::with_draw_target(Some(total), target);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A measurement of `--trace`.
#[derive(Debug, Serialize)]
pub(crate) struct TraceRow {
    iteration: u64,
    training_loss: f32,
    validation_loss: f32,
    /// Mean distance between the meta-parameters and what they are adapted to.
    adaptation_distance: Option<f64>,
    /// Mean cosine of the angle between two environments' meta-gradients.
    gradient_alignment: Option<f64>,
}

/// Watches meta-training: bar, Ctrl-C, and a checkpoint now and then.
pub(crate) struct TrainingProgress<'a, E> {
    bar: ProgressBar,
    interrupt: &'a Flag,
    /// What a checkpoint holds beside the state, and where it goes.
    template: MetaModel<E>,
    checkpoint: PathBuf,
    last_checkpoint: Instant,
    validation_loss: Option<f32>,
    /// Rows of `--trace`, if it was asked for.
    pub(crate) trace: Option<Vec<TraceRow>>,
    /// A checkpoint that could not be written ends the run with this error.
    pub(crate) failure: Option<metaloc::Error>,
}

impl<'a, E: AnyEncoder> TrainingProgress<'a, E> {
    pub(crate) fn new(
        template: MetaModel<E>,
        checkpoint: PathBuf,
        interrupt: &'a Flag,
        quiet: bool,
    ) -> Self {
        let total = template.config.training.iterations;
        let bar = bar(
            total,
            quiet,
            "training {bar:24} {pos}/{len} iterations, {per_sec}, {eta} left  {msg}",
        );
        let last_checkpoint = Instant::now();
        let (validation_loss, failure) = (None, None);
        let trace = None;
        Self {
            bar,
            interrupt,
            template,
            checkpoint,
            last_checkpoint,
            validation_loss,
            trace,
            failure,
        }
    }

    fn save(&mut self, state: &TrainingState) -> ControlFlow<()> {
        self.last_checkpoint = Instant::now();
        match write_checkpoint(&self.template, state, &self.checkpoint) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl<E: AnyEncoder + Send> Observer for TrainingProgress<'_, E> {
    fn iteration(&mut self, progress: Progress, state: &TrainingState) -> ControlFlow<()> {
        self.bar.set_position(progress.iteration);
        self.validation_loss = progress.validation_loss.or(self.validation_loss);
        if progress.iteration.is_multiple_of(10) || progress.validation_loss.is_some() {
            let validation = self
                .validation_loss
                .map_or(String::new(), |loss| format!(", validation {loss:.4}"));
            let start = match state.earlier.len() {
                0 => String::new(),
                earlier => format!("start {}, ", earlier + 1),
            };
            self.bar.set_message(format!("{start}loss {:.4}{validation}", progress.training_loss));
        }
        if let (Some(rows), Some(validation_loss)) = (&mut self.trace, progress.validation_loss) {
            rows.push(TraceRow {
                iteration: progress.iteration,
                training_loss: progress.training_loss,
                validation_loss,
                adaptation_distance: progress.adaptation_distance,
                gradient_alignment: progress.gradient_alignment,
            });
        }
        if self.interrupt.is_set() {
            let _ = self.save(state);
            return ControlFlow::Break(());
        }
        if self.last_checkpoint.elapsed() >= CHECKPOINT_EVERY {
            return self.save(state);
        }
        ControlFlow::Continue(())
    }
}

impl<E> Drop for TrainingProgress<'_, E> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Shows how much of a capture is read; a spinner where its length is not known.
pub(crate) struct CaptureProgress(ProgressBar);

impl CaptureProgress {
    pub(crate) fn new(name: &str, n_bytes: Option<u64>, quiet: bool) -> Self {
        let template = match n_bytes {
            Some(_) => "{msg} {bar:24} {bytes} of {total_bytes}, {eta} left",
            None => "{msg} {spinner} {bytes}, {elapsed}",
        };
        let bar = bar(n_bytes.unwrap_or(0), quiet, template);
        bar.set_message(name.to_owned());
        Self(bar)
    }

    pub(crate) fn set(&self, bytes: u64) {
        self.0.set_position(bytes);
    }
}

impl Drop for CaptureProgress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Watches an evaluation: bar and Ctrl-C.
pub(crate) struct EvaluationProgress<'a> {
    bar: ProgressBar,
    interrupt: &'a Flag,
}

impl<'a> EvaluationProgress<'a> {
    pub(crate) fn new(interrupt: &'a Flag, quiet: bool) -> Self {
        let bar = bar(1, quiet, "{bar:24} {pos}/{len}, {elapsed} so far, {eta} left  {msg}");
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, interrupt }
    }
}

impl EvaluationProgress<'_> {
    /// So much of `total` is done.
    pub(crate) fn share(&mut self, done: f64, total: usize, what: &str) -> ControlFlow<()> {
        self.stage((100.0 * done) as usize, 100 * total, what)
    }
}

impl EvaluationObserver for EvaluationProgress<'_> {
    fn stage(&mut self, done: usize, total: usize, what: &str) -> ControlFlow<()> {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(what.to_owned());
        self.step()
    }

    fn step(&mut self) -> ControlFlow<()> {
        if self.interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for EvaluationProgress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
