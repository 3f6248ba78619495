//! What layers are asked and what they are given.

use crate::number::Number;
use crate::shape::Shape;
use serde::{Deserialize, Serialize};

/// Why a layer cannot stand where it stands.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Its inputs have the wrong shape; this one was expected, in words.
    Inputs(String),
    /// A setting lies outside its range.
    Setting { setting: &'static str, expected: String, got: String },
}

impl Refusal {
    /// A setting that must not be zero.
    pub(crate) fn zero(setting: &'static str) -> Self {
        Self::Setting { setting, expected: "at least 1".to_owned(), got: "0".to_owned() }
    }
}

/// How an array of parameters is first filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Initial {
    /// By the network's initializer, for this many inputs and outputs of each unit.
    Weights { fan_in: usize, fan_out: usize },
    /// With one value.
    Constant(f64),
}

/// One array of a layer's parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ParameterArray {
    pub(crate) name: &'static str,
    pub(crate) shape: Vec<usize>,
    pub(crate) initial: Initial,
}

impl ParameterArray {
    pub(crate) fn n_values(&self) -> Option<usize> {
        self.shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))
    }
}

/// Statistics of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Taken {
    /// Channels, each with a mean and a variance.
    pub(crate) channels: usize,
    /// Values of a channel that each sample adds.
    pub(crate) per_sample: usize,
    /// What the layer normalises by when it predicts.
    pub(crate) kind: StatisticsKind,
    /// Share of a new batch in running statistics.
    pub(crate) momentum: f64,
}

/// What batch norm normalises by when a network predicts; in training it is always the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatisticsKind {
    /// The batch that is predicted.
    Batch,
    /// The support set that the network was adapted to, kept for later predictions.
    #[default]
    Support,
    /// An average over the batches of the training.
    Running,
}

/// What a layer knows of a pass besides its inputs.
pub(crate) struct Context<'a, N: Number> {
    /// The layer's own parameters.
    pub(crate) parameters: &'a [N],
    /// The layer's own statistics, given from outside; `None`: those of the batch.
    pub(crate) statistics: Option<&'a [N::Real]>,
    /// Samples in this part of the batch.
    pub(crate) n: usize,
    /// The layer's own random stream; `None`: nothing is dropped.
    pub(crate) dropout: Option<u64>,
    /// Place of the part's first sample in the batch.
    pub(crate) first_sample: usize,
    /// Targets of the samples at the beginning of the batch that a closed-form head is fitted to.
    pub(crate) support: Option<&'a [N::Real]>,
}

/// What the way back knows of the way there.
pub(crate) struct Pass<'a, N> {
    pub(crate) inputs: &'a [N],
    pub(crate) outputs: &'a [N],
    /// What the way there left; the way back may write to it.
    pub(crate) cache: &'a mut [N],
    /// Gradient with respect to the outputs.
    pub(crate) delta: &'a [N],
}

/// A layer without kernels of its own, written once for any number.
pub(crate) trait Layer {
    /// Shape of a sample's outputs.
    fn outputs(&self) -> Shape;

    /// The layer's parameters, in the order in which they lie.
    fn parameters(&self) -> Vec<ParameterArray> {
        Vec::new()
    }

    /// The statistics that the layer takes over a batch: means, then variances.
    fn statistics(&self) -> Option<Taken> {
        None
    }

    /// Reads the statistics of the batch from what `forward` left.
    fn read_statistics<N: Number>(&self, _cache: &[N], _statistics: &mut [N::Real]) {}

    /// Whether a sample's outputs depend on the rest of the batch.
    fn couples_samples(&self) -> bool {
        self.statistics().is_some()
    }

    /// For a closed-form head: values of a support sample's target.
    fn support_outputs(&self) -> Option<usize> {
        None
    }

    /// Values that `forward` leaves for `backward`.
    fn n_cache(&self, _n: usize) -> usize {
        0
    }

    /// Computes the outputs of `context.n` samples, and fills the cache.
    ///
    /// # Shapes
    /// - `inputs`: `[n, layer inputs]`, `outputs`: `[n, layer outputs]`, `cache`: `[n_cache(n)]`
    fn forward<N: Number>(
        &self,
        context: &Context<'_, N>,
        inputs: &[N],
        outputs: &mut [N],
        cache: &mut [N],
    );

    /// Adds to the gradient with respect to the layer's own parameters, and overwrites the one with
    /// respect to its inputs where it is asked for.
    ///
    /// # Shapes
    /// - `gradient`: the layer's own; `input_delta`: `[n, layer inputs]`
    fn backward<N: Number>(
        &self,
        context: &Context<'_, N>,
        pass: Pass<'_, N>,
        gradient: &mut [N],
        input_delta: Option<&mut [N]>,
    );
}

/// Values, and their tangents where a Hessian-vector product is computed.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a, R> {
    pub(crate) values: &'a [R],
    /// `None` where they are all zero.
    pub(crate) tangents: Option<&'a [R]>,
}

/// Values and tangents to write.
pub(crate) struct SidesMut<'a, R> {
    pub(crate) values: &'a mut [R],
    /// `None` in a pass without tangents.
    pub(crate) tangents: Option<&'a mut [R]>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a layer without parameters is given.
    pub(crate) fn bare(n: usize) -> Context<'static, f64> {
        let (statistics, dropout, first_sample) = (None, None, 0);
        Context { parameters: &[], statistics, n, dropout, first_sample, support: None }
    }
}
