//! What crosses between an environment's site and the coordinator, and nothing else does.
//!
//! The paper's Fig. 6: historical samples stay where they were taken; parameters and gradients
//! travel. Today both ends are in one process; the types are serializable, so that a network can
//! carry them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::AdaptationConfig;

/// Which of a site's tasks is meant: a task is a function of the common seed and this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskNumber {
    /// The iteration that draws it.
    pub iteration: u64,
    /// Its number within the iteration.
    pub task: u64,
}

/// To a site: one task's contribution to the meta-gradient, please.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradientRequest<'a> {
    /// The task to draw.
    pub task: TaskNumber,
    /// The meta-parameters, to which the gradient belongs.
    pub meta_parameters: Cow<'a, [f32]>,
    /// Where the first inner step's direction comes from.
    pub first_step: FirstStep<'a>,
}

/// Where the first inner step's direction comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum FirstStep<'a> {
    /// The support gradient at the meta-parameters, as Eq. (6) has it.
    #[default]
    Own,
    /// The support gradient at other parameters (line 10 of Algorithm 3, to the letter).
    At(Cow<'a, [f32]>),
    /// A gradient that another site computed.
    Given(Cow<'a, [f32]>),
}

/// To a site: the gradient of a task's support loss at given parameters, please.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SupportGradientRequest<'a> {
    /// The task to draw.
    pub task: TaskNumber,
    /// Where the gradient is taken.
    pub parameters: Cow<'a, [f32]>,
}

/// To a site: the query loss of a task after adaptation, please.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LossRequest<'a> {
    /// The task to draw, from the stream of validation tasks.
    pub task: TaskNumber,
    /// The meta-parameters to adapt.
    pub meta_parameters: Cow<'a, [f32]>,
    /// How to adapt them.
    pub adaptation: AdaptationConfig,
}

/// From a site: how a held-out task went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LossReply {
    /// Query loss after adaptation.
    pub loss: f32,
    /// Euclidean distance that adaptation moved the parameters by.
    pub distance: f64,
}

/// From a site: a task's loss and gradient.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GradientReply {
    /// The task's loss.
    pub loss: f32,
    /// As long as the meta-parameters.
    pub gradient: Vec<f32>,
}
