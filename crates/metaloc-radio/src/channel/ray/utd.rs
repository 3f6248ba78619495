//! Diffraction at a wedge by the uniform theory of diffraction.
//!
//! Sources: R. Kouyoumjian, P. Pathak, "A uniform geometrical theory of diffraction for an edge in a
//! perfectly conducting surface", Proc. IEEE 62 (1974); R. Luebbers, "Finite conductivity uniform GTD
//! versus knife edge diffraction in prediction of propagation path loss", IEEE Trans. AP 32 (1984), which
//! weights the terms of reflection; W. Burnside, K. Burgener, "High frequency scattering by a thin
//! lossless dielectric slab", IEEE Trans. AP 31 (1983), which weights those of incidence by 1 - T.
//!
//! The air around the wedge spans `n pi`; `phi'` and `phi` are the angles of source and receiver from
//! the 0-face, `s'` and `s` their distances to the edge, `beta_0` the ray's angle with the edge:
//!
//! ```text
//! D_i = -e^{-j pi/4} / (2 n sqrt(2 pi k) sin beta_0) cot(chi_i) F(k L a_i)
//! chi_{1,2} = (pi +- (phi - phi')) / 2n      chi_{3,4} = (pi +- (phi + phi')) / 2n
//! L = s s' sin^2 beta_0 / (s + s')           a = 2 sin^2(e / 2),  e = 2n (chi - pi round(chi / pi))
//! F(x) = sqrt(pi x / 2) e^{jx} 2j int_{sqrt(2x/pi)}^inf e^{-j pi t^2 / 2} dt
//! D   = (1 - T) (D_1 + D_2) + R_n D_3 + R_0 D_4
//! E_d = E_0 D e^{-jk(s + s')} / sqrt(s s' (s + s'))
//! ```
//!
//! where `E_0 e^{-jkr} / r` is the source's field. `a` is Kouyoumjian and Pathak's
//! `2 cos^2((2 n pi N - b) / 2)`, written from where it is 0. There, on the borders of shadows,
//! `cot(chi) F -> n (sqrt(2 pi k L) sign(e) - 2 k L e e^{j pi/4}) e^{j pi/4}`.

use std::f64::consts::{FRAC_PI_4, PI, TAU};

use num_complex::Complex64;

use super::fresnel::fresnel_tail;

/// Where source and receiver are around a wedge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WedgeGeometry {
    /// Angle of the air around the wedge over pi: 2 for a screen, 1.5 for a right-angled corner.
    pub n: f64,
    /// Angle of the source from the 0-face (rad), 0 to n pi.
    pub source_angle: f64,
    /// Angle of the receiver from the 0-face (rad), 0 to n pi.
    pub receiver_angle: f64,
    /// The source's distance to the point of diffraction (m).
    pub source_distance_m: f64,
    /// The receiver's distance to the point of diffraction (m).
    pub receiver_distance_m: f64,
    /// Sine of the ray's angle with the edge, `sin beta_0`.
    pub edge_sine: f64,
}

/// How much the wedge's faces let through and reflect, for one polarisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WedgeWeights {
    /// `T` of the way through the wedge: 0 if it is opaque.
    pub through: Complex64,
    /// `R` of the 0-face: -1 (soft) or +1 (hard) of a conductor.
    pub zero_face: Complex64,
    /// `R` of the n-face.
    pub n_face: Complex64,
}

/// The function `F(x)` of transition, x >= 0: 0 at 0, and 1 far from the border of a shadow.
#[must_use]
pub fn transition(x: f64) -> Complex64 {
    let tail = fresnel_tail((2.0 * x / PI).sqrt());
    (PI * x / 2.0).sqrt() * Complex64::new(0.0, 2.0) * Complex64::new(0.0, x).exp() * tail
}

/// `cot(chi) F(k L a)`.
fn term(chi: f64, n: f64, wavenumber_length: f64) -> Complex64 {
    let offset = chi - PI * (chi / PI).round();
    let epsilon = 2.0 * n * offset;
    if epsilon.abs() * wavenumber_length.sqrt().max(1.0) < 1e-5 {
        let turn = Complex64::from_polar(1.0, FRAC_PI_4);
        let step = (2.0 * PI * wavenumber_length).sqrt().copysign(epsilon);
        return n * (step - 2.0 * wavenumber_length * epsilon * turn) * turn;
    }
    transition(wavenumber_length * 2.0 * (epsilon / 2.0).sin().powi(2)) / offset.tan()
}

/// The terms of `D / sqrt(s s' (s + s'))`, which polarisations have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WedgeTerms {
    /// Of `D_1 + D_2`, `D_3` and `D_4`.
    terms: [Complex64; 3],
}

/// Amplitude `E_d / E_0` without the phase of the way: `D / sqrt(s s' (s + s'))`; `wavenumber` is `k`
/// (rad/m).
#[must_use]
pub fn wedge_gain(at: &WedgeGeometry, weights: &WedgeWeights, wavenumber: f64) -> Complex64 {
    wedge_terms(at, wavenumber).weighted(weights)
}

impl WedgeTerms {
    /// The most that any weights make of them: T and R are at most 1 in amplitude.
    pub(super) fn most(&self) -> f64 {
        let [incidence, n_face, zero_face] = self.terms.map(Complex64::norm);
        2.0 * incidence + n_face + zero_face
    }

    pub(super) fn weighted(&self, weights: &WedgeWeights) -> Complex64 {
        let [incidence, n_face, zero_face] = self.terms;
        (1.0 - weights.through) * incidence
            + weights.n_face * n_face
            + weights.zero_face * zero_face
    }
}

