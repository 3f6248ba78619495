//! The Fresnel integral from `x` to infinity.
//!
//! Source: M. Abramowitz, I. Stegun, Handbook of Mathematical Functions, 7.3 (definition and series),
//! 7.3.22 (relation to the error function) and 7.1.14 (its continued fraction, here contracted to the
//! even part). With `w = (1 + j) x sqrt(pi) / 2`, so `w^2 = j pi x^2 / 2`:
//!
//! ```text
//! C(x) - j S(x) = int_0^x e^{-j pi t^2 / 2} dt = sum_n (-j pi / 2)^n x^{2n+1} / (n! (2n + 1))
//! tail(x)       = int_x^inf e^{-j pi t^2 / 2} dt = (1 - j) / 2 erfc(w)
//! erfc(w)       = 2 w e^{-w^2} / sqrt(pi) / (2w^2 + 1 - 1*2 / (2w^2 + 5 - 3*4 / (2w^2 + 9 - ...)))
//! ```

use std::f64::consts::{FRAC_PI_2, PI};

use num_complex::Complex64;

/// Below it the series, above it the continued fraction: both have all digits here.
const SERIES_UP_TO: f64 = 1.8;
const SERIES_TERMS: u32 = 60;

/// `int_x^inf e^{-j pi t^2 / 2} dt` for any real `x`; the error is below 1e-12.
#[must_use]
pub fn fresnel_tail(x: f64) -> Complex64 {
    let whole = Complex64::new(0.5, -0.5);
    if x < 0.0 {
        2.0 * whole - fresnel_tail(-x)
    } else if x < SERIES_UP_TO {
        whole - series(x)
    } else {
        fraction(x)
    }
}

fn series(x: f64) -> Complex64 {
    let step = Complex64::new(0.0, -FRAC_PI_2 * x * x);
    let mut power = Complex64::new(x, 0.0);
    let mut sum = power;
    for n in 1..SERIES_TERMS {
        power *= step / f64::from(n);
        sum += power / f64::from(2 * n + 1);
    }
    sum
}

fn fraction(x: f64) -> Complex64 {
    let square = Complex64::new(0.0, PI * x * x);
    // The larger x, the fewer terms are left to matter: 90 at its least.
    let n_terms = 10 + (260.0 / (x * x)) as u32;
    let mut below = square + f64::from(4 * n_terms + 1);
    for n in (1..=n_terms).rev() {
        let above = f64::from(2 * n - 1) * f64::from(2 * n);
        below = square + f64::from(4 * n - 3) - above / below;
    }
    // (1 - j) / 2 * 2 w / sqrt(pi) is x.
    x * (-0.5 * square).exp() / below
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C and S of the tables in Abramowitz and Stegun (7.7) and their high-precision continuations.
    #[test]
    fn tabulated_values() {
        let table = [
            (0.5, 0.492_344_225_871_446, 0.064_732_432_859_999_28),
            (1.0, 0.779_893_400_376_822_8, 0.438_259_147_390_354_8),
            (2.0, 0.488_253_406_075_340_8, 0.343_415_678_363_698_24),
            (5.0, 0.563_631_188_704_012_2, 0.499_191_381_917_116_87),
        ];
        for (x, c, s) in table {
            let found = Complex64::new(0.5, -0.5) - fresnel_tail(x);
            assert!((found - Complex64::new(c, -s)).norm() < 1e-12, "{x}: {found}");
        }
    }

    #[test]
    fn series_and_fraction_agree_where_they_meet() {
        for x in [1.6, 1.8, 2.0, 2.2] {
            let difference = Complex64::new(0.5, -0.5) - series(x) - fraction(x);
            assert!(difference.norm() < 1e-12, "{x}: {difference}");
        }
    }

    /// What `fraction` leaves out is below the rounding of what it keeps.
    #[test]
    fn enough_terms() {
        for step in 0..200 {
            let x = 1.8 * 1.03_f64.powi(step);
            let square = Complex64::new(0.0, PI * x * x);
            let mut below = square + 4001.0;
            for n in (1..=1000_u32).rev() {
                let above = f64::from(2 * n - 1) * f64::from(2 * n);
                below = square + f64::from(4 * n - 3) - above / below;
            }
            let expected = x * (-0.5 * square).exp() / below;
            assert!((fraction(x) - expected).norm() < 1e-13, "{x}");
        }
    }

    #[test]
    fn both_sides_make_the_whole() {
        for x in [0.0, 0.3, 1.0, 3.0, 40.0] {
            let whole = fresnel_tail(x) + fresnel_tail(-x);
            assert!((whole - Complex64::new(1.0, -1.0)).norm() < 1e-14);
        }
        // Far out the tail is e^{-j pi x^2 / 2} / (j pi x).
        let x: f64 = 200.0;
        let far = Complex64::new(0.0, -FRAC_PI_2 * x * x).exp() / Complex64::new(0.0, PI * x);
        assert!((fresnel_tail(x) / far - 1.0).norm() < 1e-4);
    }
}
