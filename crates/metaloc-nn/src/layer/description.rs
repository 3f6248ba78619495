//! Layers as they are written in a configuration or a model file.

use super::context::StatisticsKind;
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
    /// The mean of each window of an image, channel by channel, as [`MaxPool`](Self::MaxPool) cuts.
    AveragePool {
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Steps down and to the right; those of the window if left out.
        #[serde(default)]
        stride: Option<[usize; 2]>,
    },
    /// The mean of each channel over all pixels, or of each feature over all slots.
    GlobalAveragePool {},
    /// Each channel made mean 0 and variance 1 over the samples and pixels of a batch, then scaled
    /// and moved by a gain and a bias a channel.
    BatchNorm {
        /// What predictions are normalised by; training takes the batch.
        #[serde(default)]
        statistics: StatisticsKind,
        /// Added to variances; above 0.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Share of a new batch in running statistics, above 0 and at most 1.
        #[serde(default = "momentum")]
        momentum: f64,
    },
    /// Each group of channels of a sample made mean 0 and variance 1, then scaled and moved by a
    /// gain and a bias a channel.
    GroupNorm {
        /// Number of groups; a divisor of the channels.
        groups: usize,
        /// Added to variances; above 0.
        #[serde(default = "epsilon")]
        epsilon: f64,
    },
    /// The last size of a sample made mean 0 and variance 1, then scaled and moved by a gain and a
    /// bias for each of its values.
    LayerNorm {
        /// Added to variances; above 0.
        #[serde(default = "epsilon")]
        epsilon: f64,
    },
    /// Attention over the slots of a sample, `[slots, features]`, such as nearest reference points.
    Attention {
        /// Values written for each query.
        width: usize,
        /// Heads side by side; a divisor of the width.
        #[serde(default = "one")]
        heads: usize,
        /// One learned query and `[width]` written, in place of a query a slot and
        /// `[slots, width]`.
        #[serde(default)]
        summary: bool,
    },
    /// Ridge regression from a support set at the beginning of the batch, solved anew in every pass
    /// and differentiated through; for the last layer. Needs [`Mode::support`](crate::Mode).
    Ridge {
        /// Values written for each sample.
        outputs: usize,
        /// First penalty on squared weights, above 0; its logarithm is learned.
        #[serde(default = "penalty")]
        penalty: f64,
    },
    /// Zero in place of a share of the values, the others made larger, in passes that name a seed.
    Dropout {
        /// Share that is dropped, from 0 to below 1.
        rate: f64,
    },
    /// `max(input, 0)`, value by value.
    Relu {},
    /// The input above 0, `slope` times the input elsewhere.
    LeakyRelu {
        /// Any finite number.
        #[serde(default = "slope")]
        slope: f64,
    },
    /// Logistic function, value by value.
    Sigmoid {},
    /// Shares of one, over the last size.
    Softmax {},
    /// Some of the features of each slot, channels of each pixel, or values.
    Slice {
        /// The first to keep.
        first: usize,
        /// How many to keep.
        count: usize,
    },
    /// The mean of slots, weighted by the softmax of their scores: a vote of nearest reference
    /// points.
    SoftmaxMean {
        /// How many of a slot's first features make its score, their sum.
        #[serde(default = "one")]
        scores: usize,
        /// How many of a slot's last features are averaged.
        values: usize,
    },
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

fn one() -> usize {
    1
}

fn epsilon() -> f64 {
    1e-5
}

fn momentum() -> f64 {
    0.1
}

fn penalty() -> f64 {
    1.0
}

fn slope() -> f64 {
    0.01
}

impl LayerDescription {
    /// The kind as it stands in a configuration.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dense { .. } => "dense",
            Self::Conv2d { .. } => "conv2d",
            Self::MaxPool { .. } => "max_pool",
            Self::AveragePool { .. } => "average_pool",
            Self::GlobalAveragePool {} => "global_average_pool",
            Self::BatchNorm { .. } => "batch_norm",
            Self::GroupNorm { .. } => "group_norm",
            Self::LayerNorm { .. } => "layer_norm",
            Self::Attention { .. } => "attention",
            Self::Ridge { .. } => "ridge",
            Self::Dropout { .. } => "dropout",
            Self::Relu {} => "relu",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Sigmoid {} => "sigmoid",
            Self::Slice { .. } => "slice",
            Self::Softmax {} => "softmax",
            Self::SoftmaxMean { .. } => "softmax_mean",
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
