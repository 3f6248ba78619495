//! Networks that answer: one, or one for each start of MAML-TS, whose answers are averaged.

use std::sync::Mutex;

use metaloc_meta::{Learner, NetworkLearner};
use metaloc_nn::{Mode, NetworkError, Workspace};

/// Adapted parameters, and what batch norm normalises by: the statistics of the support set, none
/// without such layers.
pub(super) struct Member {
    parameters: Vec<f32>,
    statistics: Vec<f32>,
}

impl Member {
    /// A network adapted to a support set with these inputs.
    ///
    /// # Errors
    /// If inputs and network don't fit.
    pub(super) fn new(
        learner: &NetworkLearner,
        parameters: Vec<f32>,
        inputs: &[f32],
    ) -> Result<Self, NetworkError> {
        let mut statistics = vec![0.0; learner.network.n_statistics()];
        if !statistics.is_empty() {
            let mut workspace = learner.workspace();
            learner.network.statistics(&parameters, inputs, &mut statistics, &mut workspace)?;
        }
        Ok(Self { parameters, statistics })
    }
}

/// A network's layout with scratch memory, kept between calls; a second caller at the same time makes
/// its own.
pub(super) struct Predictor {
    learner: NetworkLearner,
    workspace: Mutex<Workspace<f32>>,
}

impl Predictor {
    pub(super) fn new(learner: NetworkLearner) -> Self {
        let workspace = Mutex::new(learner.workspace());
        Self { learner, workspace }
    }

    pub(super) const fn learner(&self) -> &NetworkLearner {
        &self.learner
    }

    /// Each network's answer to one input.
    pub(super) fn predict(
        &self,
        members: &[Member],
        input: &[f32],
    ) -> Result<Vec<Vec<f32>>, NetworkError> {
        let mut own;
        let mut shared = self.workspace.try_lock();
        let workspace = match &mut shared {
            Ok(shared) => &mut **shared,
            Err(_) => {
                own = self.learner.workspace();
                &mut own
            }
        };
        let mut answer = |member: &Member| {
            let mode = Mode { statistics: Some(&member.statistics), ..Mode::default() };
            let answer =
                self.learner.network.predict_in(mode, &member.parameters, input, workspace)?;
            Ok(answer.to_vec())
        };
        members.iter().map(&mut answer).collect()
    }
}

/// The mean of coordinates that several networks answered; none if one is no finite pair.
pub(super) fn mean_position(answers: &[Vec<f32>]) -> Option<[f64; 2]> {
    let mut mean = [0.0; 2];
    for answer in answers {
        let &[u, v] = &answer[..] else { return None };
        mean[0] += f64::from(u) / answers.len() as f64;
        mean[1] += f64::from(v) / answers.len() as f64;
    }
    mean.iter().all(|x| x.is_finite()).then_some(mean)
}
