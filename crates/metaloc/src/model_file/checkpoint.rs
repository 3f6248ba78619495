//! The part of a checkpoint: a training run that can go on.

use metaloc_meta::training::{Best, TrainingState};
use metaloc_nn::OptimizerState;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use super::columns::{Column, floats};
use super::{Columns, MetaModel, in_rows};

/// What a checkpoint adds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckpointManifest {
    iteration: u64,
    optimizer_steps: u64,
    validations_since_best: u32,
    best: Option<(f32, u64)>,
}

impl CheckpointManifest {
    /// The manifest of a run's state, and its columns.
    pub(super) fn of(state: &TrainingState) -> (Self, Columns) {
        let optimizer = state.optimizer.state();
        let manifest = Self {
            iteration: state.iteration,
            optimizer_steps: optimizer.n_steps,
            validations_since_best: state.validations_since_best,
            best: state.best.as_ref().map(|best| (best.validation_loss, best.iteration)),
        };
        let mut columns = Columns::from([
            ("parameters", Column::floats(&state.parameters)),
            ("optimizer.first_moment", Column::floats(&optimizer.first_moment)),
            ("optimizer.second_moment", Column::floats(&optimizer.second_moment)),
        ]);
        if !state.earlier.is_empty() {
            columns.insert("earlier", Column::floats(&state.earlier.concat()));
        }
        if let Some(best) = &state.best {
            columns.insert("best.parameters", Column::floats(&best.parameters));
        }
        (manifest, columns)
    }
}

/// The state of a training run; `model` holds its current parameters.
pub(super) fn read_state<E>(
    model: &MetaModel<E>,
    checkpoint: &CheckpointManifest,
    tensors: &SafeTensors<'_>,
) -> Result<TrainingState, String> {
    let inconsistent = |what: &str| format!("inconsistent: {what}; train anew without --resume");
    let (parameters, outer) = (model.parameters.clone(), &model.config.training.outer);
    let mut state =
        TrainingState::start(parameters, outer).map_err(|e| inconsistent(&e.to_string()))?;
    let optimizer = OptimizerState {
        n_steps: checkpoint.optimizer_steps,
        first_moment: floats(tensors, "optimizer.first_moment")?,
        second_moment: floats(tensors, "optimizer.second_moment")?,
    };
    let moments = || optimizer.first_moment.iter().chain(&optimizer.second_moment);
    if !moments().all(|moment| moment.is_finite()) {
        return Err(inconsistent("the optimizer's memory is not a finite number"));
    }
    state.optimizer.restore(optimizer).map_err(|e| inconsistent(&e.to_string()))?;
    state.iteration = checkpoint.iteration;
    state.validations_since_best = checkpoint.validations_since_best;
    if let Some((validation_loss, iteration)) = checkpoint.best {
        let parameters = floats(tensors, "best.parameters")?;
        if parameters.len() != model.parameters.len() || !parameters.iter().all(|p| p.is_finite()) {
            return Err(inconsistent("the best parameters are not those of the network"));
        }
        state.best = Some(Best { validation_loss, iteration, parameters });
    }
    state.earlier = in_rows("earlier", model.parameters.len(), tensors)?;
    Ok(state)
}
