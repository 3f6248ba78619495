//! Theorem 1 on the validation tasks of a training run.

use metaloc_meta::NetworkLearner;
use metaloc_meta::adapt::AdaptationConfig;
use metaloc_meta::learner::Learner;
use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::site::Environment;
use metaloc_meta::task::Task;
use metaloc_meta::theorem_one::{TheoremOne, measure};

use super::LearningConfig;
use crate::error::Error;

/// Tasks of each validation environment, and least steps, that Theorem 1 is measured on.
const THEOREM_TASKS: u64 = 8;
const THEOREM_STEPS: usize = 10;

/// Excess risk and Theorem 1's bound on validation tasks, with a third, two thirds and all of the
/// support samples.
pub(super) fn on_validation(
    learner: &NetworkLearner,
    start: &[f32],
    validation: &[Environment<'_>],
    (config, seed): (&LearningConfig, u64),
) -> Result<Vec<TheoremOne>, Error> {
    let mut drawn = Vec::new();
    for (place, (_, source)) in validation.iter().enumerate() {
        for draw in 0..THEOREM_TASKS {
            let mut rng = stream(seed, Purpose::Validation, place as u64, draw);
            drawn.push(source.draw(&mut rng)?.into_owned());
        }
    }
    let AdaptationConfig { step_size, steps } = config.adaptation();
    let mut workspace = learner.splitting_workspace();
    let mut found = Vec::new();
    for thirds in 1..=3 {
        let smaller: Vec<Task> = drawn
            .iter()
            .map(|task| {
                let n = task.support.len();
                let kept: Vec<usize> = (0..n).filter(|at| at % 3 < thirds).collect();
                Task { support: task.support.chosen(&kept), query: task.query.clone() }
            })
            .collect();
        if smaller.iter().all(|task| !task.support.is_empty()) && !smaller.is_empty() {
            let size = (step_size, steps.max(THEOREM_STEPS));
            found.push(measure(learner, start, &smaller, size, &mut workspace)?);
        }
    }
    Ok(found)
}
