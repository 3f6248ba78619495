//! Hyperbolic tangent.
//!
//! `output = tanh(input)`, `derivative = 1 - output^2`

use super::{Context, Layer, Pass};
use crate::number::Number;
use crate::shape::Shape;

/// A hyperbolic tangent on samples of this shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tanh {
    pub(crate) shape: Shape,
}

impl Layer for Tanh {
    fn outputs(&self) -> Shape {
        self.shape.clone()
    }

    fn forward<N: Number>(&self, _: &Context<'_, N>, inputs: &[N], outputs: &mut [N], _: &mut [N]) {
        for (output, &input) in outputs.iter_mut().zip(inputs) {
            *output = input.tanh();
        }
    }

    fn backward<N: Number>(
        &self,
        _: &Context<'_, N>,
        pass: Pass<'_, N>,
        _: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let Some(input_delta) = input_delta else { return };
        for ((to, &from), &output) in input_delta.iter_mut().zip(pass.delta).zip(pass.outputs) {
            *to = from * (N::ONE - output * output);
        }
    }
}
