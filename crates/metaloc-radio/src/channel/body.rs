//! People in the way of waves: as screens that block, and as bodies that scatter.
//!
//! Blocking: 3GPP TR 38.901, section 7.6.4.2 (blockage model B), an upright screen across the way:
//!
//! ```text
//! L = -20 lg(1 - (F_h1 + F_h2)(F_w1 + F_w2)),   F = atan(+- (pi / 2) sqrt(pi / lambda (D1 + D2 - r))) / pi
//! ```
//!
//! for the screen's upper and lower edge (from the side) and its two sides (from above); `D1 + D2 - r` is the
//! detour over the edge; plus where the screen reaches over the straight line on that side, else minus.
//!
//! Scattering: the bistatic radar equation, which in the sum of fields of [`super::ray`] is a path of
//! `a = sqrt(sigma / 4 pi) / (d1 d2)`. That a body has one cross section all around is a simplification of ours, as are the defaults.

use std::f64::consts::{FRAC_PI_2, PI};

use serde::{Deserialize, Serialize};

use super::Place;
use super::ray::Vector;
use crate::RadioError;

/// Beyond so many Fresnel radii from a body's side, a wave does not feel it.
const FELT_RADII: f64 = 5.0;

/// A straight piece of a wave's way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leg {
    from: Vector,
    to: Vector,
    /// Seen from above (m): asked for every person at every moment.
    length_m: f64,
}

impl Leg {
    /// From one point to another (m).
    #[must_use]
    pub fn new(from: Vector, to: Vector) -> Self {
        Self { from, to, length_m: (to[0] - from[0]).hypot(to[1] - from[1]) }
    }
}

/// A standing or walking person.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    /// Half its width (m).
    pub radius_m: f64,
    /// Height (m).
    pub height_m: f64,
    /// Radar cross section (m²).
    pub cross_section_m2: f64,
}

impl Default for Body {
    fn default() -> Self {
        Self { radius_m: 0.2, height_m: 1.75, cross_section_m2: 1.0 }
    }
}

impl Body {
    /// Checks every setting's range.
    ///
    /// # Errors
    /// [`RadioError::Setting`] naming the setting.
    pub fn check(&self) -> Result<(), RadioError> {
        RadioError::check_ranges([
            ("radius_m", self.radius_m, (1e-3..=1.0, "0.001 to 1")),
            ("height_m", self.height_m, (1e-3..=3.0, "0.001 to 3")),
            ("cross_section_m2", self.cross_section_m2, (1e-6..=100.0, "0.000001 to 100")),
        ])
    }

    /// What a body at `at` leaves of a wave's amplitude on the leg, 0 to 1.
    #[must_use]
    pub fn shadow(&self, at: Place, leg: Leg, wavelength_m: f64) -> f64 {
        let Leg { from, to, length_m: length } = leg;
        let way = [to[0] - from[0], to[1] - from[1]];
        if length < 1e-6 {
            return 1.0;
        }
        let rest = [at[0] - from[0], at[1] - from[1]];
        let before = (rest[0] * way[0] + rest[1] * way[1]) / length;
        let aside = (way[0] * rest[1] - way[1] * rest[0]) / length;
        let behind = length - before;
        if before <= 0.0 || behind <= 0.0 {
            return 1.0;
        }
        let fresnel = (wavelength_m * before * behind / length).sqrt();
        if aside.abs() > self.radius_m + FELT_RADII * fresnel {
            return 1.0;
        }
        // `over`: how far the screen reaches over the straight line on one side, of the two legs beside.
        let edge = |over: f64, legs: [f64; 2], straight: f64| {
            let detour = legs[0].hypot(over) + legs[1].hypot(over) - straight;
            let f = (FRAC_PI_2 * (PI / wavelength_m * detour.max(0.0)).sqrt()).atan() / PI;
            f.copysign(over)
        };
        let across: f64 = [aside + self.radius_m, self.radius_m - aside]
            .iter()
            .map(|over| edge(*over, [before, behind], length))
            .sum();
        // From the side the line may rise: the edges lie above and below it.
        let level = from[2] + (to[2] - from[2]) * before / length;
        let slope = length.hypot(to[2] - from[2]) / length;
        let legs = [before * slope, behind * slope];
        let upright: f64 = [self.height_m - level, level]
            .iter()
            .map(|over| edge(*over, legs, length * slope))
            .sum();
        (1.0 - across * upright).clamp(0.0, 1.0)
    }

