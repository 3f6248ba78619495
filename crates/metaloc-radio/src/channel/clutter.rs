//! Clutter: the many small things that a floor plan leaves out, as points that scatter.
//!
//! Each is a path of the bistatic radar equation ([`super::Body`]) over the straight ways to and from it, and over a
//! detour of its own: rooms reverberate, and what a thing scatters has often bounced on before it comes back. Detours are
//! drawn from the exponential distribution, as the diffuse part of measured delay profiles decays (J. B. Andersen et al.,
//! "Room Electromagnetics", IEEE Antennas and Propagation Magazine 49(2), 2007). How many things there are, how strongly
//! they scatter and how long their detours are is our choice, held to measured channels in docs/simulator.md.

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1, StandardNormal};
use serde::{Deserialize, Serialize};

use super::path_loss::SPEED_OF_LIGHT_M_PER_S;
use super::ray::{Path, Vector};
use super::{FloorPlan, Obstacles};
use crate::RadioError;

/// Draws of a place until a thing is left out.
const DRAWS: usize = 100;
/// Ways to a thing count as at least so long (m).
const LEAST_WAY_M: f64 = 0.2;

/// How cluttered a floor is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClutterConfig {
    /// Things on each square metre of floor (1/m²).
    pub per_m2: f64,
    /// Median radar cross section of a thing (m²).
    pub cross_section_m2: f64,
    /// Standard deviation of it (dB).
    pub spread_db: f64,
    /// Mean detour of a wave over a thing (m).
    pub detour_m: f64,
}

impl Default for ClutterConfig {
    fn default() -> Self {
        Self { per_m2: 1.5, cross_section_m2: 0.3, spread_db: 5.0, detour_m: 8.0 }
    }
}

/// Most things on a floor.
const MOST: f64 = 10_000.0;

/// A thing that scatters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scatterer {
    /// Where it is (m).
    pub at: Vector,
    /// Radar cross section (m²).
    pub cross_section_m2: f64,
    /// Phase that it turns the wave by (rad).
    pub phase: f64,
    /// How much longer than the straight ways the way over it is (m).
    pub detour_m: f64,
}

impl ClutterConfig {
    /// Checks every setting's range.
    ///
    /// # Errors
    /// [`RadioError::Setting`] naming the setting.
    pub fn check(&self) -> Result<(), RadioError> {
        RadioError::check_ranges([
            ("per_m2", self.per_m2, (0.0..=MOST, "0 to 10000")),
            ("cross_section_m2", self.cross_section_m2, (0.0..=100.0, "0 to 100")),
            ("spread_db", self.spread_db, (0.0..=60.0, "0 to 60")),
            ("detour_m", self.detour_m, (0.0..=1000.0, "0 to 1000")),
        ])
    }

    /// Things on a floor.
    fn number(&self, plan: &FloorPlan) -> f64 {
        let [low, high] = plan.extent();
        ((high[0] - low[0]) * (high[1] - low[1]) * self.per_m2).round()
    }

    /// Refuses more than 10,000 things on a floor.
    ///
    /// # Errors
    /// [`RadioError::Setting`] naming `per_m2`.
    pub fn check_number(&self, plan: &FloorPlan) -> Result<(), RadioError> {
        if self.number(plan) <= MOST {
            return Ok(());
        }
        let expected = "so low that there are at most 10000 things on the floor";
        Err(RadioError::Setting { setting: "per_m2", found: self.per_m2, expected })
    }

    /// Things at random places of a floor, on any height.
    pub fn draw(&self, plan: &FloorPlan, rng: &mut impl Rng) -> Vec<Scatterer> {
        let n = self.number(plan).clamp(0.0, MOST) as usize;
        let obstacles = plan.obstacles();
        (0..n).filter_map(|_| self.draw_one((plan, &obstacles), rng)).collect()
    }

