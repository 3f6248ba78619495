//! Rectifier.
//!
//! `output = max(input, 0)`; its derivative at 0 is taken as 0.

use crate::real::Real;

/// # Shapes
/// - `inputs`, `outputs`: the same length
pub(crate) fn forward<R: Real>(inputs: &[R], outputs: &mut [R]) {
    for (output, &input) in outputs.iter_mut().zip(inputs) {
        // Not `max`, which would hide a NaN.
        *output = if input <= R::ZERO { R::ZERO } else { input };
    }
}

/// `input_delta = delta` where the output is positive, 0 elsewhere.
///
/// # Shapes
/// - all the same length
pub(crate) fn backward<R: Real>(outputs: &[R], delta: &[R], input_delta: &mut [R]) {
    for ((to, &from), &output) in input_delta.iter_mut().zip(delta).zip(outputs) {
        *to = if output > R::ZERO { from } else { R::ZERO };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // small numbers, exact by hand

    use super::*;

    #[test]
    fn passes_what_is_positive() {
        let mut outputs = [9.0; 4];
        forward(&[-1.0, 0.0, 2.0, f64::NAN], &mut outputs);
        assert_eq!(outputs[..3], [0.0, 0.0, 2.0]);
        assert!(outputs[3].is_nan());
        let mut input_delta = [9.0; 3];
        backward(&outputs[..3], &[5.0, 6.0, 7.0], &mut input_delta);
        assert_eq!(input_delta, [0.0, 0.0, 7.0]);
    }
}