    /// Where the body scatters from: a little above its middle.
    #[must_use]
    pub fn scattering_center(&self, at: Place) -> Vector {
        [at[0], at[1], 0.6 * self.height_m]
    }

    /// What the body makes of the product of the amplitudes of the ways to and from it, in the sum of
    /// fields: `sqrt(sigma / 4 pi)` (m).
    #[must_use]
    pub fn scattering_length_m(&self) -> f64 {
        (self.cross_section_m2 / (4.0 * PI)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAVELENGTH_M: f64 = 0.058;
    const ENDS: [Vector; 2] = [[0.0, 0.0, 1.2], [6.0, 0.0, 1.2]];

    fn shadow(body: Body, at: Place, [from, to]: [Vector; 2]) -> f64 {
        body.shadow(at, Leg::new(from, to), WAVELENGTH_M)
    }

    #[test]
    fn a_body_in_the_line_blocks_as_the_model_says() {
        // By hand: edges 0.2 m aside and half-way; 0.55 m above; 1.2 m below.
        let f = |over: f64| {
            let detour = 2.0 * 3_f64.hypot(over) - 6.0;
            (FRAC_PI_2 * (PI / WAVELENGTH_M * detour).sqrt()).atan() / PI
        };
        let expected = 1.0 - 2.0 * f(0.2) * (f(0.55) + f(1.2));
        let found = shadow(Body::default(), [3.0, 0.0], ENDS);
        assert!((found - expected).abs() < 1e-12);
        // 5 to 15 dB, as people are measured to do.
        assert!((-15.0..-5.0).contains(&(20.0 * found.log10())), "{found}");
    }

    #[test]
    fn a_line_that_touches_a_wide_tall_screen_has_half_the_field() {
        let wall = Body { radius_m: 50.0, height_m: 100.0, cross_section_m2: 1.0 };
        let leg = [[0.0, 0.0, 50.0], [6.0, 0.0, 50.0]];
        let found = shadow(wall, [3.0, 50.0], leg);
        assert!((found - 0.5).abs() < 0.01, "{found}");
        assert!(shadow(wall, [3.0, 0.0], leg) < 0.02);
    }

    #[test]
    fn who_stands_aside_or_behind_blocks_nothing() {
        let shadow_at = |at| shadow(Body::default(), at, ENDS);
        for at in [[3.0, 3.0], [-0.5, 0.0], [6.5, 0.0]] {
            assert!((shadow_at(at) - 1.0).abs() < 1e-12, "{at:?}");
        }
        // Both ways alike, and smooth where the model stops.
        let back = shadow(Body::default(), [2.0, 0.1], [ENDS[1], ENDS[0]]);
        assert!((back - shadow_at([2.0, 0.1])).abs() < 1e-12);
        let edge = 0.2 + FELT_RADII * (WAVELENGTH_M * 1.5_f64).sqrt();
        assert!(shadow_at([3.0, edge - 1e-6]) > 0.97);
    }

    /// `P_r / P_t = lambda^2 sigma / ((4 pi)^3 d1^2 d2^2)`.
    #[test]
    fn scattering_follows_the_radar_equation() {
        let body = Body::default();
        let h = WAVELENGTH_M / (4.0 * PI) * body.scattering_length_m() / (2.0 * 3.0);
        let power = WAVELENGTH_M.powi(2) / ((4.0 * PI).powi(3) * 36.0);
        assert!((h * h / power - 1.0).abs() < 1e-12);
    }

    #[test]
    fn settings_are_checked() {
        assert!(Body::default().check().is_ok());
        let wrong = Body { radius_m: f64::NAN, ..Body::default() };
        assert!(wrong.check().unwrap_err().to_string().contains("radius_m"));
    }
}
