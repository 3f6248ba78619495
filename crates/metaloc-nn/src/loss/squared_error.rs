//! Squared error and its root.
//!
//! `mean = 1/n sum_i |y_i - t_i|^2`, gradient `2/n (y - t)`
//! `root = sqrt(mean)`, gradient `1 / (n root) (y - t)`
//!
//! The sums are taken in double precision.

use crate::real::Real;

/// # Shapes
/// - `outputs`, `targets`, `delta`: `[n, n_outputs]`
pub(super) fn mean<R: Real>(
    outputs: &[R],
    targets: &[R],
    n_outputs: usize,
    delta: Option<&mut [R]>,
) -> R {
    let n = (outputs.len() / n_outputs) as f64;
    if let Some(delta) = delta {
        write_scaled_difference(outputs, targets, R::from_f64(2.0 / n), delta);
    }
    R::from_f64(sum_of_squares(outputs, targets) / n)
}

/// # Shapes
/// - `outputs`, `targets`, `delta`: `[n, n_outputs]`
pub(super) fn root_mean<R: Real>(
    outputs: &[R],
    targets: &[R],
    n_outputs: usize,
    delta: Option<&mut [R]>,
) -> R {
    let n = (outputs.len() / n_outputs) as f64;
    let root = (sum_of_squares(outputs, targets) / n).sqrt();
    if let Some(delta) = delta {
        let scale = if root > 0.0 { R::from_f64(1.0 / (n * root)) } else { R::ZERO };
        write_scaled_difference(outputs, targets, scale, delta);
    }
    R::from_f64(root)
}

fn sum_of_squares<R: Real>(outputs: &[R], targets: &[R]) -> f64 {
    let differences = outputs.iter().zip(targets).map(|(&y, &t)| (y - t).to_f64());
    differences.map(|difference| difference * difference).sum()
}

fn write_scaled_difference<R: Real>(outputs: &[R], targets: &[R], scale: R, delta: &mut [R]) {
    for ((delta, &y), &t) in delta.iter_mut().zip(outputs).zip(targets) {
        *delta = scale * (y - t);
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
        assert!(root_mean(&[1.0, 2.0], &[1.0, 2.0], 2, Some(&mut delta)).abs() < f64::MIN_POSITIVE);
        assert_eq!(delta, [0.0, 0.0]);
    }
}
