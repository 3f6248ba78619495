//! Fully connected layer, with the rectifier that may stand behind it.
//!
//! `outputs = inputs * weight + bias`; with tangents (dotted, of inputs and parameters)
//! `outputs' = inputs' * weight + inputs * weight' + bias'`
//!
//! A rectifier changes the outputs where they lie; the way back finds in them what it let pass.

use super::{Initial, ParameterArray, Refusal, Sides, SidesMut};
use crate::kernels::level::{SimdLevel, Vectorized};
use crate::kernels::matmul::{Accumulate, MatrixRef, multiply};
use crate::kernels::vector::{Available, Vector};
use crate::real::Real;
use crate::shape::Shape;

/// A fully connected layer of a checked network.
///
/// # Shapes
/// - parameters: weight `[n_inputs, n_outputs]`, then bias `[n_outputs]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dense {
    n_inputs: usize,
    n_outputs: usize,
    rectified: bool,
}

impl Dense {
    pub(crate) fn check(inputs: &Shape, outputs: usize) -> Result<Self, Refusal> {
        if outputs == 0 {
            return Err(Refusal::zero("outputs"));
        }
        let n_inputs = inputs.n_values().ok_or_else(|| Refusal::Inputs("fewer values".into()))?;
        Ok(Self { n_inputs, n_outputs: outputs, rectified: false })
    }

    /// The same layer with a rectifier behind it.
    pub(crate) fn with_relu(self) -> Self {
        Self { rectified: true, ..self }
    }

    pub(crate) fn outputs(&self) -> Shape {
        self.n_outputs.into()
    }

    pub(crate) fn parameters(&self) -> Vec<ParameterArray> {
        let (fan_in, fan_out) = (self.n_inputs, self.n_outputs);
        let initial = Initial::Weights { fan_in, fan_out };
        let weight = ParameterArray { name: "weight", shape: vec![fan_in, fan_out], initial };
        let initial = Initial::Constant(0.0);
        vec![weight, ParameterArray { name: "bias", shape: vec![fan_out], initial }]
    }

    /// Multiply-adds of a sample, there.
    pub(crate) fn n_products(&self) -> usize {
        self.n_inputs * self.n_outputs
    }

    fn split<'a, R: Real>(&self, parameters: &'a [R]) -> (MatrixRef<'a, R>, &'a [R]) {
        let (weight, bias) = parameters.split_at(self.n_products());
        (MatrixRef::new(weight, self.n_inputs, self.n_outputs), bias)
    }

    fn rows<'a, R: Real>(&self, inputs: &'a [R]) -> MatrixRef<'a, R> {
        MatrixRef::new(inputs, inputs.len() / self.n_inputs, self.n_inputs)
    }

    fn delta_rows<'a, R: Real>(&self, delta: &'a [R]) -> MatrixRef<'a, R> {
        MatrixRef::new(delta, delta.len() / self.n_outputs, self.n_outputs)
    }

    /// # Shapes
    /// - `inputs`: `[n, n_inputs]`, `outputs`: `[n, n_outputs]`
    pub(crate) fn forward<R: Real>(
        &self,
        parameters: Sides<'_, R>,
        inputs: Sides<'_, R>,
        outputs: SidesMut<'_, R>,
    ) {
        let (level, rectified) = (SimdLevel::current(), self.rectified);
        let (weight, bias) = self.split(parameters.values);
        multiply(outputs.values, self.rows(inputs.values), weight, Accumulate::Overwrite);
        level.vectorize(Finish { bias, rectified, outputs: outputs.values });
        let (Some(direction), Some(tangents)) = (parameters.tangents, outputs.tangents) else {
            return;
        };
        let (weight_tangent, bias) = self.split(direction);
        multiply(tangents, self.rows(inputs.values), weight_tangent, Accumulate::Overwrite);
        if let Some(input_tangents) = inputs.tangents {
            multiply(tangents, self.rows(input_tangents), weight, Accumulate::Add);
        }
        level.vectorize(Finish { bias, rectified: false, outputs: tangents });
        self.hold_back(outputs.values, tangents);
    }

    /// Clears gradients or tangents where a rectifier let nothing pass; before
    /// [`backward`](Self::backward).
    pub(crate) fn hold_back<R: Real>(&self, outputs: &[R], values: &mut [R]) {
        if self.rectified {
            SimdLevel::current().vectorize(HoldBack { outputs, values });
        }
    }

    /// `weight_gradient = inputs^T * delta`, `bias_gradient = sum of delta's rows`,
    /// `input_delta = delta * weight^T`; with tangents `gradient` is that of the gradient.
    ///
    /// # Shapes
    /// - `inputs`, `input_delta`: `[n, n_inputs]`, `delta`: `[n, n_outputs]`
    pub(crate) fn backward<R: Real>(
        &self,
        parameters: Sides<'_, R>,
        inputs: Sides<'_, R>,
        delta: Sides<'_, R>,
        (gradient, accumulate): (&mut [R], Accumulate),
        input_delta: Option<SidesMut<'_, R>>,
    ) {
        let (weight_gradient, bias_gradient) = gradient.split_at_mut(self.n_products());
        let delta_rows = self.delta_rows(delta.values);
        let inputs_across = self.rows(inputs.values).transposed();
        if let Some(tangents) = delta.tangents {
            let tangent_rows = self.delta_rows(tangents);
            multiply(weight_gradient, inputs_across, tangent_rows, accumulate);
            if let Some(input_tangents) = inputs.tangents {
                let across = self.rows(input_tangents).transposed();
                multiply(weight_gradient, across, delta_rows, Accumulate::Add);
            }
            sum_rows(tangents, bias_gradient, accumulate);
        } else {
            multiply(weight_gradient, inputs_across, delta_rows, accumulate);
            sum_rows(delta.values, bias_gradient, accumulate);
        }

        let Some(input_delta) = input_delta else { return };
        let weight = self.split(parameters.values).0.transposed();
        multiply(input_delta.values, delta_rows, weight, Accumulate::Overwrite);
        if let (Some(direction), Some(delta_tangents), Some(tangents)) =
            (parameters.tangents, delta.tangents, input_delta.tangents)
        {
            let weight_tangent = self.split(direction).0.transposed();
            multiply(tangents, delta_rows, weight_tangent, Accumulate::Overwrite);
            multiply(tangents, self.delta_rows(delta_tangents), weight, Accumulate::Add);
        }
    }
}

