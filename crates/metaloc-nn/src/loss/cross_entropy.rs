//! Cross-entropy of logits against classes.
//!
//! `1/n sum_i (log sum_j exp(y_ij) - y_i,class)`, gradient `(softmax(y_i) - onehot_i) / n`
//!
//! The largest logit is taken off first, so that no exponential overflows.

use crate::real::Real;

/// # Shapes
/// - `outputs`, `delta`: `[n, n_outputs]`; `classes`: `[n]`, each below `n_outputs`
pub(super) fn mean<R: Real>(
    outputs: &[R],
    classes: &[u32],
    n_outputs: usize,
    mut delta: Option<&mut [R]>,
) -> R {
    let n = (outputs.len() / n_outputs) as f64;
    let mut sum = 0.0;
    for (sample, (logits, &class)) in outputs.chunks_exact(n_outputs).zip(classes).enumerate() {
        let class = class as usize;
        let largest = logits.iter().fold(logits[0], |largest, &logit| largest.max(logit));
        let exponential = |logit: R| (logit - largest).exp();
        let total: R = logits.iter().map(|&logit| exponential(logit)).sum();
        sum += (total.ln() + (largest - logits[class])).to_f64();
        if let Some(delta) = delta.as_deref_mut() {
            let delta = &mut delta[sample * n_outputs..][..n_outputs];
            let scale = R::from_f64(1.0 / n);
            for (delta, &logit) in delta.iter_mut().zip(logits) {
                *delta = scale * exponential(logit) / total;
            }
            delta[class] -= scale;
        }
    }
    R::from_f64(sum / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_gradient_by_hand() {
        let logits = [0.0_f64, 3.0_f64.ln(), 1.0, 1.0]; // softmax 1/4, 3/4; 1/2, 1/2
        let mut delta = [9.0; 4];
        let value = mean(&logits, &[1, 0], 2, Some(&mut delta));
        assert!((value - 0.5 * ((4.0_f64 / 3.0).ln() + 2.0_f64.ln())).abs() < 1e-12);
        for (got, expected) in delta.iter().zip([0.125, -0.125, -0.25, 0.25]) {
            assert!((got - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let value = mean(&[1000.0_f32, -1000.0], &[1], 2, None);
        assert!((value - 2000.0).abs() < 1e-3);
    }
}
