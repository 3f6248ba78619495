//! The electric field along a ray: how antennas make it, how faces change it.
//!
//! Sources: C. Balanis, Antenna Theory, 4.2 (the short dipole: `E = sin theta` along `theta-hat`);
//! for the faces, Recommendation ITU-R P.2040-3 as in [`super::slab`]. Antennas stand upright. A ray along
//! the unit vector `k` has
//!
//! ```text
//! phi-hat = z x k / |z x k|     theta-hat = phi-hat x k
//! sent:      E = p(theta) theta-hat(k)
//! a face:    e_TE = k x n / |k x n|, E' = c_TE (E . e_TE) e_TE + c_TM (E . (e_TE x k)) (e_TE x k')
//! received:  p(theta') theta-hat(-k') . E,    which is theta-hat(k') . E
//! ```
//!
//! `p` is 1 for the isotropic antenna, whose field still points along theta-hat, and `sin theta` for the
//! short dipole, scaled to 1 at the horizon: between antennas of equal height free space gives 1 / r.

use num_complex::Complex64;

use super::Vector;
use super::config::Antenna;
use super::slab::Polarised;
use super::vector::{add_scaled, cross, dot, unit};

const UP: Vector = [0.0, 0.0, 1.0];

/// A complex electric field, perpendicular to the ray it travels on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    re: Vector,
    im: Vector,
}

/// `phi-hat` and `theta-hat` of a ray along `direction`. Straight up or down they have no direction of
/// their own, and x and y stand in.
pub(super) fn frame(direction: Vector) -> (Vector, Vector) {
    let phi = unit(cross(UP, direction)).unwrap_or([0.0, 1.0, 0.0]);
    (phi, cross(phi, direction))
}

impl Antenna {
    /// Amplitude towards the unit vector `direction`, over that at the horizon.
    pub(super) fn pattern(self, direction: Vector) -> f64 {
        match self {
            Self::Isotropic => 1.0,
            Self::ShortDipole => direction[0].hypot(direction[1]),
        }
    }
}

impl Field {
    /// The field that an upright antenna sends along `direction`, at 1 m without its phase.
    pub(super) fn sent(antenna: Antenna, direction: Vector) -> Self {
        let pattern = antenna.pattern(direction);
        Self { re: frame(direction).1.map(|x| pattern * x), im: [0.0; 3] }
    }

    /// What an upright antenna receives of the field on a ray along `direction`.
    pub(super) fn received(&self, antenna: Antenna, direction: Vector) -> Complex64 {
        antenna.pattern(direction) * self.along(frame(direction).1)
    }

    /// The component along a real unit vector.
    pub(super) fn along(&self, axis: Vector) -> Complex64 {
        Complex64::new(dot(self.re, axis), dot(self.im, axis))
    }

    /// The field with components `first` along `axes.0` and `second` along `axes.1`.
    pub(super) fn of(first: Complex64, second: Complex64, axes: (Vector, Vector)) -> Self {
        let part = |a: f64, b: f64| add_scaled(axes.0.map(|x| a * x), b, axes.1);
        Self { re: part(first.re, second.re), im: part(first.im, second.im) }
    }

    /// The field after a face of unit `normal` that turns the ray from `incident` to `outgoing`.
    pub(super) fn after(
        &self,
        normal: Vector,
        incident: Vector,
        outgoing: Vector,
        factors: Polarised,
    ) -> Self {
        // At normal incidence every axis in the face is TE and TM alike.
        let te = unit(cross(incident, normal)).unwrap_or_else(|| frame(incident).0);
        let through_te = factors.te * self.along(te);
        let through_tm = factors.tm * self.along(cross(te, incident));
        Self::of(through_te, through_tm, (te, cross(te, outgoing)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: Complex64, b: f64) -> bool {
        (a - b).norm() < 1e-12
    }

    #[test]
    fn free_space_between_any_heights() {
        let direction = unit([3.0, -1.0, 2.0]).unwrap();
        let sent = Field::sent(Antenna::Isotropic, direction);
        assert!(close(sent.received(Antenna::Isotropic, direction), 1.0));
        let sent = Field::sent(Antenna::ShortDipole, direction);
        let square = 10.0 / 14.0;
        assert!(close(sent.received(Antenna::ShortDipole, direction), square));
    }

    /// A conductor turns the tangential field round and keeps the normal one.
    #[test]
    fn a_conductor_cancels_the_tangential_field() {
        let conductor = Polarised { te: Complex64::new(-1.0, 0.0), tm: Complex64::new(1.0, 0.0) };
        let normal = [0.0, 0.0, 1.0];
        for incident in [[0.6, 0.0, -0.8], [0.0, 0.6, -0.8], [0.0, 0.0, -1.0]] {
            let outgoing = [incident[0], incident[1], -incident[2]];
            let before = Field::sent(Antenna::Isotropic, incident);
            let after = before.after(normal, incident, outgoing, conductor);
            for axis in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] {
                assert!((before.along(axis) + after.along(axis)).norm() < 1e-12);
            }
            assert!((before.along(normal) - after.along(normal)).norm() < 1e-12);
        }
    }
}
