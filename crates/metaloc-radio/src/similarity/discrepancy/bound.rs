//! A threshold for the discrepancy that holds whatever the features' distribution.

use crate::RadioError;

/// The value that the biased estimate of the MMD (not squared) stays below with probability
/// `1 - level`, if both sets come from one distribution.
///
/// With a kernel between 0 and `K`, by McDiarmid's inequality:
///
/// ```text
/// sqrt(K (1/m + 1/n)) (1 + sqrt(2 ln(1 / level)))
/// ```
///
/// which for `m = n` is `sqrt(2 K / m) (1 + sqrt(2 ln(1 / level)))`, Corollary 9 of Gretton et al.
/// 2012; their proof gives the other sizes. Safe and wide: the permutation test sees much smaller
/// differences.
///
/// # Errors
/// [`RadioError::Setting`] unless `level` lies in 0 to 1, both exclusive, `greatest_kernel_value`
/// is positive and finite, and there are rows.
pub fn distribution_free_bound(
    n_rows: (usize, usize),
    level: f64,
    greatest_kernel_value: f64,
) -> Result<f64, RadioError> {
    let setting = |setting, found, expected| Err(RadioError::Setting { setting, found, expected });
    if !(level > 0.0 && level < 1.0) {
        return setting("the test's level", level, "above 0 and below 1");
    }
    if !(greatest_kernel_value > 0.0 && greatest_kernel_value.is_finite()) {
        let expected = "positive and finite";
        return setting("the kernel's greatest value", greatest_kernel_value, expected);
    }
    if n_rows.0 == 0 || n_rows.1 == 0 {
        return setting("a set's number of rows", 0.0, "at least 1");
    }
    let shares = 1.0 / n_rows.0 as f64 + 1.0 / n_rows.1 as f64;
    Ok((greatest_kernel_value * shares).sqrt() * (1.0 + (-2.0 * level.ln()).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // ln(1 / level) = 2: sqrt(2 / 50) (1 + 2).
        let bound = distribution_free_bound((50, 50), (-2f64).exp(), 1.0).unwrap();
        assert!((bound - 0.6).abs() < 1e-12);
        // 1/20 + 1/30 = 1/12; K = 3: sqrt(1/4) (1 + 2).
        let bound = distribution_free_bound((20, 30), (-2f64).exp(), 3.0).unwrap();
        assert!((bound - 1.5).abs() < 1e-12);
        for (rows, level, greatest) in
            [((0, 5), 0.1, 1.0), ((5, 5), 0.0, 1.0), ((5, 5), f64::NAN, 1.0), ((5, 5), 0.1, 0.0)]
        {
            assert!(distribution_free_bound(rows, level, greatest).is_err());
        }
    }
}
