//! Reflection and transmission of a plane wave at a slab between air and air.
//!
//! Source: Recommendation ITU-R P.2040-3, sections 2.1 and 2.2. With `eta` the complex relative
//! permittivity, `d` the thickness, `theta` the angle of incidence, time as `e^{+j omega t}`:
//!
//! ```text
//! s    = sqrt(eta - sin^2 theta)
//! r_TE = (cos theta - s) / (cos theta + s)
//! r_TM = (eta cos theta - s) / (eta cos theta + s)
//! q    = (2 pi d / lambda) s
//! R    = r (1 - e^{-2jq}) / (1 - r^2 e^{-2jq})
//! T    = (1 - r^2) e^{-jq} / (1 - r^2 e^{-2jq})
//! ```
//!
//! The signs of TM are those of fields along `e_TE x k`, which turns with the ray: at normal incidence
//! `r_TM = -r_TE`, and at grazing incidence both are -1. `T` spans the slab: it holds the phase that the
//! wave gains inside, instead of the phase over the same way in air. A ray tracer that measures the whole
//! path in air must take that one out again: [`Slab::crossing`] is `T e^{+j (2 pi d / lambda) cos theta}`,
//! which goes to 1 as the slab gets thin.

use num_complex::Complex64;

use crate::channel::Material;
use crate::channel::path_loss::SPEED_OF_LIGHT_M_PER_S;

/// A factor for each of the two polarisations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polarised {
    /// Of the electric field perpendicular to the plane of incidence.
    pub te: Complex64,
    /// Of the electric field in the plane of incidence.
    pub tm: Complex64,
}

impl Polarised {
    /// The larger magnitude of the two: what a field of any polarisation keeps at most.
    #[must_use]
    pub fn most(self) -> f64 {
        self.te.norm_sqr().max(self.tm.norm_sqr()).sqrt()
    }

    fn map(self, f: impl Fn(Complex64) -> Complex64) -> Self {
        Self { te: f(self.te), tm: f(self.tm) }
    }
}

/// A slab at one frequency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slab {
    permittivity: Complex64,
    /// `2 pi d / lambda`, lambda in air.
    electrical_thickness: f64,
}

impl Slab {
    /// A slab of `material`, `thickness_m` thick, at `frequency_hz`.
    #[must_use]
    pub fn new(material: Material, thickness_m: f64, frequency_hz: f64) -> Self {
        Self::from_permittivity(material.permittivity(frequency_hz), thickness_m, frequency_hz)
    }

    /// A slab of complex relative permittivity `permittivity`, whose imaginary part is not positive.
    #[must_use]
    pub fn from_permittivity(permittivity: Complex64, thickness_m: f64, frequency_hz: f64) -> Self {
        let wavenumber = std::f64::consts::TAU * frequency_hz / SPEED_OF_LIGHT_M_PER_S;
        Self { permittivity, electrical_thickness: wavenumber * thickness_m }
    }

    /// `s` of the file's head.
    fn refracted(&self, cosine: f64) -> Complex64 {
        let root = (self.permittivity - (1.0 - cosine * cosine)).sqrt();
        // Waves must die away inside: of the two roots the one with a negative imaginary part.
        if root.im > 0.0 { -root } else { root }
    }

    /// Reflection `r` at the first surface alone, as of a half-space; `cosine` of the angle of incidence.
    #[must_use]
    pub fn interface(&self, cosine: f64) -> Polarised {
        self.interface_with(cosine, self.refracted(cosine))
    }

    fn interface_with(&self, cosine: f64, s: Complex64) -> Polarised {
        let dense = self.permittivity * cosine;
        // Air on air at grazing incidence: nothing reflects.
        let ratio = |above: Complex64, below: Complex64| {
            if below.norm_sqr() > 0.0 { above / below } else { Complex64::ZERO }
        };
        Polarised { te: ratio(cosine - s, cosine + s), tm: ratio(dense - s, dense + s) }
    }

    /// Reflection `R` of the slab; `cosine` of the angle of incidence, 0 to 1.
    #[must_use]
    pub fn reflection(&self, cosine: f64) -> Polarised {
        let s = self.refracted(cosine);
        let twice = (Complex64::new(0.0, -2.0 * self.electrical_thickness) * s).exp();
        self.interface_with(cosine, s).map(|r| {
            let echo = 1.0 - r * r * twice;
            // At grazing incidence r^2 is 1, and a thin lossless slab would make 0/0 of it.
            if echo.norm_sqr() > 1e-24 { r * (1.0 - twice) / echo } else { r }
        })
    }

