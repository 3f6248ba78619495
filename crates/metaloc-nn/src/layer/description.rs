//! Layers as they are written in a configuration or a model file.

use serde::{Deserialize, Serialize};

/// One layer as written in a configuration or a model file: `kind`, and the layer's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerDescription {
    /// `outputs = inputs * weight + bias`, over all values of a sample.
    Dense {
        /// Values written for each sample.
        outputs: usize,
    },
    /// Two-dimensional convolution (cross-correlation, as everywhere in the field) of an image,
    /// with a bias a filter.
    Conv2d {
        /// Channels written.
        filters: usize,
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Steps down and to the right.
        #[serde(default = "ones")]
        stride: [usize; 2],
        /// Rows of zeros above and below, columns of zeros left and right.
        #[serde(default)]
        padding: [usize; 2],
    },
    /// The largest value of each window of an image, channel by channel. Windows that would stick
    /// out at the lower and right edges are left out.
    MaxPool {
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Steps down and to the right; those of the window if left out.
        #[serde(default)]
        stride: Option<[usize; 2]>,
    },
    /// `max(input, 0)`, value by value.
    Relu {},
    /// Hyperbolic tangent, value by value.
    Tanh {},
    /// The same values, row-major, without their shape.
    Flatten {},
    /// `inputs + layers(inputs)`
    Residual {
        /// Layers whose outputs have the shape of the inputs.
        layers: Vec<LayerDescription>,
    },
    /// The sum of what several branches make of the same inputs.
    Sum {
        /// Lists of layers with outputs of one shape; an empty list passes the inputs on.
        branches: Vec<Vec<LayerDescription>>,
    },
    /// What several branches make of the same inputs, side by side along the last size.
    Concatenate {
        /// Lists of layers; an empty list passes the inputs on.
        branches: Vec<Vec<LayerDescription>>,
    },
}

fn ones() -> [usize; 2] {
    [1, 1]
}

impl LayerDescription {
    /// The kind as it stands in a configuration.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dense { .. } => "dense",
            Self::Conv2d { .. } => "conv2d",
            Self::MaxPool { .. } => "max_pool",
            Self::Relu {} => "relu",
            Self::Tanh {} => "tanh",
            Self::Flatten {} => "flatten",
            Self::Residual { .. } => "residual",
            Self::Sum { .. } => "sum",
            Self::Concatenate { .. } => "concatenate",
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
            Activation::Relu => Self::Relu {},
            Activation::Tanh => Self::Tanh {},
        }
    }
}