fn sum_rows<R: Real>(rows: &[R], sums: &mut [R], accumulate: Accumulate) {
    if accumulate == Accumulate::Overwrite {
        sums.fill(R::ZERO);
    }
    SimdLevel::current().vectorize(SumRows { rows, sums });
}

/// Adds the bias to each row of outputs, and rectifies.
struct Finish<'a, R> {
    bias: &'a [R],
    rectified: bool,
    outputs: &'a mut [R],
}

impl<R: Real> Vectorized<R> for Finish<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        for row in self.outputs.chunks_exact_mut(self.bias.len()) {
            for (output, &bias) in row.iter_mut().zip(self.bias) {
                let value = *output + bias;
                // Not `max`, which would hide a NaN.
                *output = if self.rectified && value <= R::ZERO { R::ZERO } else { value };
            }
        }
    }
}

/// Clears values where outputs are not positive.
struct HoldBack<'a, R> {
    outputs: &'a [R],
    values: &'a mut [R],
}

impl<R: Real> Vectorized<R> for HoldBack<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        for (value, &output) in self.values.iter_mut().zip(self.outputs) {
            *value = if output > R::ZERO { *value } else { R::ZERO };
        }
    }
}

/// Adds up rows.
struct SumRows<'a, R> {
    rows: &'a [R],
    sums: &'a mut [R],
}

impl<R: Real> Vectorized<R> for SumRows<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        for row in self.rows.chunks_exact(self.sums.len()) {
            for (sum, &value) in self.sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // small numbers, exact by hand

    use super::*;

    const DENSE: Dense = Dense { n_inputs: 2, n_outputs: 2, rectified: false };
    const PARAMETERS: [f64; 6] = [1.0, 2.0, 3.0, 4.0, 10.0, 20.0];

    fn sides(values: &[f64]) -> Sides<'_, f64> {
        Sides { values, tangents: None }
    }

    #[test]
    fn forward_by_hand() {
        let mut outputs = [0.0; 4];
        let to = SidesMut { values: &mut outputs, tangents: None };
        DENSE.forward(sides(&PARAMETERS), sides(&[1.0, 0.0, 1.0, -1.0]), to);
        assert_eq!(outputs, [11.0, 22.0, 8.0, 18.0]);
    }

    #[test]
    fn a_rectifier_by_hand() {
        let dense = DENSE.with_relu();
        let (mut outputs, mut tangents) = ([9.0; 4], [9.0; 4]);
        let to = SidesMut { values: &mut outputs, tangents: Some(&mut tangents) };
        let direction = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0];
        let parameters = Sides { values: &PARAMETERS, tangents: Some(&direction) };
        dense.forward(parameters, sides(&[1.0, -6.0, -11.0, 0.0]), to);
        assert_eq!((outputs, tangents), ([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]));
        let to = SidesMut { values: &mut outputs, tangents: Some(&mut tangents) };
        dense.forward(parameters, sides(&[0.0, 0.0, -10.0, 0.5]), to);
        assert_eq!((outputs, tangents), ([10.0, 20.0, 1.5, 2.0], [1.0, 1.0, 1.0, 1.0]));
        let mut delta = [3.0, 4.0, 5.0, 6.0];
        dense.hold_back(&[1.0, 0.0, 0.0, 2.0], &mut delta);
        assert_eq!(delta, [3.0, 0.0, 0.0, 6.0]);
    }

    #[test]
    fn backward_by_hand() {
        let (mut gradient, mut input_delta) = ([9.0; 6], [9.0; 4]);
        let (inputs, delta) = ([1.0, 0.0, 1.0, -1.0], [1.0, 2.0, 3.0, 5.0]);
        let to = SidesMut { values: &mut input_delta, tangents: None };
        let into = (&mut gradient[..], Accumulate::Overwrite);
        DENSE.backward(sides(&PARAMETERS), sides(&inputs), sides(&delta), into, Some(to));
        assert_eq!(gradient, [4.0, 7.0, -3.0, -5.0, 4.0, 7.0]);
        assert_eq!(input_delta, [5.0, 11.0, 13.0, 29.0]);
    }
}
