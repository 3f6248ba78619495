//! What layers are asked and what they are given.

use crate::number::Number;
use crate::shape::Shape;

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
}

/// What the way back knows of the way there.
pub(crate) struct Pass<'a, N> {
    pub(crate) inputs: &'a [N],
    pub(crate) outputs: &'a [N],
    pub(crate) cache: &'a [N],
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

    /// Values of the statistics that the layer takes over a batch, and observations that each
    /// sample adds to them: `(names, values each, observations a sample)`.
    fn statistics(&self) -> Option<(usize, usize)> {
        None
    }

    /// Whether a sample's outputs depend on the rest of the batch.
    fn couples_samples(&self) -> bool {
        self.statistics().is_some()
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
        pass: &Pass<'_, N>,
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
        Context { parameters: &[], statistics: None, n, dropout: None, first_sample: 0 }
    }
}
