//! Hyperbolic tangent.
//!
//! `output = tanh(input)`, `derivative = 1 - output^2`

use crate::real::Real;

/// # Shapes
/// - `inputs`, `outputs`: the same length
pub(crate) fn forward<R: Real>(inputs: &[R], outputs: &mut [R]) {
    for (output, &input) in outputs.iter_mut().zip(inputs) {
        *output = input.tanh();
    }
}

/// `input_delta = delta * (1 - output^2)`
///
/// # Shapes
/// - all the same length
pub(crate) fn backward<R: Real>(outputs: &[R], delta: &[R], input_delta: &mut [R]) {
    for ((to, &from), &output) in input_delta.iter_mut().zip(delta).zip(outputs) {
        *to = from * (R::ONE - output * output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_derivatives_by_hand() {
        let mut outputs = [9.0; 2];
        forward(&[0.0, 0.5_f64], &mut outputs);
        assert!((outputs[1] - 0.462_117_157_260_009_8).abs() < 1e-15);
        let mut input_delta = [9.0; 2];
        backward(&outputs, &[3.0, 2.0], &mut input_delta);
        assert!((input_delta[0] - 3.0).abs() < 1e-15);
        assert!((input_delta[1] - 2.0 * 0.786_447_732_965_927_4).abs() < 1e-15);
    }
}
