//! Squared error and its root.
//!
//! `mean = 1/n sum_i |y_i - t_i|^2`, gradient `2/n (y - t)`
//! `root = sqrt(mean)`, gradient `1 / (n root) (y - t)`
//!
//! The sums are taken in double precision.

use crate::number::{Number, sum};

/// # Shapes
/// - `outputs`, `targets`, `delta`: `[n, n_outputs]`
pub(super) fn mean<N: Number>(
    outputs: &[N],
    targets: &[N::Real],
    n_batch: usize,
    delta: Option<&mut [N]>,
) -> N::Wide {
    let n = n_batch as f64;
    if let Some(delta) = delta {
        write_scaled_difference(outputs, targets, N::from_f64(2.0 / n), delta);
    }
    sum_of_squares(outputs, targets) / N::Wide::from_f64(n)
}

/// # Shapes
/// - `outputs`, `targets`, `delta`: `[n_batch, n_outputs]`
pub(super) fn root_mean<N: Number>(
    outputs: &[N],
    targets: &[N::Real],
    n_batch: usize,
    delta: Option<&mut [N]>,
) -> N::Wide {
    let n = N::Wide::from_f64(n_batch as f64);
    let mean = sum_of_squares(outputs, targets) / n;
    // The root has no derivative at 0.
    let is_zero = mean.value() <= 0.0;
    let root = if is_zero { N::Wide::ZERO } else { mean.sqrt() };
    if let Some(delta) = delta {
        let scale = if is_zero { N::ZERO } else { N::narrow(N::Wide::ONE / (n * root)) };
        write_scaled_difference(outputs, targets, scale, delta);
    }
    root
}

fn sum_of_squares<N: Number>(outputs: &[N], targets: &[N::Real]) -> N::Wide {
    let differences = outputs.iter().zip(targets).map(|(&y, &t)| (y - N::constant(t)).widen());
    sum(differences.map(|difference| difference * difference))
}

fn write_scaled_difference<N: Number>(
    outputs: &[N],
    targets: &[N::Real],
    scale: N,
    delta: &mut [N],
) {
    for ((delta, &y), &t) in delta.iter_mut().zip(outputs).zip(targets) {
        *delta = scale * (y - N::constant(t));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // small numbers, exact by hand

    use super::*;

    #[test]
    fn values_and_gradients_by_hand() {
        // Two samples with differences (3, 4) and (0, -5): squares 25 and 25.
        let (outputs, targets) = ([3.0_f64, 5.0, 1.0, -5.0], [0.0, 1.0, 1.0, 0.0]);
        let mut delta = [9.0; 4];
        assert!((mean(&outputs, &targets, 2, Some(&mut delta)) - 25.0).abs() < 1e-12);
        assert_eq!(delta, [3.0, 4.0, 0.0, -5.0]);
        assert!((root_mean(&outputs, &targets, 2, Some(&mut delta)) - 5.0).abs() < 1e-12);
        assert_eq!(delta, [0.1 * 3.0, 0.1 * 4.0, 0.0, 0.1 * -5.0]);
    }

    #[test]
    fn the_root_has_gradient_zero_where_it_is_zero() {
        let mut delta = [9.0; 2];
        let root: f64 = root_mean(&[1.0, 2.0], &[1.0, 2.0], 1, Some(&mut delta));
        assert!(root.abs() < f64::MIN_POSITIVE);
        assert_eq!(delta, [0.0, 0.0]);
    }
}
