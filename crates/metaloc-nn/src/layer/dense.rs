//! Fully connected layer.
//!
//! `outputs = inputs * weight + bias`

use crate::kernels::matmul::{Accumulate, MatrixRef, multiply};
use crate::real::Real;

/// A fully connected layer of a checked network.
///
/// # Shapes
/// - weight: `[n_inputs, n_outputs]` at `weight_offset`
/// - bias: `[n_outputs]`, right behind the weight
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dense {
    pub(crate) n_inputs: usize,
    pub(crate) n_outputs: usize,
    pub(crate) weight_offset: usize,
}

impl Dense {
    /// Where the bias starts.
    pub(crate) fn bias_offset(&self) -> usize {
        self.weight_offset + self.n_inputs * self.n_outputs
    }

    /// Where the layer's parameters end.
    pub(crate) fn end(&self) -> usize {
        self.bias_offset() + self.n_outputs
    }

    fn weight<'a, R: Real>(&self, parameters: &'a [R]) -> MatrixRef<'a, R> {
        let weight = &parameters[self.weight_offset..self.bias_offset()];
        MatrixRef::new(weight, self.n_inputs, self.n_outputs)
    }

    /// # Shapes
    /// - `inputs`: `[n, n_inputs]`, `outputs`: `[n, n_outputs]`
    pub(crate) fn forward<R: Real>(&self, parameters: &[R], inputs: &[R], outputs: &mut [R]) {
        let bias = &parameters[self.bias_offset()..self.end()];
        for row in outputs.chunks_exact_mut(self.n_outputs) {
            row.copy_from_slice(bias);
        }
        let inputs = MatrixRef::new(inputs, inputs.len() / self.n_inputs, self.n_inputs);
        multiply(outputs, inputs, self.weight(parameters), Accumulate::Add);
    }

    /// `weight_gradient = inputs^T * delta`, `bias_gradient = sum of delta's rows`,
    /// `input_delta = delta * weight^T`
    ///
    /// # Shapes
    /// - `inputs`, `input_delta`: `[n, n_inputs]`, `delta`: `[n, n_outputs]`
    pub(crate) fn backward<R: Real>(
        &self,
        parameters: &[R],
        inputs: &[R],
        delta: &[R],
        gradient: &mut [R],
        input_delta: Option<&mut [R]>,
    ) {
        let n = inputs.len() / self.n_inputs;
        let inputs = MatrixRef::new(inputs, n, self.n_inputs);
        let delta_rows = MatrixRef::new(delta, n, self.n_outputs);

        let own = &mut gradient[self.weight_offset..self.end()];
        let (weight_gradient, bias_gradient) = own.split_at_mut(self.n_inputs * self.n_outputs);
        multiply(weight_gradient, inputs.transposed(), delta_rows, Accumulate::Overwrite);
        bias_gradient.fill(R::ZERO);
        for row in delta.chunks_exact(self.n_outputs) {
            for (sum, &value) in bias_gradient.iter_mut().zip(row) {
                *sum += value;
            }
        }

        if let Some(input_delta) = input_delta {
            let weight = self.weight(parameters).transposed();
            multiply(input_delta, delta_rows, weight, Accumulate::Overwrite);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // small numbers, exact by hand

    use super::*;

    const DENSE: Dense = Dense { n_inputs: 2, n_outputs: 2, weight_offset: 0 };
    const PARAMETERS: [f64; 6] = [1.0, 2.0, 3.0, 4.0, 10.0, 20.0];

    #[test]
    fn forward_by_hand() {
        let mut outputs = [0.0; 4];
        DENSE.forward(&PARAMETERS, &[1.0, 0.0, 1.0, -1.0], &mut outputs);
        assert_eq!(outputs, [11.0, 22.0, 8.0, 18.0]);
    }

    #[test]
    fn backward_by_hand() {
        let (mut gradient, mut input_delta) = ([9.0; 6], [9.0; 4]);
        let (inputs, delta) = ([1.0, 0.0, 1.0, -1.0], [1.0, 2.0, 3.0, 5.0]);
        DENSE.backward(&PARAMETERS, &inputs, &delta, &mut gradient, Some(&mut input_delta));
        assert_eq!(gradient, [4.0, 7.0, -3.0, -5.0, 4.0, 7.0]);
        assert_eq!(input_delta, [5.0, 11.0, 13.0, 29.0]);
    }
}
