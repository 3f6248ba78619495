//! Cross-entropy of logits against classes.
//!
//! `1/n sum_i (log sum_j exp(y_ij) - y_i,class)`, gradient `(softmax(y_i) - onehot_i) / n`
//!
//! The largest logit is taken off first, so that no exponential overflows.

use crate::number::{Number, sum};
use crate::real::Real;

/// # Shapes
/// - `outputs`, `delta`: `[n, n_outputs]`; `classes`: `[n]`, each below `n_outputs`
pub(super) fn mean<N: Number>(
    outputs: &[N],
    classes: &[u32],
    n_outputs: usize,
    n_batch: usize,
    mut delta: Option<&mut [N]>,
) -> N::Wide {
    let mut loss = N::Wide::ZERO;
    for (sample, (logits, &class)) in outputs.chunks_exact(n_outputs).zip(classes).enumerate() {
        let class = class as usize;
        // A constant: it cancels out.
        let largest = N::constant(
            logits.iter().fold(logits[0].value(), |largest, logit| largest.max(logit.value())),
        );
        let exponential = |logit: N| (logit - largest).exp();
        let total = sum(logits.iter().map(|&logit| exponential(logit)));
        loss += (total.ln() + (largest - logits[class])).widen();
        if let Some(delta) = delta.as_deref_mut() {
            let delta = &mut delta[sample * n_outputs..][..n_outputs];
            let scale = N::from_f64(1.0 / n_batch as f64);
            for (delta, &logit) in delta.iter_mut().zip(logits) {
                *delta = scale * exponential(logit) / total;
            }
            delta[class] -= scale;
        }
    }
    loss / N::Wide::from_f64(n_batch as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_gradient_by_hand() {
        let logits = [0.0_f64, 3.0_f64.ln(), 1.0, 1.0]; // softmax 1/4, 3/4; 1/2, 1/2
        let mut delta = [9.0; 4];
        let value = mean(&logits, &[1, 0], 2, 2, Some(&mut delta));
        assert!((value - 0.5 * ((4.0_f64 / 3.0).ln() + 2.0_f64.ln())).abs() < 1e-12);
        for (got, expected) in delta.iter().zip([0.125, -0.125, -0.25, 0.25]) {
            assert!((got - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let value = mean(&[1000.0_f32, -1000.0], &[1], 2, 1, None);
        assert!((value - 2000.0).abs() < 1e-3);
    }
}
