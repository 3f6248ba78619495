//! How many steps to adapt by: the number with the least query loss on validation tasks. None at all is
//! among them, so that adapting is not worse than leaving it.

use metaloc_meta::adapt::AdaptationConfig;
use metaloc_meta::registry::Visitor;
use metaloc_meta::site::{Environment, in_process};
use metaloc_meta::training::mean_query_loss;
use metaloc_meta::{MetaAlgorithm, MetaError, NetworkLearner};
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningConfig};
use crate::error::Error;

/// Numbers of steps that are tried.
const TRIED: [usize; 7] = [0, 1, 2, 5, 10, 20, 50];

/// The loss after a number of adaptation steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepsLoss {
    /// Steps Q.
    pub steps: usize,
    /// Mean query loss over the validation tasks (frame units); of several starts, their mean.
    pub loss: f32,
}

/// The number with the least loss; the fewest steps of equals, none of nothing.
pub(super) fn chosen(losses: &[StepsLoss]) -> Option<usize> {
    losses.iter().min_by(|a, b| a.loss.total_cmp(&b.loss)).map(|best| best.steps)
}

/// A start, and the environments that it is judged on.
pub(super) struct Judged<'a> {
    pub(super) parameters: &'a [f32],
    pub(super) validation: Vec<Environment<'a>>,
}

/// The loss by number of steps, nothing if no start is given; numbers with which adaptation diverges are left out.
///
/// # Errors
/// What the sites report but that.
pub(super) fn losses(
    learner: &NetworkLearner,
    starts: &[Judged<'_>],
    (config, seed): (&LearningConfig, u64),
) -> Result<Vec<StepsLoss>, Error> {
    let mut losses = Vec::new();
    let tried = if starts.is_empty() { &[][..] } else { &TRIED };
    'tried: for &steps in tried {
        let mut loss = 0.0;
        for start in starts {
            let adaptation = AdaptationConfig { steps, ..config.adaptation() };
            let measured = Measured { learner, start, adaptation, config, seed };
            let found = match config.algorithm {
                Algorithm::Trained(name) => name.visit(config.maml, &config.variants, measured)?,
                _ => measured.visit(&config.maml.check()?),
            };
            match found {
                Ok(of_start) if of_start.is_finite() => loss += of_start / starts.len() as f32,
                Ok(_) | Err(MetaError::Diverged { .. }) => continue 'tried,
                Err(error) => return Err(error.into()),
            }
        }
        losses.push(StepsLoss { steps, loss });
    }
    Ok(losses)
}

/// One number of steps of one start.
struct Measured<'a> {
    learner: &'a NetworkLearner,
    start: &'a Judged<'a>,
    adaptation: AdaptationConfig,
    config: &'a LearningConfig,
    seed: u64,
}

impl Visitor for Measured<'_> {
    type Output = Result<f32, MetaError>;

    fn visit<A: MetaAlgorithm>(self, algorithm: &A) -> Self::Output {
        let Self { learner, start, adaptation, config, seed } = self;
        let tasks = config.training.validation.tasks;
        in_process(&start.validation, (learner, algorithm), seed, |sites| {
            mean_query_loss(sites, start.parameters, adaptation, (seed, tasks))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{StepsLoss, chosen};

    #[test]
    fn the_fewest_steps_of_the_least_loss() {
        let losses = [(0, 0.4), (1, 0.3), (5, 0.3), (50, 2.0)];
        let losses = losses.map(|(steps, loss)| StepsLoss { steps, loss });
        assert_eq!(chosen(&losses), Some(1));
        assert_eq!(chosen(&[]), None);
    }
}
