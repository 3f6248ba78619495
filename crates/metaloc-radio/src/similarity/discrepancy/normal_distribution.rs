//! Probabilities of the standard normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// Where the fraction takes over from the series.
const FAR: f64 = 2.5;

/// Terms of the fraction: enough for 14 digits from [`FAR`] on.
const TERMS: u32 = 120;

/// Probability that a standard normal number is greater than `z`.
///
/// Within [`FAR`] by the series `P(0 < Z < z) = d(z) (z + z^3/3 + z^5/(3*5) + ...)`, beyond by
/// Laplace's fraction `P(Z > z) = d(z) / (z + 1/(z + 2/(z + 3/(z + ...))))`, `d` being the density
/// (G. Marsaglia, "Evaluating the normal distribution", J. Stat. Software 11, 2004).
pub(super) fn upper_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - upper_tail(-z);
    }
    let density = (-0.5 * z * z).exp() / (SQRT_2 * PI.sqrt());
    if z > FAR {
        let fraction = (1..=TERMS).rev().fold(z, |below, k| z + f64::from(k) / below);
        return density / fraction;
    }
    let (mut term, mut sum, mut odd) = (z, z, 1.0);
    while term > f64::EPSILON * sum {
        odd += 2.0;
        term *= z * z / odd;
        sum += term;
    }
    0.5 - density * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.norm.sf` of scipy 1.17.1.
    #[test]
    fn as_scipy() {
        for (z, expected) in [
            (-9.0, 1.0),
            (-1.0, 0.8413447460685429),
            (0.0, 0.5),
            (0.3, 0.3820885778110474),
            (1.6448536269514722, 0.050000000000000044),
            (2.4999, 0.006211418374944587),
            (2.5001, 0.006207912714815193),
            (4.0, 3.167124183311986e-05),
            (10.0, 7.61985302416047e-24),
            (30.0, 4.906713927147908e-198),
        ] {
            let found: f64 = upper_tail(z);
            assert!((found / expected - 1.0).abs() < 1e-12, "{z}: {found} {expected}");
        }
        assert_eq!(upper_tail(f64::INFINITY).to_bits(), 0.0f64.to_bits());
        assert!(upper_tail(f64::NAN).is_nan());
    }
}
