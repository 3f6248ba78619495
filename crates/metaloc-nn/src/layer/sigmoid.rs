//! Logistic function.
//!
//! `output = 1 / (1 + exp(-input))`, `derivative = output (1 - output)`; written with
//! `exp(-|input|)`, which never overflows.

use super::{Context, Layer, Pass};
use crate::number::Number;
use crate::shape::Shape;

/// The logistic function on samples of this shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sigmoid {
    pub(crate) shape: Shape,
}

impl Layer for Sigmoid {
    fn outputs(&self) -> Shape {
        self.shape.clone()
    }

    fn forward<N: Number>(&self, _: &Context<'_, N>, inputs: &[N], outputs: &mut [N], _: &mut [N]) {
        for (output, &input) in outputs.iter_mut().zip(inputs) {
            *output = if input.value() > N::ZERO.value() {
                N::ONE / (N::ONE + (-input).exp())
            } else {
                let power = input.exp();
                power / (N::ONE + power)
            };
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
        for ((to, &delta), &output) in input_delta.iter_mut().zip(pass.delta).zip(pass.outputs) {
            *to = delta * output * (N::ONE - output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::context::tests::bare;

    #[test]
    fn values_by_hand_and_no_overflow() {
        let mut outputs = [9.0; 4];
        let inputs = [0.0, 3.0_f64.ln(), -1000.0, 1000.0];
        Sigmoid { shape: 4.into() }.forward(&bare(1), &inputs, &mut outputs, &mut []);
        for (got, expected) in outputs.iter().zip([0.5, 0.75, 0.0, 1.0]) {
            assert!((got - expected).abs() < 1e-15);
        }
    }
}
