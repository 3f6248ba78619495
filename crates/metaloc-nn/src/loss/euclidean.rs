//! Mean Euclidean distance: the mean localization error where outputs are positions.
//!
//! `1/n sum_i |y_i - t_i|`, gradient `(y_i - t_i) / (n |y_i - t_i|)`, 0 at distance 0

use crate::number::{Number, sum};

/// # Shapes
/// - `outputs`, `targets`, `delta`: `[n, n_outputs]`
pub(super) fn mean<N: Number>(
    outputs: &[N],
    targets: &[N::Real],
    n_outputs: usize,
    n_batch: usize,
    mut delta: Option<&mut [N]>,
) -> N::Wide {
    let n = N::Wide::from_f64(n_batch as f64);
    let mut total = N::Wide::ZERO;
    let samples = outputs.chunks_exact(n_outputs).zip(targets.chunks_exact(n_outputs));
    for (sample, (outputs, targets)) in samples.enumerate() {
        let differences = outputs.iter().zip(targets).map(|(&y, &t)| (y - N::constant(t)).widen());
        let square = sum(differences.map(|difference| difference * difference));
        // The distance has no derivative at 0.
        let is_zero = square.value() <= 0.0;
        let distance = if is_zero { N::Wide::ZERO } else { square.sqrt() };
        total += distance;
        if let Some(delta) = delta.as_deref_mut() {
            let scale = if is_zero { N::ZERO } else { N::narrow(N::Wide::ONE / (n * distance)) };
            let delta = &mut delta[sample * n_outputs..][..n_outputs];
            for ((delta, &y), &t) in delta.iter_mut().zip(outputs).zip(targets) {
                *delta = scale * (y - N::constant(t));
            }
        }
    }
    total / n
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // small numbers, exact by hand

    use super::*;

    #[test]
    fn value_and_gradient_by_hand() {
        // Distances 5 and 0.
        let (outputs, targets) = ([3.0_f64, 5.0, 1.0, 7.0], [0.0, 1.0, 1.0, 7.0]);
        let mut delta = [9.0; 4];
        assert!((mean(&outputs, &targets, 2, 2, Some(&mut delta)) - 2.5).abs() < 1e-12);
        assert_eq!(delta, [0.1 * 3.0, 0.1 * 4.0, 0.0, 0.0]);
    }
}
