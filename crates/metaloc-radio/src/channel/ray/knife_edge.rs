//! Diffraction at a knife edge: the edge of a black half-plane.
//!
//! Source: Recommendation ITU-R P.526-15, sections 2.7 and 4.1. With `h` the edge's height above the line
//! between the ends, `d1` and `d2` its distances to them, and `D` how much longer the way over the edge is:
//!
//! ```text
//! nu    = h sqrt(2 (1 / d1 + 1 / d2) / lambda) = 2 sqrt(D / lambda)     (for h << d1, d2)
//! J(nu) = -20 lg |F(nu)|,   F(nu) = (1 + j) / 2 int_nu^inf e^{-j pi t^2 / 2} dt
//! J(nu) ~ 6.9 + 20 lg(sqrt((nu - 0.1)^2 + 1) + nu - 0.1)                for nu > -0.78, else 0
//! ```
//!
//! `F` is the field over that without the edge. Its phase turns as `e^{-j pi nu^2 / 2}`, which is that
//! of the longer way.

use num_complex::Complex64;

use super::fresnel::fresnel_tail;

/// `F(nu)`: the field behind the edge over that without it; 1/2 on the line of sight's border.
#[must_use]
pub fn knife_edge_field(nu: f64) -> Complex64 {
    Complex64::new(0.5, 0.5) * fresnel_tail(nu)
}

/// Loss over free space (dB), exact.
#[must_use]
pub fn knife_edge_loss_db(nu: f64) -> f64 {
    -20.0 * knife_edge_field(nu).norm().log10()
}

/// Loss over free space (dB) by P.526's approximation.
#[must_use]
pub fn knife_edge_loss_approximate_db(nu: f64) -> f64 {
    let shifted = nu - 0.1;
    let loss = 6.9 + 20.0 * (shifted.hypot(1.0) + shifted).log10();
    if nu > -0.78 { loss } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (nu, exact, approximate) in
            [(0.0, 6.02, 6.03), (1.0, 13.86, 13.93), (2.0, 19.09, 19.04)]
        {
            assert!((knife_edge_loss_db(nu) - exact).abs() < 0.0051);
            assert!((knife_edge_loss_approximate_db(nu) - approximate).abs() < 0.0051);
        }
    }

    #[test]
    fn far_above_the_edge_there_is_no_loss() {
        assert!(knife_edge_loss_db(-30.0).abs() < 0.1);
        assert!(knife_edge_loss_approximate_db(-0.79).abs() < 1e-12);
        assert!(knife_edge_loss_approximate_db(-0.77).abs() < 0.1);
    }
}