    /// Transmission `T` of the slab, from the point where the wave enters to the one opposite.
    #[must_use]
    pub fn transmission(&self, cosine: f64) -> Polarised {
        let s = self.refracted(cosine);
        let once = (Complex64::new(0.0, -self.electrical_thickness) * s).exp();
        self.interface_with(cosine, s).map(|r| {
            let echo = 1.0 - r * r * once * once;
            if echo.norm_sqr() > 1e-24 { (1.0 - r * r) * once / echo } else { Complex64::ZERO }
        })
    }

    /// Transmission in place of the same way through air: `T` without the phase of that way.
    #[must_use]
    pub fn crossing(&self, cosine: f64) -> Polarised {
        let air = Complex64::from_polar(1.0, self.electrical_thickness * cosine);
        self.transmission(cosine).map(|t| t * air)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn db(x: Complex64) -> f64 {
        20.0 * x.norm().log10()
    }

    #[test]
    fn transmission_at_normal_incidence() {
        let table = [
            (Material::Plasterboard, 0.0125, -1.09, -1.10),
            (Material::Brick, 0.1, -3.21, -3.21),
            (Material::Concrete, 0.15, -11.48, -19.39),
            (Material::Wood, 0.04, -0.61, -1.34),
            (Material::Glass, 0.006, -1.95, -3.33),
        ];
        for (material, thickness, low, high) in table {
            for (frequency, expected) in [(2.44e9, low), (5.2e9, high)] {
                let found = Slab::new(material, thickness, frequency).transmission(1.0);
                assert!((db(found.te) - expected).abs() < 0.0051, "{material:?}: {found:?}");
                assert!((db(found.tm) - expected).abs() < 0.0051, "{material:?}: {found:?}");
            }
        }
    }

    #[test]
    fn interface_of_concrete() {
        let slab = Slab::new(Material::Concrete, 0.15, 2.44e9);
        let normal = slab.interface(1.0);
        assert!((normal.te.norm() - 0.395).abs() < 5e-4);
        assert!((normal.te + normal.tm).norm() < 1e-12);
        let oblique = slab.interface(0.5);
        assert!((oblique.te.norm() - 0.621).abs() < 5e-4);
        assert!((oblique.tm.norm() - 0.110).abs() < 5e-4);
    }

    #[test]
    fn a_lossless_slab_keeps_the_energy() {
        for cosine in [1.0, 0.9, 0.5, 0.1, 1e-3] {
            for thickness in [1e-4, 0.01, 0.0371, 0.2] {
                let slab = Slab::from_permittivity(Complex64::new(5.24, 0.0), thickness, 2.44e9);
                let (r, t) = (slab.reflection(cosine), slab.transmission(cosine));
                assert!((r.te.norm_sqr() + t.te.norm_sqr() - 1.0).abs() < 1e-10);
                assert!((r.tm.norm_sqr() + t.tm.norm_sqr() - 1.0).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn a_thin_slab_lets_all_through() {
        for material in Material::ALL.into_iter().filter(|m| *m != Material::Metal) {
            let thin = Slab::new(material, 1e-9, 2.44e9);
            assert!((thin.crossing(0.7).te - 1.0).norm() < 1e-6);
            assert!((thin.crossing(0.7).tm - 1.0).norm() < 1e-6);
            assert!(thin.reflection(0.7).most() < 1e-6);
        }
    }

    #[test]
    fn a_lossless_slab_of_half_a_wave_is_transparent() {
        let (frequency, eta) = (2.44e9, 4.0_f64);
        let wavelength = SPEED_OF_LIGHT_M_PER_S / frequency;
        for cosine in [1.0_f64, 0.6] {
            let s = (eta - 1.0 + cosine * cosine).sqrt();
            let thickness = wavelength / (2.0 * s);
            let slab = Slab::from_permittivity(Complex64::new(eta, 0.0), thickness, frequency);
            assert!(slab.reflection(cosine).most() < 1e-12);
            assert!((slab.transmission(cosine).te.norm() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_thick_lossy_slab_reflects_as_a_half_space() {
        let slab = Slab::new(Material::Concrete, 10.0, 2.44e9);
        for cosine in [1.0, 0.5, 0.05] {
            assert!((slab.reflection(cosine).te - slab.interface(cosine).te).norm() < 1e-12);
            assert!((slab.reflection(cosine).tm - slab.interface(cosine).tm).norm() < 1e-12);
        }
    }

    #[test]
    fn coefficients_stay_finite_and_passive() {
        for material in Material::ALL {
            for cosine in [0.0, 1e-9, 1e-3, 0.5, 1.0] {
                let slab = Slab::new(material, material.usual_thickness_m(), 2.44e9);
                for factor in [slab.reflection(cosine), slab.crossing(cosine)] {
                    assert!(factor.most() <= 1.0 + 1e-9, "{material:?} {cosine} {factor:?}");
                }
            }
        }
    }
}