    /// One thing; none where no place for it is found.
    pub fn draw_one(
        &self,
        (plan, obstacles): (&FloorPlan, &Obstacles),
        rng: &mut impl Rng,
    ) -> Option<Scatterer> {
        let [low, high] = plan.extent();
        let place = (0..DRAWS).find_map(|_| {
            let at = [0, 1].map(|axis| low[axis] + rng.random::<f64>() * (high[axis] - low[axis]));
            obstacles.is_inside(at).then_some(at)
        });
        let height = rng.random::<f64>() * plan.height_m;
        let spread: f64 = StandardNormal.sample(rng);
        let cross_section_m2 = self.cross_section_m2 * 10_f64.powf(self.spread_db * spread / 10.0);
        let phase = rng.random::<f64>() * TAU;
        let share: f64 = Exp1.sample(rng);
        let [x, y] = place?;
        let detour_m = self.detour_m * share;
        Some(Scatterer { at: [x, y, height], cross_section_m2, phase, detour_m })
    }
}

impl Scatterer {
    /// The path over it, of the straight paths `there` from the transmitter and `back` to the receiver (traced from
    /// the receiver: ways are as good in both directions).
    #[must_use]
    pub fn path(&self, there: &Path, back: &Path) -> Path {
        let way = |path: &Path| path.length_m.max(LEAST_WAY_M);
        // What faces and antennas leave of each, without its own spreading.
        let left = |path: &Path| path.gain * path.length_m / way(path);
        let scattered = (self.cross_section_m2 / (4.0 * PI)).sqrt();
        let length_m = there.length_m + back.length_m + self.detour_m;
        let ends = |path: &Path| path.vertices.first().copied().unwrap_or(self.at);
        Path {
            gain: left(there) * left(back) * Complex64::from_polar(scattered, self.phase),
            length_m,
            delay_s: length_m / SPEED_OF_LIGHT_M_PER_S,
            departure: there.departure,
            arrival: back.departure,
            vertices: vec![ends(there), self.at, ends(back)],
            reflections: 0,
            transmissions: there.transmissions.saturating_add(back.transmissions),
            is_diffracted: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Material;
    use crate::channel::ray::{Antenna, Scene, Tracer, TracerConfig};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// `P_r / P_t = lambda^2 sigma / ((4 pi)^3 d1^2 d2^2)`.
    #[test]
    fn a_thing_follows_the_radar_equation() {
        let config = TracerConfig { antenna: Antenna::Isotropic, ..TracerConfig::default() };
        let tracer = Tracer::new(Scene::new(vec![]).unwrap(), config).unwrap();
        let (from, to) = ([0.0, 0.0, 1.0], [5.0, 0.0, 1.0]);
        let thing =
            Scatterer { at: [0.0, 3.0, 1.0], cross_section_m2: 0.3, phase: 1.0, detour_m: 2.0 };
        let leg = |end| tracer.paths(&tracer.images(end), thing.at)[0].clone();
        let path = thing.path(&leg(from), &leg(to));
        let wavelength = SPEED_OF_LIGHT_M_PER_S / config.frequency_hz;
        let d2 = 34_f64.sqrt();
        let power = wavelength.powi(2) * 0.3 / ((4.0 * PI).powi(3) * 9.0 * d2 * d2);
        let found = (path.gain.norm() * wavelength / (4.0 * PI)).powi(2);
        assert!((found / power - 1.0).abs() < 1e-12);
        assert!((path.length_m - 5.0 - d2).abs() < 1e-12);
        assert_eq!(path.vertices, [from, thing.at, to]);
    }

    #[test]
    fn things_lie_on_the_floor_in_the_asked_number() {
        let plan = FloorPlan::room("r", [6.0, 5.0], Material::Brick);
        let config = ClutterConfig { per_m2: 2.0, ..ClutterConfig::default() };
        let things = config.draw(&plan, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(things.len(), 60);
        for thing in &things {
            let [x, y, z] = thing.at;
            assert!((0.0..6.0).contains(&x) && (0.0..5.0).contains(&y) && (0.0..3.0).contains(&z));
        }
        let mut levels: Vec<f64> = things.iter().map(|t| t.cross_section_m2).collect();
        levels.sort_unstable_by(f64::total_cmp);
        assert!((0.18..0.48).contains(&levels[30]), "{}", levels[30]);
        let detour = things.iter().map(|thing| thing.detour_m).sum::<f64>() / 60.0;
        assert!((5.5..11.0).contains(&detour), "{detour}");
        assert!(ClutterConfig { per_m2: -1.0, ..config }.check().is_err());
        // 30 square metres: 9,990 and 10,020 things.
        let of = |per_m2| ClutterConfig { per_m2, ..config }.check_number(&plan);
        assert!(of(333.0).is_ok() && of(334.0).is_err());
    }
}
