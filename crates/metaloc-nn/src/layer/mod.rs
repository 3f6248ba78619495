//! Layers, one file each.
//!
//! A layer reads a batch of rows, writes a batch of rows, and on the way back turns the gradient
//! with respect to its outputs into the one with respect to its inputs.

pub(crate) mod dense;
pub(crate) mod relu;
pub(crate) mod tanh;

use crate::real::Real;
use dense::Dense;
use serde::{Deserialize, Serialize};

/// One layer as written in a configuration or a model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "LayerRecord", into = "LayerRecord")]
pub enum LayerDescription {
    /// `outputs = inputs * weight + bias`
    Dense {
        /// Values written for each sample.
        outputs: usize,
    },
    /// `max(input, 0)`, value by value
    Relu,
    /// Hyperbolic tangent, value by value
    Tanh,
}

impl LayerDescription {
    /// The kind as it stands in a configuration.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Dense { .. } => "dense",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
        }
    }
}

/// A [`LayerDescription`] as it is written: an entry `kind`, and the layer's own.
///
/// Serde refuses unknown entries of a tagged variant only where the variant has braces.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum LayerRecord {
    Dense { outputs: usize },
    Relu {},
    Tanh {},
}

impl From<LayerRecord> for LayerDescription {
    fn from(record: LayerRecord) -> Self {
        match record {
            LayerRecord::Dense { outputs } => Self::Dense { outputs },
            LayerRecord::Relu {} => Self::Relu,
            LayerRecord::Tanh {} => Self::Tanh,
        }
    }
}

impl From<LayerDescription> for LayerRecord {
    fn from(layer: LayerDescription) -> Self {
        match layer {
            LayerDescription::Dense { outputs } => Self::Dense { outputs },
            LayerDescription::Relu => Self::Relu {},
            LayerDescription::Tanh => Self::Tanh {},
        }
    }
}

/// Which non-linearity stands between the dense layers of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// [`LayerDescription::Relu`]
    #[default]
    Relu,
    /// [`LayerDescription::Tanh`]
    Tanh,
}

impl From<Activation> for LayerDescription {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Relu => Self::Relu,
            Activation::Tanh => Self::Tanh,
        }
    }
}

/// One layer of a checked network: it knows its width and where its parameters lie.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Layer {
    Dense(Dense),
    Relu { width: usize },
    Tanh { width: usize },
}

impl Layer {
    /// Values written for each sample.
    pub(crate) fn n_outputs(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.n_outputs,
            Self::Relu { width } | Self::Tanh { width } => *width,
        }
    }

    /// Computes the outputs.
    ///
    /// # Shapes
    /// - `parameters`: all of the network's
    /// - `inputs`: `[n, layer inputs]`, `outputs`: `[n, layer outputs]`
    pub(crate) fn forward<R: Real>(&self, parameters: &[R], inputs: &[R], outputs: &mut [R]) {
        match self {
            Self::Dense(dense) => dense.forward(parameters, inputs, outputs),
            Self::Relu { .. } => relu::forward(inputs, outputs),
            Self::Tanh { .. } => tanh::forward(inputs, outputs),
        }
    }

    /// Turns the gradient with respect to the outputs, `delta`, into the gradient with respect to
    /// the parameters and, where `input_delta` is given, to the inputs.
    ///
    /// # Shapes
    /// - `gradient`: all of the network's; the layer overwrites its own part
    /// - `inputs`, `input_delta`: `[n, layer inputs]`; `outputs`, `delta`: `[n, layer outputs]`
    pub(crate) fn backward<R: Real>(
        &self,
        parameters: &[R],
        (inputs, outputs): (&[R], &[R]),
        delta: &[R],
        gradient: &mut [R],
        input_delta: Option<&mut [R]>,
    ) {
        match (self, input_delta) {
            (Self::Dense(dense), input_delta) => {
                dense.backward(parameters, inputs, delta, gradient, input_delta);
            }
            (Self::Relu { .. }, Some(input_delta)) => relu::backward(outputs, delta, input_delta),
            (Self::Tanh { .. }, Some(input_delta)) => tanh::backward(outputs, delta, input_delta),
            (Self::Relu { .. } | Self::Tanh { .. }, None) => {}
        }
    }
}