pub(super) fn wedge_terms(at: &WedgeGeometry, wavenumber: f64) -> WedgeTerms {
    let (s, source) = (at.receiver_distance_m, at.source_distance_m);
    let spread = wavenumber * s * source * at.edge_sine * at.edge_sine / (s + source);
    let (difference, sum) =
        (at.receiver_angle - at.source_angle, at.receiver_angle + at.source_angle);
    let pair =
        |angle: f64| [PI + angle, PI - angle].map(|chi| term(chi / (2.0 * at.n), at.n, spread));
    let ([one, two], [three, four]) = (pair(difference), pair(sum));
    let root = (s * source * (s + source)).sqrt();
    let scale = -1.0 / (2.0 * at.n * (TAU * wavenumber).sqrt() * at.edge_sine * root);
    let scale = scale * Complex64::from_polar(1.0, -FRAC_PI_4);
    WedgeTerms { terms: [one + two, three, four].map(|term| scale * term) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::FRAC_PI_2;

    const SOFT: WedgeWeights = WedgeWeights {
        through: Complex64::ZERO,
        zero_face: Complex64::new(-1.0, 0.0),
        n_face: Complex64::new(-1.0, 0.0),
    };

    fn screen(source_angle: f64, receiver_angle: f64) -> WedgeGeometry {
        WedgeGeometry {
            n: 2.0,
            source_angle,
            receiver_angle,
            source_distance_m: 5.0,
            receiver_distance_m: 5.0,
            edge_sine: 1.0,
        }
    }

    /// Field over that of free space at the same place: direct (where lit), reflected, diffracted.
    fn total(at: &WedgeGeometry, weights: &WedgeWeights) -> Complex64 {
        let k = TAU * 2.44e9 / 299_792_458.0;
        let over = |angle: f64| {
            let (s, t) = (at.source_distance_m, at.receiver_distance_m);
            (s * s + t * t - 2.0 * s * t * angle.cos()).sqrt()
        };
        let wave = |r: f64| Complex64::from_polar(1.0 / r, -k * r);
        let (difference, sum) =
            (at.receiver_angle - at.source_angle, at.receiver_angle + at.source_angle);
        let mut field = wedge_gain(at, weights, k)
            * Complex64::from_polar(1.0, -k * (at.source_distance_m + at.receiver_distance_m));
        let direct = wave(over(difference));
        field += if difference < PI { direct } else { weights.through * direct };
        if sum < PI {
            field += weights.zero_face * wave(over(sum));
        }
        field / direct
    }

    #[test]
    fn the_border_of_the_shadow_of_a_screen() {
        let at = |angle: f64| total(&screen(FRAC_PI_2, angle), &SOFT);
        let loss = -20.0 * at(1.5 * PI - 1e-9).norm().log10();
        assert!((loss - 6.2).abs() < 0.1, "{loss}");
        for step in [1e-9, 1e-7, 1e-5, 1e-4] {
            let (lit, dark) = (at(1.5 * PI - step), at(1.5 * PI + step));
            let jump = 20.0 * (lit.norm() / dark.norm()).log10();
            assert!(jump.abs() < 0.02, "{step}: {jump}");
        }
    }

    #[test]
    fn the_border_of_the_reflection_of_a_screen() {
        let at = |angle: f64| total(&screen(FRAC_PI_4, angle), &SOFT);
        for step in [1e-9, 1e-6, 1e-4] {
            let (inside, outside) = (at(0.75 * PI - step), at(0.75 * PI + step));
            assert!((inside - outside).norm() < 0.02, "{step}: {inside} {outside}");
        }
    }

    #[test]
    fn a_transparent_screen_does_nothing() {
        let one = Complex64::new(1.0, 0.0);
        let clear =
            WedgeWeights { through: one, zero_face: Complex64::ZERO, n_face: Complex64::ZERO };
        assert!((total(&screen(1.0, 4.5), &clear) - 1.0).norm() < 1e-12);
    }

    /// In the shadow of a screen that does not reflect UTD and the knife edge say nearly the same.
    #[test]
    fn shadow_as_behind_a_knife_edge() {
        let black = WedgeWeights { zero_face: Complex64::ZERO, n_face: Complex64::ZERO, ..SOFT };
        for turn in [0.01, 0.05, 0.1, 0.2] {
            let at = screen(FRAC_PI_2, 1.5 * PI + turn);
            let found = -20.0 * total(&at, &black).norm().log10();
            let direct = 10.0 * (0.5 * (PI + turn)).sin();
            let nu = 2.0 * ((10.0 - direct) * 2.44e9 / 299_792_458.0).sqrt();
            let expected = super::super::knife_edge::knife_edge_loss_db(nu);
            assert!((found - expected).abs() < 0.1, "{turn}: {found} {expected}");
        }
    }

    #[test]
    fn transition_goes_from_zero_to_one() {
        assert!(transition(0.0).norm() < 1e-12);
        assert!((transition(1e6) - 1.0).norm() < 1e-6);
        // Kouyoumjian and Pathak's expansion for small arguments.
        let (x, turn): (f64, _) = (0.01, Complex64::from_polar(1.0, FRAC_PI_4));
        let small = (PI * x).sqrt() - 2.0 * x * turn - 2.0 / 3.0 * x * x * turn.conj();
        let expected = small * turn * Complex64::new(0.0, x).exp();
        assert!((transition(x) - expected).norm() < 1e-4);
    }
}
