//! Softmax over the last size.
//!
//! `output_i = exp(input_i) / sum_j exp(input_j)`; the largest input is taken off first, so that no
//! exponential overflows. `input_delta_i = output_i (delta_i - sum_j output_j delta_j)`

use super::{Context, Layer, Pass};
use crate::number::{Number, sum};
use crate::real::Real;
use crate::shape::Shape;

/// Softmax on samples of this shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Softmax {
    pub(crate) shape: Shape,
}

impl Layer for Softmax {
    fn outputs(&self) -> Shape {
        self.shape.clone()
    }

    fn forward<N: Number>(&self, _: &Context<'_, N>, inputs: &[N], outputs: &mut [N], _: &mut [N]) {
        outputs.copy_from_slice(inputs);
        outputs.chunks_exact_mut(self.shape.last()).for_each(softmax);
    }

    fn backward<N: Number>(
        &self,
        _: &Context<'_, N>,
        pass: Pass<'_, N>,
        _: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let (Some(input_delta), width) = (input_delta, self.shape.last()) else { return };
        let rows = pass.outputs.chunks_exact(width).zip(pass.delta.chunks_exact(width));
        for (to, (outputs, delta)) in input_delta.chunks_exact_mut(width).zip(rows) {
            to.copy_from_slice(delta);
            softmax_back(outputs, to);
        }
    }
}

/// Turns scores into shares of one.
pub(crate) fn softmax<N: Number>(scores: &mut [N]) {
    // A constant: it cancels out.
    let first = scores[0].value();
    let largest = scores.iter().fold(first, |largest, score| largest.max(score.value()));
    for score in &mut *scores {
        *score = (*score - N::constant(largest)).exp();
    }
    let total = sum(scores.iter().copied());
    scores.iter_mut().for_each(|score| *score = *score / total);
}

/// Turns the gradient with respect to the shares into the one with respect to the scores.
pub(crate) fn softmax_back<N: Number>(shares: &[N], delta: &mut [N]) {
    let mean = sum(shares.iter().zip(&*delta).map(|(&share, &delta)| share * delta));
    for (delta, &share) in delta.iter_mut().zip(shares) {
        *delta = share * (*delta - mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::context::tests::bare;

    #[test]
    fn shares_by_hand_and_no_overflow() {
        let mut outputs = [9.0; 4];
        let inputs = [0.0, 3.0_f64.ln(), 1000.0, -1000.0];
        Softmax { shape: [2, 2].into() }.forward(&bare(1), &inputs, &mut outputs, &mut []);
        for (got, expected) in outputs.iter().zip([0.25, 0.75, 1.0, 0.0]) {
            assert!((got - expected).abs() < 1e-15);
        }
    }
}
