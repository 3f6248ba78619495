//! Rectifier.
//!
//! `output = max(input, 0)`; its derivative at 0 is taken as 0.

use super::{Context, Layer, Pass};
use crate::number::Number;
use crate::shape::Shape;

/// A rectifier on samples of this shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Relu {
    pub(crate) shape: Shape,
}

impl Layer for Relu {
    fn outputs(&self) -> Shape {
        self.shape.clone()
    }

    #[inline(always)]
    fn forward<N: Number>(&self, _: &Context<'_, N>, inputs: &[N], outputs: &mut [N], _: &mut [N]) {
        for (output, &input) in outputs.iter_mut().zip(inputs) {
            // Not `max`, which would hide a NaN.
            *output = if input.value() <= N::Real::ZERO { N::ZERO } else { input };
        }
    }

    /// `input_delta = delta` where the output is positive, 0 elsewhere.
    #[inline(always)]
    fn backward<N: Number>(
        &self,
        _: &Context<'_, N>,
        pass: Pass<'_, N>,
        _: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let Some(input_delta) = input_delta else { return };
        for ((to, &from), &output) in input_delta.iter_mut().zip(pass.delta).zip(pass.outputs) {
            *to = if output.value() > N::Real::ZERO { from } else { N::ZERO };
        }
    }
}
